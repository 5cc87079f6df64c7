"""When a ZeroMQ socket may be ready, on asyncio. No task, no thread.

Theory: the descriptor of a ZeroMQ socket tells of changes, not of states, and any call on the socket may swallow one.
So whoever is woken drains what it watches until nothing comes, and whoever sent wakes it once more.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import zmq

__all__ = ["Readiness"]


class Readiness:
    """Calls back from a loop whenever one of some sockets may have something.

    Args:
        sockets: what to watch; they stay the caller's, and are closed after `stop` only.
        callback: drains them; runs on the loop.
    """

    def __init__(self, sockets: "tuple[zmq.Socket[Any], ...]", *, callback: Callable[[], None]) -> None:
        self._descriptors = [int(socket.fd) for socket in sockets]
        self._callback = callback
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.Handle | None = None

    def start(self) -> None:
        """Watch from the running loop; idempotent, and moves here from a loop that is closed."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        self.stop()
        self._loop = loop
        for descriptor in self._descriptors:
            loop.add_reader(descriptor, self._callback)

    def again(self) -> None:
        """Call back once more, soon."""
        if self._loop is not None and (self._handle is None or self._handle.cancelled()):
            self._handle = self._loop.call_soon(self._once)

    def _once(self) -> None:
        self._handle = None
        self._callback()

    def stop(self) -> None:
        """Watch no more; idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._loop is not None and not self._loop.is_closed():
            for descriptor in self._descriptors:
                self._loop.remove_reader(descriptor)
        self._loop = None
