"""Lets connections in, and knows for each message whose it is. The shell around `seats` and `owner`.

Theory: libzmq asks about each new connection, before any message passes, through a socket of a fixed name (ZAP, RFC 27).
What it is answered as `User-Id` is bound to the connection: libzmq puts it on every message, and no peer can write it.
Over ipc the question itself names the peer's uid and pid; with CURVE it brings the proven key; for TCP it brings
neither port nor descriptor, so the answer is a note of the moment (`seats`), and the socket's own news say which
descriptor was accepted when: the peer is looked up then, once, while it still waits for our half of the handshake.

A peer that sends messages before our half is cut by libzmq; one that left before it was looked at is unknown.
ZeroMQ's I/O thread reports a close before it closes, so a look at a descriptor holds if no close of it is in the news that
follow the look. All of this is for a context of our own: there is one such name in each, and in a program's context it is
the program's. In a context of somebody else's, who shares our process is trusted and everybody else may look.

Illegal states: a connection without a note; two handlers in a context.
"""

import asyncio
import errno
import os
import struct
from collections.abc import Sequence
from itertools import count
from logging import getLogger
from typing import Final, final

import zmq
from zmq.utils import z85

from circus.arbiter.owner import identify
from circus.arbiter.peers import NOBODY_KNOWN, Peer
from circus.arbiter.seats import Seat, Seats
from circus.client.keys import KeyDirectory, ServerKeys

__all__ = ["Doorkeeper", "Watch", "peer_of_address"]

log = getLogger("circus.arbiter.doorkeeper")

_HANDLER: Final = "inproc://zeromq.zap.01"
_NEWS: Final = struct.Struct("=Hi")
_NEWS_WANTED: Final = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED
_BACKLOG: Final = 1024
"""Connections that may wait to be accepted; more than the default of 100, for the moment after a restart."""
_numbers = count(1)


def peer_of_address(address: str) -> Peer | None:
    """The peer in the address that libzmq gives for ipc, ``localhost:UID:GID:PID``; None for any other.

    >>> peer_of_address("localhost:1000:1000:77"), peer_of_address("127.0.0.1")
    (Peer(uid=1000, pid=77, address='', key='', role=None), None)
    """
    words = address.split(":")
    if len(words) != 4 or words[0] != "localhost" or not all(word.isdigit() for word in words[1:3]):
        return None
    # Some systems tell no pid.
    return Peer(uid=int(words[1]), pid=int(words[3]) if words[3].isdigit() else None)


@final
class Watch:
    """What is known about the connections of one listening socket.

    Args:
        name: its ZAP domain.
        news: tells of accepted and closed connections; owned. None in a context of somebody else's.
        keys: whose keys are let in; None for a socket without CURVE.
    """

    def __init__(self, name: str, news: "zmq.Socket[bytes] | None", keys: KeyDirectory | None) -> None:
        self.name = name
        self.keys = keys
        self._news = news
        self._seats = Seats()

    @property
    def fd(self) -> int | None:
        """Readable when there are news."""
        return None if self._news is None else int(self._news.getsockopt(zmq.FD))

    def admit(self, address: str, mechanism: bytes, key: bytes) -> str | None:
        """The note for a connection that shakes hands now; None to refuse it."""
        if not address:
            return None  # it left already; libzmq would then let the peer itself say who it is
        if self.keys is not None:
            public = _text_of(key) if mechanism == b"CURVE" else None
            return f"key/{public}" if public and self.keys.find(public) is not None else None
        peer = peer_of_address(address)
        if peer is not None:
            return f"ipc/{peer.uid}/{peer.pid or ''}"
        self.refresh()
        return f"seat/{self._seats.count}"

    def peer(self, frame: zmq.Frame) -> Peer:
        """Whose message this is."""
        note = _property(frame, "User-Id")
        kind, _, rest = note.partition("/")
        if self._news is None:
            # Only what comes over inproc, from a part of this process, has no properties at all.
            wire = _property(frame, "Socket-Type")
            return NOBODY_KNOWN if wire else Peer(uid=os.getuid(), pid=os.getpid())
        match kind:
            case "ipc":
                uid, _, pid = rest.partition("/")
                return Peer(uid=int(uid), pid=int(pid) if pid else None)
            case "key":
                known = None if self.keys is None else self.keys.find(rest)
                address = _property(frame, "Peer-Address")
                if known is None:
                    return Peer(key="that is not authorised any more", address=address)
                return Peer(key=known.name, role=known.role, address=address)
            case "seat":
                peer = self._seats.find(_descriptor(frame), int(rest))
                return peer if peer.address or peer.pid else Peer(address=_property(frame, "Peer-Address"))
            case _:
                return NOBODY_KNOWN

    def refresh(self) -> None:
        """Take the news in, and look at who has come."""
        looked_at: list[Seat] = []
        arrived: list[Seat] = []
        while True:
            arrived += self._take_news()
            for seat in looked_at:
                if seat.left:
                    seat.peer = NOBODY_KNOWN
            looked_at = [seat for seat in arrived if not seat.left]
            arrived = []
            if not looked_at:
                return
            for seat in looked_at:
                seat.peer = identify(seat.fd)

    def _take_news(self) -> list[Seat]:
        assert self._news is not None
        arrived: list[Seat] = []
        while True:
            try:
                frames = self._news.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return arrived
            event, fd = _NEWS.unpack(frames[0])
            if event == zmq.EVENT_ACCEPTED:
                arrived.append(self._seats.take(fd))
            else:
                self._seats.leave(fd)

    def close(self) -> None:
        if self._news is not None:
            self._news.close(0)


