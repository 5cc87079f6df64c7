"""The command sockets: frames in, frames out. A thin shell; it decides nothing.

Theory: one ROUTER for each kind of door (plain, and CURVE: a socket has one mechanism), read through its descriptor by the
event loop. libzmq signals edges, so after every send and every read the socket is asked again whether more is waiting; at
most `BATCH` requests are taken a turn, and none once they took `SHARE` seconds, so that a flood delays the rest of the program by a
few milliseconds, never by its own length.

Illegal states: a reply without a route; two sockets on one endpoint.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging import DEBUG, WARNING, getLogger
from typing import final

import zmq

from circus.arbiter.binding import remove_file
from circus.arbiter.doorkeeper import Doorkeeper, Watch
from circus.arbiter.errors import EndpointError
from circus.arbiter.peers import Peer
from circus.client.keys import KeyDirectory, ServerKeys
from circus.process.clock import monotonic

__all__ = ["BATCH", "Control", "DoorKind", "Incoming", "Route"]

log = getLogger("circus.arbiter.control")

BATCH = 64
SHARE = 0.005
MAX_MESSAGE = 64 * 1024 * 1024
_LINGER_MS = 1000
_REPLIES_WAITING = 10_000
"""Replies that may wait for one client that does not read them."""


@final
@dataclass(frozen=True, slots=True)
class DoorKind:
    """What is asked of those who come in.

    Args:
        server: our CURVE keys; None: nothing is asked, the kernel tells who comes.
        keys: whose keys are let in.
    """

    server: ServerKeys | None = None
    keys: KeyDirectory | None = None


@final
@dataclass(frozen=True, slots=True)
class Route:
    """The way back to a peer: through which door, its routing id, and whether it wants an empty delimiter (REQ)."""

    door: int
    identity: bytes
    delimited: bool = False


@final
@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as it came.

    Args:
        route: where its reply goes.
        body: the last frame; None if the frames are not those of a request.
        peer: who sent it.
    """

    route: Route
    body: bytes | None
    peer: Peer


@final
class _Door:
    """One bound ROUTER; owned by `Control`."""

    def __init__(self, socket: "zmq.Socket[bytes]", watch: Watch, endpoints: Sequence[str]) -> None:
        self.socket = socket
        self.watch = watch
        self.endpoints = tuple(endpoints)
        self.bound: list[str] = []
        self.fd = int(socket.getsockopt(zmq.FD))
        self.again: asyncio.Handle | None = None

    def bind(self, keeper: Doorkeeper, owner_uid: int | None) -> None:
        for number, endpoint in enumerate(self.endpoints):
            owner = owner_uid if number == 0 else None
            self.bound.append(
                keeper.bind(self.socket, self.watch, endpoint, purpose="commands", owner_uid=owner)
            )

    def close(self, linger_ms: int | None = None) -> None:
        self.watch.close_porches()
        self.socket.close(linger_ms)
        for endpoint in self.endpoints[: len(self.bound)]:
            remove_file(endpoint)


@final
class Control:
    """Owns the ROUTER sockets from `open` to `close`.

    Args:
        context: the ZeroMQ context; stays the caller's.
        doors: where to listen, by what is asked there; the first endpoint is the one that we are known by.
        keeper: knows who comes in; open before us and closed after us.
        receive: called on the loop with each request.
        owner_uid: whom the file of the first endpoint is given to, if that is ipc; None: nobody.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        doors: Sequence[tuple[DoorKind, Sequence[str]]],
        *,
        keeper: Doorkeeper,
        receive: Callable[[Incoming], None],
        owner_uid: int | None = None,
    ) -> None:
        self._context = context
        self._wanted = tuple(doors)
        self._keeper = keeper
        self._receive = receive
        self._owner_uid = owner_uid
        self._doors: list[_Door] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Bind.

        Raises:
            EndpointError: an endpoint cannot be bound; nothing stays open.
        """
        try:
            for kind, endpoints in self._wanted:
                self._open_door(kind, endpoints)
        except EndpointError:
            for door in self._doors:
                door.close(0)
            self._doors.clear()
            raise

    def _open_door(self, kind: DoorKind, endpoints: Sequence[str]) -> None:
        socket = self._context.socket(zmq.ROUTER)
        socket.linger = _LINGER_MS
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        # Mandatory, so that a reply that cannot be delivered is an error to tell, not a silence.
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, _REPLIES_WAITING)
        door = _Door(socket, self._keeper.guard(socket, server=kind.server, keys=kind.keys), endpoints)
        self._doors.append(door)
        door.bind(self._keeper, self._owner_uid if len(self._doors) == 1 else None)

    @property
    def bound(self) -> str:
        """The endpoint that we are known by, with the port that the system chose."""
        return self._doors[0].bound[0] if self._doors else self._wanted[0][1][0]

    def bound_of(self, door: int) -> str | None:
        """The first endpoint of a door, as bound; None if there is no such door."""
        return self._doors[door].bound[0] if door < len(self._doors) else None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read requests from now on."""
        self._loop = loop
        for number, door in enumerate(self._doors):
            loop.add_reader(door.fd, self._readable, number)
            self._schedule(number)

    def reply(self, route: Route, body: bytes) -> None:
        """Send a reply; a peer that is gone, or has not read thousands before it, loses it."""
        if not self._doors:
            return
        frames = [route.identity, b"", body] if route.delimited else [route.identity, body]
        try:
            self._doors[route.door].socket.send_multipart(frames, flags=zmq.NOBLOCK, copy=True)
        except zmq.Again:
            log.warning("a client does not read its replies: one was dropped")
        except zmq.ZMQError as error:
            level = DEBUG if error.errno == zmq.EHOSTUNREACH else WARNING
            log.log(level, "a reply could not be sent: %s", error.strerror)
        self._schedule(route.door)

    def close(self) -> None:
        """Stop listening; replies that are on their way still leave. May be called any number of times."""
        doors, self._doors = self._doors, []
        for door in doors:
            if self._loop is not None:
                self._loop.remove_reader(door.fd)
            if door.again is not None:
                door.again.cancel()
            door.close()
        self._loop = None

    def _schedule(self, number: int) -> None:
        """Look again at the next turn: the edge may have passed while we were sending or had our fill."""
        door = self._doors[number]
        if door.again is None and self._loop is not None:
            door.again = self._loop.call_soon(self._read_again, number)

    def _readable(self, number: int) -> None:
        if self._doors[number].again is None:  # else it is read in this turn anyway
            self._read(number)

    def _read_again(self, number: int) -> None:
        self._doors[number].again = None
        self._read(number)

    def _read(self, number: int) -> None:
        end = monotonic() + SHARE
        for _ in range(BATCH):
            if not self._doors:
                return
            door = self._doors[number]
            try:
                frames = door.socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                log.warning("a request could not be read: %s", error.strerror)
                continue
            self._receive(_incoming(number, door.watch, frames))
            if monotonic() >= end:
                break
        if self._doors:
            self._schedule(number)


def _incoming(number: int, watch: Watch, frames: Sequence[zmq.Frame]) -> Incoming:
    identity, *rest = frames
    delimited = len(rest) > 1 and not rest[0].bytes
    body = rest[-1].bytes if len(rest) == 1 or (delimited and len(rest) == 2) else None
    return Incoming(Route(number, identity.bytes, delimited), body, watch.peer(frames[-1]))
