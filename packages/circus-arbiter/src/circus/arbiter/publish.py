"""The event socket: topics and JSON out, subscriptions in. A thin shell; it decides nothing.

Publishing never waits: a subscriber that is too slow loses events at its own high-water mark, and sees by the gap
in `seq` that it did.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger
from typing import Any, final

import zmq

from circus.arbiter.control import bind_endpoint, ipc_path
from circus.arbiter.errors import EndpointError
from circus.protocol.codec import encode

__all__ = ["Publisher"]

log = getLogger("circus.arbiter.publish")

_LOG_TOPICS = b"log."


@final
class Publisher:
    """Owns the XPUB socket from `open` to `close`.

    Args:
        context: the ZeroMQ context; stays the caller's.
        endpoint: where to publish.
        on_log_demand: called with True when the first subscriber asks for live output, with False after the last.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        on_log_demand: Callable[[bool], None] = lambda _wanted: None,
    ) -> None:
        self._context = context
        self._endpoint = endpoint
        self._on_log_demand = on_log_demand
        self._socket: zmq.Socket[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._log_topics: set[bytes] = set()
        self._seq = 0

    def open(self) -> None:
        """Bind.

        Raises:
            EndpointError: the endpoint cannot be bound; nothing stays open.
        """
        socket = self._context.socket(zmq.XPUB)
        socket.linger = 0
        socket.setsockopt(zmq.ZAP_DOMAIN, b"circus")
        try:
            bind_endpoint(socket, self._endpoint, "events")
        except EndpointError:
            socket.close(0)
            raise
        self._socket = socket
        self._fd = int(socket.getsockopt(zmq.FD))

    @property
    def bound(self) -> str:
        """The endpoint as it was bound, with the port that the system chose."""
        if self._socket is None:
            return self._endpoint
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow subscriptions from now on."""
        self._loop = loop
        loop.add_reader(self._fd, self._read_subscriptions)
        self._read_subscriptions()

    def event(self, topic: bytes, payload: dict[str, Any]) -> None:
        """Publish an event, numbered."""
        self._seq += 1
        payload["seq"] = self._seq
        self.send(topic, payload)

    def send(self, topic: bytes, payload: dict[str, Any]) -> None:
        """Publish anything; dropped where nobody can take it."""
        if self._socket is None:
            return
        try:
            self._socket.send_multipart([topic, encode(payload)], flags=zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.warning("an event could not be published: %s", error.strerror)
            return
        if int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._read_subscriptions()

    def close(self) -> None:
        """Stop publishing. May be called any number of times."""
        socket, self._socket = self._socket, None
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._loop = None
        if socket is not None:
            socket.close(200)
            path = ipc_path(self._endpoint)
            if path is not None:
                with suppress(OSError):
                    os.unlink(path)

    def _read_subscriptions(self) -> None:
        while self._socket is not None:
            try:
                message = self._socket.recv(flags=zmq.NOBLOCK)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                log.warning("a subscription could not be read: %s", error.strerror)
                return
            topic, before = message[1:], bool(self._log_topics)
            if not topic.startswith(_LOG_TOPICS):
                continue
            if message[:1] == b"\x01":
                self._log_topics.add(topic)
            else:
                self._log_topics.discard(topic)
            if bool(self._log_topics) != before:
                self._on_log_demand(not before)
