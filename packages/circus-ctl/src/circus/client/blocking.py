"""The client that waits.

A call has one deadline from start to end. It sends as soon as a daemon is connected, and fails as soon as the
monitor says that none is, or that it left.
"""

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq

from circus.client.channel import Channel
from circus.client.errors import CallError, NotRunning, TimedOut
from circus.client.link import Link, failure
from circus.client.probe import queue_is_full
from circus.client.security import Security
from circus.client.wire import CallIds, Document, make_message, pack, unpack
from circus.protocol.endpoints import DEFAULT_ENDPOINT

if TYPE_CHECKING:
    from circus.protocol import Reply, Request

__all__ = ["CircusClient"]


class CircusClient:
    """Asks a daemon and waits for its answers.

    Calls from several threads are answered one after the other. Make another client after a fork.

    Args:
        context: a ZeroMQ context; it stays the caller's. Without one, the process's shared one.
        endpoint: where circusd listens.
        timeout: seconds for a whole call.
        ssh_server: ``user@host:port`` to go through; the endpoint is then as that host sees it.
        ssh_keyfile: the private key for that.
        security: keys, for an endpoint that wants some.
        patience: seconds to go on trying while nobody listens; 0 fails at once. For a daemon that just starts.

    Raises:
        CallError: the endpoint cannot be one, or ssh made no tunnel.
    """

    def __init__(
        self,
        context: "zmq.Context[Any] | None" = None,
        endpoint: str = DEFAULT_ENDPOINT,
        timeout: float = 5.0,
        ssh_server: str | None = None,
        ssh_keyfile: str | None = None,
        *,
        security: Security | None = None,
        patience: float = 0.0,
    ) -> None:
        self.context: zmq.Context[Any] = context or zmq.Context.instance()
        self.endpoint = endpoint
        self.timeout = timeout * 1000
        """Milliseconds, as it has always been here."""
        self._patience = patience
        self._ids = CallIds()
        self._turn = threading.Lock()
        self._channel = Channel(
            self.context,
            zmq.DEALER,
            endpoint=endpoint,
            security=security,
            ssh_server=ssh_server,
            ssh_keyfile=ssh_keyfile,
        )
        self._stopped = False

    @property
    def socket(self) -> "zmq.Socket[bytes]":
        """The DEALER."""
        return self._channel.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the connection; idempotent."""
        self._stopped = True
        self._channel.close()

    def send_message(self, command: str, **props: Any) -> Document:
        """`call` with the command and its properties."""
        return self.call(make_message(command, **props))

    def call(self, cmd: Mapping[str, Any] | str) -> Document:
        """Ask, and wait for the answer, whatever it says.

        Args:
            cmd: ``{"command": ..., "properties": {...}}``, the JSON text of that, or just the word of a command.

        Returns:
            The reply as a mapping. A request of ``msg_type`` ``cast`` has none: an empty mapping, once it is sent.

        Raises:
            NotRunning: nobody listens, or the daemon went away meanwhile (`WentAway`).
            TimedOut: no answer in time; ``str(error) == "Timed out."``.
            AccessDenied: the daemon refuses this client.
            CallError: anything else; the root of all of these.
        """
        with self._turn:
            if self._stopped:
                raise CallError("this client is stopped")
            self._freshen()
            call_id = self._ids.next()
            document, frame = pack(cmd, call_id=call_id)
            start = time.monotonic()
            deadline = start + self.timeout / 1000
            self._send(frame, deadline=deadline, patient_until=start + self._patience)
            if document.get("msg_type") == "cast":
                self._channel.linger()
                return {}
            try:
                return self._receive(call_id, deadline=deadline)
            except NotRunning:
                # Whatever of it is still on our side must not reach the next daemon.
                self._channel.drop()
                raise

    def request(self, request: "Request") -> "Reply":
        """Ask with a model, and get one.

        Args:
            request: one of `circus.protocol.messages`.

        Returns:
            One of `circus.protocol.replies`; `ErrorReply` where the daemon refuses.

        Raises:
            CallError: as `call`.
        """
        from circus.client.typed import as_document, as_reply  # noqa: PLC0415 - loads pydantic

        return as_reply(request, self.call(as_document(request)))

    def _freshen(self) -> None:
        """What the link said before this call is old news: unless it stands, connect anew."""
        channel = self._channel
        if channel.is_open:
            for _ in channel.news():
                pass
            if not channel.link.failed:
                return
            channel.drop()
        channel.open()

    def _send(self, frame: bytes, *, deadline: float, patient_until: float) -> None:
        channel = self._channel
        while not channel.try_send(frame):
            for link in channel.news():
                error = failure(link, self.endpoint, sent=False)
                patient = link is Link.NOBODY and (
                    time.monotonic() < patient_until or queue_is_full(self.endpoint)
                )
                if error is not None and not patient:
                    raise error
            if channel.link is not Link.READY:
                self._poll(0, deadline)
            elif not channel.try_send(frame):
                self._poll(zmq.POLLOUT, deadline)
            else:
                return

    def _receive(self, call_id: str, *, deadline: float) -> Document:
        channel = self._channel
        while True:
            # News first, then what was received: an answer that came before the end counts.
            broken = None
            for link in channel.news():
                broken = failure(link, self.endpoint, sent=True) or broken
            while (frames := channel.try_receive()) is not None:
                reply = unpack(frames)
                # Other ids are late answers to calls that timed out. An error without any is about what we just sent.
                if reply.get("id") == call_id or (reply.get("id") is None and reply.get("status") == "error"):
                    return reply
            if broken is not None:
                raise broken
            self._poll(zmq.POLLIN, deadline)

    def _poll(self, direction: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut
        poller = zmq.Poller()
        poller.register(self._channel.monitor, zmq.POLLIN)
        poller.register(self._channel.socket, direction)
        poller.poll(int(left * 1000) + 1)
