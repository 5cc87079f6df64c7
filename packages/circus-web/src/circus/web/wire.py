"""What is needed of one daemon: a caller for commands, and subscriptions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import zmq
import zmq.asyncio
from pydantic_core import from_json

__all__ = ["Caller", "messages", "reachable", "subscriber"]


class Caller(Protocol):
    """Whoever answers commands."""

    async def call(self, cmd: Mapping[str, Any] | str) -> dict[str, Any]:
        """One request, one reply.

        Raises:
            CallError: no answer.
        """
        ...

    def stop(self) -> None:
        """Free the socket."""
        ...


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
