"""The figures of one daemon, while somebody wants them.

Theory. circusd-stats looks at processes for those who subscribe, and for nobody else; so a console that nobody looks at does not
subscribe. The socket lives as long as the wish: without one nothing is connected, tried again or read.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import zmq.asyncio

from circus.web.wire import messages, subscriber

__all__ = ["Feed"]

_LAST = "stat.circus"
"""The topic of the frame that ends a tick of circusd-stats."""


class Feed:
    """Subscribes, and subscribes no more.

    Args:
        context: for the socket; not owned.
        take: is given topic and body of each frame.
    """

    def __init__(self, context: zmq.asyncio.Context, take: Callable[[str, dict[str, Any]], None]) -> None:
        self._context = context
        self._take = take
        self._wanted, self._unwanted, self._came = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._unwanted.set()
        self._runs = False

    @property
    def wanted(self) -> bool:
        """Whether figures are wanted."""
        return self._wanted.is_set()

    def begin(self) -> None:
        """Figures are wanted from now on."""
        self._unwanted.clear()
        self._wanted.set()

    def end(self) -> None:
        """Nobody wants them any more."""
        self._wanted.clear()
        self._unwanted.set()
        self._came.clear()

    async def first(self) -> None:
        """Wait for the first whole tick, as long as it takes; at once where none is to come, or one came."""
        if self._runs and self._wanted.is_set():
            await self._came.wait()

    async def run(self, address: str) -> None:
        """Take what is published at this address, as long as it is wanted. Until cancelled."""
        self._runs = True
        try:
            while True:
                await self._wanted.wait()
                await self._follow(address)
        finally:
            self._runs = False

    async def _follow(self, address: str) -> None:
        socket = subscriber(self._context, address, b"stat.")
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read(socket), name=f"figures from {address}")
                await self._unwanted.wait()
                reader.cancel()
        finally:
            self._came.clear()
            socket.close(linger=0)

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        async for topic, body in messages(socket):
            if isinstance(body, dict):
                self._take(topic, cast("dict[str, Any]", body))
            if topic == _LAST:
                self._came.set()
