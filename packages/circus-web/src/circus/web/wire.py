"""Sockets to one daemon: a caller for commands, and subscriptions. The only module that touches ZeroMQ."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from uuid import uuid4

import zmq
import zmq.asyncio
from pydantic_core import from_json

from circus.exc import CallError
from circus.protocol import encode

__all__ = ["Caller", "DealerCaller", "messages", "reachable", "subscriber"]


class Caller(Protocol):
    """Whoever answers commands."""

    async def call(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """One request, one reply.

        Raises:
            CallError: no answer.
        """
        ...

    async def close(self) -> None:
        """Free the socket."""
        ...


class DealerCaller:
    """Calls over one DEALER socket; any number at once.

    Args:
        context: owned by the caller of this.
        endpoint: of the daemon.
        timeout: seconds for each call.
    """

    def __init__(self, context: zmq.asyncio.Context, *, endpoint: str, timeout: float) -> None:
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(endpoint)
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.Lock()

    async def call(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """See `Caller`."""
        call_id = uuid4().hex
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = future
        try:
            async with asyncio.timeout(self._timeout):
                await self._socket.send(encode({"msg_type": "dealer", **message, "id": call_id}))
                while not future.done():
                    await self._read_one(future)
                return future.result()
        except TimeoutError:
            raise CallError("Timed out.") from None
        finally:
            self._waiting.pop(call_id, None)

    async def _read_one(self, mine: asyncio.Future[dict[str, Any]]) -> None:
        async with self._reading:
            if mine.done():
                return
            frames = await self._socket.recv_multipart()
        reply = from_json(frames[-1])
        waiter = self._waiting.get(str(reply.get("id"))) if isinstance(reply, dict) else None
        if waiter is not None and not waiter.done():
            waiter.set_result(cast("dict[str, Any]", reply))

    async def close(self) -> None:
        """See `Caller`."""
        self._socket.close(linger=0)


def subscriber(context: zmq.asyncio.Context, endpoint: str, *topics: bytes) -> zmq.asyncio.Socket:
    """A SUB socket; the caller closes it."""
    socket = context.socket(zmq.SUB)
    socket.linger = 0
    socket.rcvhwm = 10_000
    for topic in topics:
        socket.subscribe(topic)
    socket.connect(endpoint)
    return socket


async def messages(socket: zmq.asyncio.Socket) -> AsyncIterator[tuple[str, Any]]:
    """Topic and body of what arrives, for ever; what is not JSON is skipped. Lets others run, too."""
    count = 0
    while True:
        frames = await socket.recv_multipart()
        count += 1
        if count % 64 == 0:
            await asyncio.sleep(0)  # a full socket answers at once and would keep the loop for itself
        if len(frames) != 2:
            continue
        with contextlib.suppress(ValueError):
            yield frames[0].decode("utf-8", "backslashreplace"), from_json(frames[1])


def reachable(endpoint: str, *, seen_from: str) -> str:
    """An endpoint that a daemon tells of, as it can be reached from here.

    >>> reachable("tcp://0.0.0.0:5556", seen_from="tcp://10.0.0.7:5555")
    'tcp://10.0.0.7:5556'
    """
    told, known = urlsplit(endpoint), urlsplit(seen_from)
    if told.scheme != "tcp" or told.hostname not in {"0.0.0.0", "*", "::", None}:  # noqa: S104 - compared, not bound
        return endpoint
    host = known.hostname if known.scheme == "tcp" and known.hostname else "127.0.0.1"
    return f"tcp://{f'[{host}]' if ':' in host else host}:{endpoint.rpartition(':')[2]}"
