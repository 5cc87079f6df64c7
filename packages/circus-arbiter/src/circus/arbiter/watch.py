"""What is known about the connections of one listening socket. The shell around `seats`; see `doorkeeper` for the theory."""

import os
import socket as stdlib_socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, final

import zmq
from zmq.utils import z85

from circus.arbiter.owner import identify
from circus.arbiter.peers import NOBODY_KNOWN, Peer
from circus.arbiter.porch import Porch
from circus.arbiter.seats import Seat, Seats
from circus.client.keys import KeyDirectory
from circus.process import clock

__all__ = ["NEWS_WANTED", "Watch", "peer_of_address"]

_NEWS: Final = struct.Struct("=Hi")
NEWS_WANTED: Final = zmq.EVENT_LISTENING | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED


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
        arrived: called when somebody came.
    """

    def __init__(
        self,
        name: str,
        news: "zmq.Socket[bytes] | None",
        keys: KeyDirectory | None,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.keys = keys
        self.porches: list[Porch] = []
        self._listening: dict[int, int] = {}
        """The descriptors of libzmq's TCP listeners, and ours of the same sockets."""
        self._held = False
        self._news = news
        self._arrived = arrived
        self._seats = Seats()

    @property
    def seats(self) -> Iterable[Seat]:
        """Those that are taken now."""
        return self._seats.taken()

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
        self._seats.spoke(_descriptor(frame), note)
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
        somebody = False
        while True:
            arrived += self._take_news()
            for seat in looked_at:
                if seat.left:
                    seat.peer = NOBODY_KNOWN
            looked_at = [seat for seat in arrived if not seat.left]
            arrived = []
            if not looked_at:
                break
            somebody = True
            for seat in looked_at:
                seat.peer = identify(seat.fd)
        if somebody:
            self._arrived()

    def end(self, seat: Seat, spare: int) -> bool:
        """End a connection, if it is still the one that is meant: its peer reads the end of the stream.

        Args:
            seat: the connection.
            spare: a descriptor of ours that may be replaced: there may be none left to open.
        """
        neutral = self.fd
        assert neutral is not None
        try:
            os.dup2(seat.fd, spare, inheritable=False)
        except OSError:
            return False
        # What is in the news up to now happened before; a look that nothing of them contradicts holds.
        for arrived in self._take_news():
            arrived.peer = identify(arrived.fd)
        connection = stdlib_socket.socket(fileno=spare)
        with suppress(OSError):
            if not seat.left:
                connection.shutdown(stdlib_socket.SHUT_RDWR)
        connection.detach()
        os.dup2(neutral, spare, inheritable=False)
        return not seat.left

    def _take_news(self) -> list[Seat]:
        assert self._news is not None
        arrived: list[Seat] = []
        while True:
            try:
                frames = self._news.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return arrived
            event, fd = _NEWS.unpack(frames[0])
            if event == zmq.EVENT_LISTENING:
                if frames[1].startswith(b"tcp:"):
                    self._listening[fd] = os.dup(fd)
            elif event == zmq.EVENT_ACCEPTED:
                arrived.append(self._seats.take(fd, now=clock.monotonic()))
                for porch in self.porches:
                    porch.left(fd)  # where the news of its end were lost
                    porch.came(frames[1].decode("utf-8", "surrogateescape"), fd)
            else:
                self._seats.leave(fd)
                for porch in self.porches:
                    porch.left(fd)

    def hold(self, instead: int | None) -> None:
        """Let libzmq take in nobody over TCP while it listens on something else, or again.

        It asks when somebody waits, and is told that it would have to wait: so it asks again.

        Args:
            instead: a listening socket that nobody can connect to; None: the right ones again.
        """
        if instead is None and not self._held:
            return
        self._held = instead is not None
        for theirs, ours in self._listening.items():
            os.dup2(ours if instead is None else instead, theirs, inheritable=False)

    @property
    def of_removed_keys(self) -> list[Seat]:
        """The connections of keys that are not authorised any more; of those that have sent something."""
        if self.keys is None:
            return []
        named = [(seat, seat.note.partition("/")[2]) for seat in self.seats if seat.note.startswith("key/")]
        return [seat for seat, public in named if self.keys.find(public) is None]

    def close_porches(self) -> None:
        """Let nobody wait any more; before the socket is closed."""
        for porch in self.porches:
            porch.close()
        self.hold(None)
        for ours in self._listening.values():
            os.close(ours)
        self._listening.clear()

    def close(self) -> None:
        self.close_porches()
        if self._news is not None:
            self._news.close(0)


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