@final
class Doorkeeper:
    """Answers for one context, from `open` to `close`.

    Args:
        context: whose connections; stays the caller's.
        ours: whether nobody else uses the context.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], *, ours: bool = True) -> None:
        self._context = context
        self._ours = ours
        self._watches: dict[str, Watch] = {}
        self._handler: zmq.Socket[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fds: list[int] = []

    def open(self) -> None:
        """Be there before the first connection."""
        if self._ours:
            self._handler = self._context.socket(zmq.REP)
            self._handler.linger = 0
            self._handler.bind(_HANDLER)

    def guard(
        self,
        socket: "zmq.Socket[bytes]",
        *,
        server: ServerKeys | None = None,
        keys: KeyDirectory | None = None,
    ) -> Watch:
        """Watch a socket that is not bound yet.

        Args:
            socket: a listening one.
            server: our CURVE keys; None for a socket without.
            keys: whose keys are let in; given with `server`.
        """
        name = f"circus.{next(_numbers)}"
        # With a ZAP domain libzmq refuses peers that speak ZMTP 1 or 2, and so HTTP posts of web pages.
        socket.setsockopt(zmq.ZAP_DOMAIN, name.encode())
        socket.setsockopt(zmq.BACKLOG, _BACKLOG)
        if server is not None:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, server.secret_key.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, server.public_key.encode())
        watch = Watch(name, self._open_news(socket, name) if self._ours else None, keys)
        self._watches[name] = watch
        return watch

    def _open_news(self, socket: "zmq.Socket[bytes]", name: str) -> "zmq.Socket[bytes]":
        news = self._context.socket(zmq.PAIR)
        news.linger = 0
        news.setsockopt(zmq.RCVHWM, 0)  # the I/O thread must never wait for us
        address = f"inproc://{name}.news"
        socket.monitor(address, _NEWS_WANTED)
        news.connect(address)
        return news

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on."""
        self._loop = loop
        if self._handler is None:
            return
        readers = {int(self._handler.getsockopt(zmq.FD)): self._answer_all}
        for watch in self._watches.values():
            fd = watch.fd
            assert fd is not None
            readers[fd] = watch.refresh
        for fd, read in readers.items():
            loop.add_reader(fd, read)
            self._fds.append(fd)
            read()

    def _answer_all(self) -> None:
        while self._handler is not None:
            try:
                request = self._handler.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._handler.send_multipart(self._answer(request), zmq.NOBLOCK)
            except zmq.ZMQError as error:
                if error.errno not in {errno.EAGAIN, errno.EHOSTUNREACH}:
                    log.warning("a new connection could not be answered: %s", error.strerror)

    def _answer(self, request: Sequence[bytes]) -> list[bytes]:
        version, number, domain, address, _identity, mechanism, *credentials = request
        watch = self._watches.get(domain.decode("utf-8", "replace"))
        key = credentials[0] if credentials else b""
        who = address.decode("utf-8", "replace")
        note = None if watch is None else watch.admit(who, mechanism, key)
        if note is None:
            log.info("refused a connection from %s", who or "a peer that left at once")
            return [version, number, b"400", b"not authorised", b"", b""]
        return [version, number, b"200", b"OK", note.encode(), b""]

    def close(self) -> None:
        """Let nobody in any more; after the guarded sockets were closed. May be called any number of times."""
        if self._loop is not None:
            for fd in self._fds:
                self._loop.remove_reader(fd)
        self._fds.clear()
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.close(0)


def _text_of(key: bytes) -> str | None:
    return z85.encode(key).decode() if len(key) == 32 else None


def _property(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except (zmq.ZMQError, UnicodeDecodeError):
        return ""


def _descriptor(frame: zmq.Frame) -> int:
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return -1
