"""Subscribes to what a daemon publishes: events, logs, stats.

``for`` and ``async for`` both give pairs of topic and message, as bytes. A publisher that is not there yet is waited
for; one that left is waited for to come back.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq

from circus.client.channel import Channel, plain_context
from circus.client.link import Link
from circus.client.security import Security
from circus.protocol.endpoints import DEFAULT_PUBSUB_ENDPOINT

if TYPE_CHECKING:
    import asyncio

__all__ = ["CircusConsumer"]


class CircusConsumer:
    """A subscription.

    Args:
        topics: prefixes of topics; ``""`` is everything.
        context: a ZeroMQ context; it stays the caller's. Without one, the consumer has its own.
        endpoint: where the daemon publishes.
        ssh_server: ``user@host:port`` to go through.
        timeout: seconds between two looks at whether to go on; ends nothing.
        ssh_keyfile: the private key for ssh.
        security: keys, for an endpoint that wants some.

    Raises:
        CallError: the endpoint cannot be one, or ssh made no tunnel.
    """

    def __init__(
        self,
        topics: Iterable[str | bytes],
        context: "zmq.Context[Any] | None" = None,
        endpoint: str = DEFAULT_PUBSUB_ENDPOINT,
        ssh_server: str | None = None,
        timeout: float = 1.0,
        *,
        ssh_keyfile: str | None = None,
        security: Security | None = None,
    ) -> None:
        self.topics = list(topics)
        self.endpoint = endpoint
        self.timeout = timeout
        self.keep_context = context is not None
        self.context: zmq.Context[Any] = plain_context(context) or zmq.Context()
        try:
            self._channel = Channel(
                self.context,
                zmq.SUB,
                endpoint=endpoint,
                security=security,
                ssh_server=ssh_server,
                ssh_keyfile=ssh_keyfile,
            )
        except BaseException:
            if not self.keep_context:
                self.context.term()
            raise
        for topic in self.topics:
            self.pubsub_socket.subscribe(topic)
        self.poller = zmq.Poller()
        self.poller.register(self.pubsub_socket, zmq.POLLIN)

    @property
    def pubsub_socket(self) -> "zmq.Socket[bytes]":
        """The SUB."""
        return self._channel.socket

    @property
    def link(self) -> Link:
        """Where the connection stands, as far as is known now."""
        for _ in self._channel.news():
            pass
        return self._channel.link

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the subscription; iterations end. Idempotent."""
        self._channel.close()
        if not self.keep_context and not self.context.closed:
            self.context.term()

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return self.iter_messages()

    def iter_messages(self) -> Iterator[tuple[bytes, bytes]]:
        """Topic and message of each publication, until `stop`; closes the consumer when it is left."""
        with self:
            while self._channel.is_open:
                message = self.receive(self.timeout)
                if message is not None:
                    yield message

    def receive(self, timeout: float) -> tuple[bytes, bytes] | None:
        """The next publication, or None if none comes within these seconds."""
        if not self.pubsub_socket.poll(int(timeout * 1000), zmq.POLLIN):
            return None
        return _pair(self._channel.try_receive())

    def wait(self, timeout: float) -> tuple[bytes, bytes] | Link | None:
        """As `receive`, but also returns early, with the link's new state, when that changes."""
        poller = zmq.Poller()
        poller.register(self.pubsub_socket, zmq.POLLIN)
        poller.register(self._channel.monitor, zmq.POLLIN)
        ready = dict(poller.poll(int(timeout * 1000)))
        if self.pubsub_socket in ready:
            return _pair(self._channel.try_receive())
        return self.link if ready else None

    async def __aiter__(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """As `iter_messages`, on the running loop."""
        import asyncio  # noqa: PLC0415 - only those who use it pay for it

        from circus.client.readiness import Readiness  # noqa: PLC0415 - likewise

        woken = asyncio.Event()
        readiness = Readiness((self.pubsub_socket,), callback=woken.set)
        readiness.start()
        try:
            while self._channel.is_open:
                woken.clear()
                for message in self._batch():
                    yield message
                    await asyncio.sleep(0)
                if self._channel.is_open and not int(self.pubsub_socket.events) & zmq.POLLIN:
                    await self._woken(woken)
        finally:
            readiness.stop()
            self.stop()

    async def _woken(self, woken: "asyncio.Event") -> None:
        """Wait for the socket, and look now and then whether `stop` was called."""
        import asyncio  # noqa: PLC0415 - see above

        try:
            async with asyncio.timeout(self.timeout):
                await woken.wait()
        except TimeoutError:
            return

    def _batch(self) -> Iterator[tuple[bytes, bytes]]:
        while self._channel.is_open:
            frames = self._channel.try_receive()
            if frames is None:
                return
            message = _pair(frames)
            if message is not None:
                yield message


def _pair(frames: list[bytes] | None) -> tuple[bytes, bytes] | None:
    """What is not two frames is not from circusd, and is skipped."""
    return (frames[0], frames[1]) if frames is not None and len(frames) == 2 else None
