"""Where output goes. A `Sink` is shared by many outputs and gives each a `SinkWriter`.

There are two kinds. A file that is a plain file takes bytes on the pump's own thread, moved by the kernel where
nothing has to be looked at. Everything that may block (user code, a terminal, a fifo, another program's pipe) has a
`circus.stream.lane.Lane`, so that it can only ever hold up its own workers.

Where several outputs share one file, or lines get a prefix, only whole lines go in; an output that has the file to itself
writes what it has, line or not. A line longer than `circus.stream.lines.LINE_LIMIT` may then be cut by another's.
"""

import os
import select
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, final

from circus.stream.account import Account
from circus.stream.clock import wall
from circus.stream.files import LogFile, LogWriteError
from circus.stream.lane import Consume, Lane, LaneWriter
from circus.stream.lines import LineCutter, LinePrefixer
from circus.stream.model import OutputError, Source
from circus.stream.rotation import BySize, ByTime, Never, Rotation

__all__ = [
    "FileSink",
    "LaneSink",
    "PassThroughSink",
    "Sink",
    "SinkWriter",
    "TimePrefix",
    "TimedRotatingFileSink",
    "WatchedFileSink",
    "write_all",
]


class SinkWriter(Protocol):
    """The way of one output into a sink; used by one thread at a time, which it never blocks."""

    @property
    def bulk(self) -> bool:
        """Whether `splice` may be tried."""
        ...

    @property
    def full(self) -> bool:
        """Whether the next chunk should be left in the pipe."""
        ...

    @property
    def progress(self) -> int:
        """A number that stands still while a full sink is stuck."""
        ...

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call back, on any thread, when it is no longer full."""
        ...

    def write(self, data: bytes) -> None:
        """Take a chunk and book it; does not raise."""
        ...

    def splice(self, fd: int, count: int) -> tuple[int, bytes] | None:
        """Move up to ``count`` bytes from a pipe by the kernel.

        Returns:
            How many (0: the pipe has ended) and the last ones of them; None if `write` is the way.

        Raises:
            BlockingIOError: the pipe is empty.
            OSError: the sink takes nothing at present; nothing was taken from the pipe.
        """
        ...

    def detach(self) -> bytes:
        """End without a last word: gives the unfinished line, for the next writer."""
        ...

    def finish(self, done: Callable[[], None]) -> None:
        """Write what is held, end, and call back, on any thread, when the sink has everything."""
        ...


class Sink(Protocol):
    """A place for output. Whoever made it closes it, after the last output has left."""

    def writer(self, source: Source, account: Account, *, tail: int = 0) -> SinkWriter:
        """The way in for one output; ``tail`` is how many last bytes `SinkWriter.splice` shall give back."""
        ...

    def close(self, within: float = 2.0) -> bool:
        """Release what it holds; False if that took longer than ``within`` seconds."""
        ...


@final
class TimePrefix:
    """``2026-01-31 12:00:00 [4711] | ``: what stands before a line where a `time_format` is set."""

    def __init__(self, time_format: str) -> None:
        self._format = time_format
        self._per_second = "%f" not in time_format
        self._second = -1
        self._text = ""

    def __call__(self, pid: object, when: float | None = None) -> bytes:
        """The prefix for lines of ``pid`` at ``when`` (seconds since the epoch; now by default), in local time."""
        moment = wall() if when is None else when
        if not self._per_second or int(moment) != self._second:
            self._second = int(moment)
            self._text = datetime.fromtimestamp(moment, UTC).astimezone().strftime(self._format)
        return f"{self._text} [{pid}] | ".encode()


def write_all(fd: int, data: bytes) -> None:
    """Write to a descriptor until all is written, however long that takes.

    Raises:
        OSError: it takes no more; some of it may be written.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:  # somebody who shares it made it non-blocking
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


class LaneSink:
    """Gives whole lines to a function that may block or raise, on a thread of its own.

    Args:
        consume: called with the source and the bytes.
        name: for the thread's name.
        at_end: called on that thread when the sink has been closed.
    """

    def __init__(self, consume: Consume, *, name: str, at_end: Callable[[], object] | None = None) -> None:
        self._lane = Lane(consume, name=f"circus-{name}", at_end=at_end)

    def writer(self, source: Source, account: Account, *, tail: int = 0) -> SinkWriter:
        """As `Sink.writer`."""
        del tail
        return LaneWriter(self._lane, source, account)

    def close(self, within: float = 2.0) -> bool:
        """Consume what is queued and end the thread; False if it is stuck."""
        return self._lane.close(within)


@final
class PassThroughSink(LaneSink):
    """Passes whole lines on to a descriptor: for output that is captured and shown as well.

    Args:
        fd: what to write to, circusd's own standard output for instance; duplicated, so it stays the caller's.
    """

    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        super().__init__(self._write, name="pass-through", at_end=self._release)

    def _write(self, source: Source, data: bytes) -> None:
        del source
        write_all(self._fd, data)

    def _release(self) -> None:
        os.close(self._fd)


