"""One pipe and where its bytes go: what a turn does. Belongs to the pump's thread alone.

Small amounts are read and written, so that the last lines are at hand; from a pipe that was found rather full,
the kernel moves them straight into the file (`os.splice`), in pieces of up to 1 MiB, and the last bytes are read
back from the file.
"""

import array
import contextlib
import fcntl
import os
import termios
from collections.abc import Callable
from enum import Enum
from typing import final

from circus.stream.account import Account
from circus.stream.model import Source
from circus.stream.sinks import Sink, SinkWriter
from circus.stream.tail import TailBuffer

__all__ = ["Pipe", "Turn"]

_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_PIPE_SIZE = 1 << 20
_READ = 65_536
_BULK_READ = 1 << 18
_RATHER_FULL = 1 << 15


class Turn(Enum):
    """How a turn ended."""

    MOVED = "moved"
    EMPTY = "empty"
    BLOCKED = "blocked"
    """The sink is full: nothing was taken from the pipe."""
    ENDED = "ended"
    FAILED = "failed"


@final
class Pipe:
    """The read end of a pipe, with its writer into a sink.

    Args:
        fd: the descriptor, owned from now on; it is made non-blocking.
        source: whose output it is.
        sink: where it goes.
        tail: keeps its last lines; None for nobody.
        account: its books.
    """

    def __init__(
        self, fd: int, source: Source, sink: Sink, tail: TailBuffer | None, account: Account
    ) -> None:
        self.fd = fd
        self.source = source
        self.account = account
        self.discarding = False
        self._tail = tail
        self._bulk = False
        self._grown = False
        self._writer: SinkWriter = self._join(sink)
        os.set_blocking(fd, False)

    @property
    def full(self) -> bool:
        """Whether the sink wants no more at present."""
        return self._writer.full

    @property
    def progress(self) -> int:
        """A number that stands still while a full sink is stuck."""
        return self._writer.progress

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call back, on any thread, when the sink takes more."""
        self._writer.when_room(callback)

    def turn(self) -> tuple[Turn, int]:
        """Move what is there, up to some 1 MiB; gives how it went and how many bytes."""
        if self.discarding and not self._writer.full:
            self.discarding = False
        if self._writer.full and not self.discarding:
            return Turn.BLOCKED, 0
        try:
            if self._bulk and not self.discarding and (moved := self._splice()) is not None:
                return (Turn.MOVED if moved else Turn.ENDED), moved
            data = os.read(self.fd, _BULK_READ if self._bulk else _READ)
        except BlockingIOError:
            self._bulk = False
            return Turn.EMPTY, 0
        except OSError as exc:
            self.account.lost(0, f"its pipe cannot be read: {exc.strerror}")
            return Turn.FAILED, 0
        if not data:
            return Turn.ENDED, 0
        self._bulk = len(data) >= _RATHER_FULL
        if self._bulk and not self._grown:
            self._grow()
        self._pass_on(data)
        return Turn.MOVED, len(data)

    def take_what_is_there(self) -> None:
        """Read what is in the pipe at this moment, however full the sink is, and no more than that."""
        waiting = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.fd, termios.FIONREAD, waiting)
        left = waiting[0]
        while left > 0:
            try:
                data = os.read(self.fd, min(left, _BULK_READ))
            except OSError:
                return
            if not data:
                return
            left -= len(data)
            self._pass_on(data)

    def redirect(self, sink: Sink) -> None:
        """From the next byte on, another sink; an unfinished line goes there as a whole."""
        held = self._writer.detach()
        self._writer = self._join(sink)
        self.discarding = False
        if held:
            self._writer.write(held)

    def close(self, done: Callable[[], None]) -> None:
        """Close the descriptor, write what is held; call back, on any thread, when the sink has everything."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self._writer.finish(done)

    def _join(self, sink: Sink) -> SinkWriter:
        return sink.writer(self.source, self.account, tail=0 if self._tail is None else self._tail.capacity)

    def _splice(self) -> int | None:
        if not self._writer.bulk or (self._tail is not None and self._tail.followed):
            return None
        try:
            spliced = self._writer.splice(self.fd, _PIPE_SIZE)
        except BlockingIOError:
            raise
        except OSError:  # the file takes nothing: reading and dropping is counted on the way that follows
            return None
        if spliced is None:
            return None
        moved, last = spliced
        self._bulk = moved >= _RATHER_FULL
        if self._tail is not None and moved:
            self._tail.append(last, skipped=moved - len(last))
        return moved

    def _pass_on(self, data: bytes) -> None:
        if self._tail is not None:
            self._tail.append(data)
        if self.discarding:
            self.account.lost(len(data), "its stream has been blocked for too long")
        else:
            self._writer.write(data)

    def _grow(self) -> None:
        """Only a pipe that fills is made larger: what all pipes of a user hold together is limited."""
        self._grown = True
        with contextlib.suppress(OSError):  # over the limit (EPERM) or not Linux: it works as it is
            fcntl.fcntl(self.fd, _SET_PIPE_SIZE, _PIPE_SIZE)
