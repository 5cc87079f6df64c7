"""Which connection a descriptor belonged to, and when: so that one that is used again is never taken for the other. Pure.

Theory: the news of a socket (a connection was accepted at a descriptor; it was closed) come in order and are counted.
When a connection shakes hands, it holds its descriptor, and the count at that moment is noted on it; libzmq puts that
note on every message of the connection. A message that says "descriptor 12, noted at 40" is hence of whoever was the last
to be accepted at 12 up to 40: what happened at 12 since does not matter. Nobody in that seat is nobody known.

Properties: a note never leads to a connection that was accepted after it; whoever was not looked at while it was
surely there stays unknown.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, final

from circus.arbiter.peers import NOBODY_KNOWN, Peer

__all__ = ["Seat", "Seats", "dispensable"]

_KEPT: Final = 4
"""Connections that are remembered for each descriptor: messages of closed ones may still be under way."""


@final
@dataclass(slots=True)
class Seat:
    """One connection at its descriptor."""

    fd: int
    since: int
    peer: Peer = field(default=NOBODY_KNOWN)
    left: bool = False
    spoke: bool = False
    note: str = ""
    at: float = 0.0
    """When it was taken, on the monotonic clock: for comparing those of several sockets."""


def dispensable(seats: Iterable[Seat], count: int, *, trusted: Callable[[Peer], bool]) -> list[Seat]:
    """Whose connections may end when there is no room: first who has said nothing yet, then strangers; the oldest first.

    Args:
        seats: those that are taken.
        count: how many at the most.
        trusted: who keeps its connection once it has said something.
    """
    candidates = [seat for seat in seats if not seat.spoke or not trusted(seat.peer)]
    return sorted(candidates, key=lambda seat: (seat.spoke, seat.at))[:count]


@final
class Seats:
    """The ledger of one listening socket."""

    def __init__(self) -> None:
        self.count = 0
        """How many news there were: what is noted on a connection that shakes hands now."""
        self._rows: dict[int, deque[Seat]] = {}

    def take(self, fd: int, *, now: float = 0.0) -> Seat:
        """A connection was accepted at a descriptor."""
        self.count += 1
        self._end(fd)
        seat = Seat(fd, self.count, at=now)
        self._rows.setdefault(fd, deque(maxlen=_KEPT)).append(seat)
        return seat

    def leave(self, fd: int) -> None:
        """The connection at a descriptor was closed."""
        self.count += 1
        self._end(fd)

    def _end(self, fd: int) -> None:
        """Who was looked at while the seat may have changed hands is not known."""
        row = self._rows.get(fd)
        if row:
            row[-1].left = True

    def taken(self) -> Iterator[Seat]:
        """Those that somebody sits in now."""
        return (row[-1] for row in self._rows.values() if not row[-1].left)

    def spoke(self, fd: int, note: str) -> None:
        """Whoever sits at a descriptor has sent something, with its note."""
        row = self._rows.get(fd)
        if row:
            row[-1].spoke = True
            row[-1].note = note

    def find(self, fd: int, noted: int) -> Peer:
        """Who sat at a descriptor when the note was made."""
        for seat in reversed(self._rows.get(fd, ())):
            if seat.since <= noted:
                return seat.peer
        return NOBODY_KNOWN
