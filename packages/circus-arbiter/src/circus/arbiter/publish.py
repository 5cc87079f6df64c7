"""The event sockets: topics and JSON out, subscriptions in. A thin shell; `Subscriptions` decides.

Theory: one XPUB for each kind of door. Its subscriptions take effect when we say so (XPUB_MANUAL), one by one, so that what
workers write goes only to those who may command, while everybody who may look gets the events.

Publishing never waits: a subscriber that is too slow loses events at its own high-water mark, and sees by the gap
in `seq` that it did. Until somebody subscribes for the first time events are counted and not even made: a mass start costs
no encoding. (Not again after the last cancellation: those cannot be trusted, for anybody can send one for somebody else.)
"""

import asyncio
from collections.abc import Callable, Sequence
from logging import getLogger
from typing import Any, final

import zmq

from circus.arbiter.binding import remove_file
from circus.arbiter.control import DoorKind
from circus.arbiter.doorkeeper import Doorkeeper, Watch
from circus.arbiter.errors import EndpointError
from circus.arbiter.peers import Peer, Right
from circus.arbiter.subscriptions import Subscriptions
from circus.protocol.codec import encode

__all__ = ["Publisher"]

log = getLogger("circus.arbiter.publish")


@final
class _Door:
    """One bound XPUB; owned by `Publisher`."""

    def __init__(self, socket: "zmq.Socket[bytes]", watch: Watch, endpoint: str) -> None:
        self.socket = socket
        self.watch = watch
        self.endpoint = endpoint
        self.bound = ""
        self.fd = int(socket.getsockopt(zmq.FD))

    def bind(self, keeper: Doorkeeper) -> None:
        self.bound = keeper.bind(self.socket, self.watch, self.endpoint, purpose="events")

    def close(self, linger_ms: int) -> None:
        self.watch.close_porches()
        self.socket.close(linger_ms)
        if self.bound:
            remove_file(self.endpoint)

    @property
    def has_news(self) -> bool:
        return bool(int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)


@final
class Publisher:
    """Owns the XPUB sockets from `open` to `close`.

    Args:
        context: the ZeroMQ context; stays the caller's.
        doors: where to publish, by what is asked there; the first endpoint is the one that we are known by.
        keeper: knows who comes in; open before us and closed after us.
        right: what a peer may do.
        on_log_demand: called with True when the first subscriber asks for live output, with False after the last.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        doors: Sequence[tuple[DoorKind, str]],
        *,
        keeper: Doorkeeper,
        right: Callable[[Peer], Right],
        on_log_demand: Callable[[bool], None] = lambda _wanted: None,
    ) -> None:
        self._context = context
        self._wanted = tuple(doors)
        self._keeper = keeper
        self._right = right
        self._on_log_demand = on_log_demand
        self._doors: list[_Door] = []
        self._subscriptions = Subscriptions()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seq = 0
        self._heard = False

    def open(self) -> None:
        """Bind.

        Raises:
            EndpointError: an endpoint cannot be bound; nothing stays open.
        """
        try:
            for kind, endpoint in self._wanted:
                socket = self._context.socket(zmq.XPUB)
                socket.linger = 0
                socket.setsockopt(zmq.XPUB_MANUAL, 1)
                door = _Door(socket, self._keeper.guard(socket, server=kind.server, keys=kind.keys), endpoint)
                self._doors.append(door)
                door.bind(self._keeper)
        except EndpointError:
            for door in self._doors:
                door.close(0)
            self._doors.clear()
            raise

    @property
    def bound(self) -> str:
        """The endpoint that we are known by, with the port that the system chose."""
        return self._doors[0].bound if self._doors else self._wanted[0][1]

    def bound_of(self, door: int) -> str | None:
        """The endpoint of a door, as bound; None if there is no such door."""
        return self._doors[door].bound if door < len(self._doors) else None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow subscriptions from now on."""
        self._loop = loop
        for door in self._doors:
            loop.add_reader(door.fd, self._read_subscriptions, door)
            self._read_subscriptions(door)

    def event(self, make: Callable[[], tuple[bytes, dict[str, Any]]]) -> None:
        """Publish an event, numbered.

        Args:
            make: gives topic and payload; not called where nobody has ever subscribed.
        """
        self._seq += 1
        if self._is_heard():
            topic, payload = make()
            payload["seq"] = self._seq
            self.send(topic, payload)

    def _is_heard(self) -> bool:
        """Whether anybody has subscribed by this moment."""
        if not self._heard:
            for door in self._doors:
                if door.has_news:
                    self._read_subscriptions(door)
        return self._heard

    def send(self, topic: bytes, payload: dict[str, Any]) -> None:
        """Publish anything; dropped where nobody can take it."""
        message = [topic, encode(payload)]
        for door in self._doors:
            if door.has_news:
                self._read_subscriptions(door)
            try:
                door.socket.send_multipart(message, flags=zmq.NOBLOCK)
            except zmq.ZMQError as error:
                log.warning("an event could not be published: %s", error.strerror)
                continue
            if door.has_news:
                self._read_subscriptions(door)

    def close(self) -> None:
        """Stop publishing. May be called any number of times."""
        doors, self._doors = self._doors, []
        for door in doors:
            if self._loop is not None:
                self._loop.remove_reader(door.fd)
            door.close(200)
        self._loop = None

    def _read_subscriptions(self, door: _Door) -> None:
        while not door.socket.closed:
            try:
                frame = door.socket.recv(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                log.warning("a subscription could not be read: %s", error.strerror)
                return
            before = self._subscriptions.output_wanted
            message = frame.bytes
            if message[:1] == b"\x01":
                self._heard = True
                in_full = (
                    Subscriptions.is_open(message[1:]) or self._right(door.watch.peer(frame)) is Right.COMMAND
                )
                for topic in self._subscriptions.add(message[1:], in_full=in_full):
                    door.socket.setsockopt(zmq.SUBSCRIBE, topic)
            elif message[:1] == b"\x00":
                self._subscriptions.remove(message[1:])
                door.socket.setsockopt(zmq.UNSUBSCRIBE, message[1:])
            if self._subscriptions.output_wanted is not before:
                self._on_log_demand(not before)
