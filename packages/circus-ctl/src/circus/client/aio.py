"""The client for asyncio: many calls at once, each with its own deadline.

Theory: no task reads. One callback on the loop drains the socket and its monitor, and hands each answer to the future
of its id; a caller owns its future, and takes it back when it is cancelled or late. An answer to nobody is dropped.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import zmq

from circus.client.channel import Channel, plain_context
from circus.client.errors import CallError, TimedOut
from circus.client.link import Link, failure
from circus.client.probe import queue_is_full
from circus.client.readiness import Readiness
from circus.client.security import Security
from circus.client.wire import CallIds, Document, make_message, pack, unpack
from circus.protocol.endpoints import DEFAULT_ENDPOINT

if TYPE_CHECKING:
    from circus.protocol import Reply, Request

__all__ = ["AsyncCircusClient"]

_BATCH: Final = 64
"""Messages handled before other callbacks of the loop get their turn."""


@dataclass(slots=True)
class _Pending:
    frame: bytes
    answer: "asyncio.Future[Document]"
    patient_until: float
    is_cast: bool
    sent: bool = False


class AsyncCircusClient:
    """Asks a daemon; calls may overlap.

    To be used on one loop. ``async with`` closes it; so does `stop`.

    Args:
        context: a ZeroMQ context; it stays the caller's. Without one, the process's shared one.
        endpoint: where circusd listens.
        timeout: seconds for a whole call.
        ssh_server: ``user@host:port`` to go through.
        ssh_keyfile: the private key for that.
        security: keys, for an endpoint that wants some.
        patience: seconds to go on trying while nobody listens; 0 fails at once.

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
        self.context: zmq.Context[Any] = plain_context(context) or zmq.Context.instance()
        self.endpoint = endpoint
        self.timeout = timeout * 1000
        """Milliseconds, as in `CircusClient`."""
        self._patience = patience
        self._ids = CallIds()
        self._pending: dict[str, _Pending] = {}
        self._channel = Channel(
            self.context,
            zmq.DEALER,
            endpoint=endpoint,
            security=security,
            ssh_server=ssh_server,
            ssh_keyfile=ssh_keyfile,
        )
        self._stopped = False
        self._readiness: Readiness | None = None

    @property
    def socket(self) -> "zmq.Socket[bytes]":
        """The DEALER."""
        return self._channel.socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the connection; calls that wait fail. Idempotent."""
        self._stopped = True
        self._drop()
        self._channel.close()
        self._fail_all(CallError("this client is stopped"))

    async def send_message(self, command: str, **props: Any) -> Document:
        """`call` with the command and its properties."""
        return await self.call(make_message(command, **props))

    async def call(self, cmd: Mapping[str, Any] | str) -> Document:
        """Ask, and wait for the answer; arguments, results and errors are those of `CircusClient.call`.

        To wait less than the client's timeout, put it into an ``asyncio.timeout``.
        """
        if self._stopped:
            raise CallError("this client is stopped")
        self._freshen()
        call_id = self._ids.next()
        document, frame = pack(cmd, call_id=call_id)
        pending = _Pending(
            frame,
            asyncio.get_running_loop().create_future(),
            time.monotonic() + self._patience,
            is_cast=document.get("msg_type") == "cast",
        )
        self._pending[call_id] = pending
        self._again()
        late = asyncio.timeout(self.timeout / 1000)
        try:
            async with late:
                return await pending.answer
        except TimeoutError:
            if late.expired():
                raise TimedOut from None
            raise
        finally:
            self._pending.pop(call_id, None)

    async def request(self, request: "Request") -> "Reply":
        """Ask with a model of `circus.protocol.messages`, and get one of `circus.protocol.replies`.

        Raises:
            CallError: as `call`.
        """
        from circus.client.typed import as_document, as_reply  # noqa: PLC0415 - loads pydantic

        return as_reply(request, await self.call(as_document(request)))

    def _freshen(self) -> None:
        """What the link said before this call is old news: unless it stands, or others wait for it, connect anew."""
        channel = self._channel
        if channel.is_open and not self._pending:
            for _ in channel.news():
                pass
            if channel.link.failed:
                self._drop()
        if not channel.is_open:
            channel.open()
        if self._readiness is None:
            self._readiness = Readiness((channel.socket, channel.monitor), callback=self._drain)
        self._readiness.start()

    def _drop(self) -> None:
        if self._readiness is not None:
            self._readiness.stop()
            self._readiness = None
        self._channel.drop()

    def _again(self) -> None:
        if self._readiness is not None:
            self._readiness.again()

    def _drain(self) -> None:
        """Handle what has come and send what may go."""
        channel = self._channel
        if not channel.is_open:
            return
        news = list(channel.news())
        broken = any(link.failed for link in news)
        # An answer that came before the end counts, so after a break all of them are read first.
        received = 0
        while (broken or received < _BATCH) and (frames := channel.try_receive()) is not None:
            received += 1
            self._take(frames)
        self._tell(news)
        if any(link is Link.GONE for link in news):
            # What was sent has failed; what of it is still on our side must not reach the next daemon.
            self._drop()
            if any(not pending.answer.done() for pending in self._pending.values()):
                self._freshen()
            return
        self._send_waiting()
        if channel.has_more:
            self._again()

    def _send_waiting(self) -> None:
        for call_id, pending in list(self._pending.items()):
            if pending.sent:
                continue
            if not self._channel.try_send(pending.frame):
                return
            pending.sent = True
            if pending.is_cast:
                self._channel.linger()
                self._settle(call_id, {})

    def _take(self, frames: list[bytes]) -> None:
        try:
            reply = unpack(frames)
        except CallError as error:
            self._fail_all(error, only_sent=True)
            return
        call_id = reply.get("id")
        if call_id is None and reply.get("status") == "error":
            # An error about a request whose id could not be read: it is somebody's only if there is just one.
            sent = [key for key, pending in self._pending.items() if pending.sent]
            call_id = sent[0] if len(sent) == 1 else None
        if isinstance(call_id, str):
            self._settle(call_id, reply)

    def _settle(self, call_id: str, reply: Document) -> None:
        pending = self._pending.get(call_id)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(reply)

    def _tell(self, news: list[Link]) -> None:
        """Fail the calls that this news decides."""
        now = time.monotonic()
        for link in news:
            for pending in self._pending.values():
                error = failure(link, self.endpoint, sent=pending.sent)
                patient = (not pending.sent and link is Link.NOBODY) and (
                    now < pending.patient_until or queue_is_full(self.endpoint)
                )
                if error is not None and not patient and not pending.answer.done():
                    pending.answer.set_exception(error)

    def _fail_all(self, error: CallError, *, only_sent: bool = False) -> None:
        for pending in self._pending.values():
            if not pending.answer.done() and (pending.sent or not only_sent):
                pending.answer.set_exception(error)