class FileSink:
    """A file, rotated by size.

    Several sinks for one path share the file; the options given last apply to it.

    Args:
        filename: its path; missing directories are not made.
        max_bytes: the size that it does not exceed; 0 for no limit.
        backup_count: how many old files (``filename.1`` and so on) are kept; with 0 nothing is ever rotated.
        time_format: ``strftime`` format of the prefix of each line; None for bytes as they are.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(
        self, filename: str, *, max_bytes: int = 0, backup_count: int = 0, time_format: str | None = None
    ) -> None:
        sized = max_bytes > 0 and backup_count > 0
        self._open(filename, BySize(max_bytes, backup_count) if sized else Never(), time_format)

    def _open(
        self, filename: str, rotation: Rotation, time_format: str | None, *, watch: bool = False
    ) -> None:
        try:
            self._file = LogFile.use(filename, rotation=rotation, watch=watch)
        except OSError as exc:
            raise OutputError(
                f"filename: cannot open {filename!r}: {exc.strerror}; the directory must exist and be writable"
            ) from exc
        self._prefix = None if time_format is None else TimePrefix(time_format)
        self._prefixer = LinePrefixer()
        # A lane starts its thread with the first chunk only.
        regular = self._file.regular
        self._lane = None if regular else Lane(self._consume, name="circus-file", at_end=self._file.release)
        self._closed = False

    @property
    def filename(self) -> str:
        """The absolute path."""
        return self._file.path

    def writer(self, source: Source, account: Account, *, tail: int = 0) -> SinkWriter:
        """As `Sink.writer`."""
        if self._lane is not None:
            return LaneWriter(self._lane, source, account)
        return _FileWriter(self._file, source, account, prefix=self._prefix, tail=tail)

    def write(self, data: bytes, *, pid: object = 0, when: float | None = None) -> None:
        """Write to it at once, from any thread; blocks as the disk does. With a prefix, a last line is ended.

        Raises:
            OSError: it could not be written.
        """
        if self._prefix is not None and data:
            whole = data if data.endswith(b"\n") else data + b"\n"
            data = LinePrefixer().feed(whole, self._prefix(pid, when))
        self._file.write(data, self)

    def reopen(self) -> None:
        """Go on in whatever file is at the path now: after an external tool has renamed the old one."""
        self._file.reopen()

    def close(self, within: float = 2.0) -> bool:
        """Give the file back; any number of times."""
        if self._closed:
            return True
        self._closed = True
        if self._lane is not None:
            return self._lane.close(within)
        self._file.release()
        return True

    def _consume(self, source: Source, data: bytes) -> None:
        if self._prefix is not None:
            data = self._prefixer.feed(data, self._prefix(source.pid))
        self._file.write(data, self)


@final
class WatchedFileSink(FileSink):
    """A file that an external tool rotates: when another file is at its path, that one is written from then on.

    Args:
        filename: as `FileSink`.
        time_format: as `FileSink`.
    """

    def __init__(self, filename: str, *, time_format: str | None = None) -> None:
        self._open(filename, Never(), time_format, watch=True)


@final
class TimedRotatingFileSink(FileSink):
    """A file, rotated by time.

    Args:
        filename: as `FileSink`.
        rotate: when, and how many old files are kept.
        time_format: as `FileSink`.
    """

    def __init__(self, filename: str, *, rotate: ByTime, time_format: str | None = None) -> None:
        self._open(filename, rotate, time_format)


@final
class _FileWriter:
    """The way of one output into a plain file."""

    full = False
    progress = 0

    def __init__(
        self, file: LogFile, source: Source, account: Account, *, prefix: TimePrefix | None, tail: int
    ) -> None:
        self._file = file
        self._source = source
        self._account = account
        self._prefix = prefix
        self._tail = tail
        self._prefixer = LinePrefixer()
        self._cutter = LineCutter()
        file.join(self)

    @property
    def bulk(self) -> bool:
        return self._prefix is None and self._file.exclusive and self._file.spliceable

    def when_room(self, callback: Callable[[], None]) -> None:
        callback()

    def write(self, data: bytes) -> None:
        if self._prefix is None and self._file.exclusive:
            first, end = self._cutter.take(), len(data)
        else:
            first, end = self._cutter.cut(data)
        if self._prefix is None:
            self._write(first, data, end)
        else:
            passed = data if end == len(data) else data[:end]
            self._write_prefixed(first + passed if first else passed)

    def splice(self, fd: int, count: int) -> tuple[int, bytes] | None:
        if self._cutter.held:
            self.write(b"")
        spliced = self._file.splice(fd, count, self)
        if spliced is None:
            return None
        moved, start = spliced
        self._account.took(moved)
        kept = min(moved, self._tail)
        return moved, self._file.read_back(start + moved - kept, kept) if kept else b""

    def detach(self) -> bytes:
        begun = b""
        if self._prefix is None:
            begun = self._file.take_back(self)
            self._account.gave_back(len(begun))
        else:
            self._write(b"", b"", 0)
        self._file.leave(self)
        return begun + self._cutter.take()

    def finish(self, done: Callable[[], None]) -> None:
        held = self._cutter.take()
        if self._prefix is None:
            self._write(held, b"", 0)
        else:
            self._write_prefixed(held)
            self._write(b"", b"", 0)
        self._file.leave(self)
        done()

    def _write_prefixed(self, data: bytes) -> None:
        if data and self._prefix is not None:
            first, body, end = self._prefixer.cut(data, self._prefix(self._source.pid))
            self._write(first, body, end, len(data))

    def _write(self, first: bytes, data: bytes, end: int, count: int | None = None) -> None:
        """Write ``first + data[:end]``, which came out of ``count`` bytes of the worker's, and book these."""
        count = len(first) + end if count is None else count
        if not count and not self._file.owes(self):
            return
        try:
            self._file.write(data, self, first=first, end=end)
        except LogWriteError as exc:
            written = min(exc.written, count)
            error = f"{self._file.path}: {exc.strerror}"
            self._account.lost(count - written, error, taken=written)
        else:
            self._account.took(count)
        self._account.degraded(self._file.rotation_error)
