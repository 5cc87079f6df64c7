"""The stream classes that configurations name, with the keywords that configurations give.

Each can be called by itself, ``stream({"data": b"...", "pid": 4711, "name": "stdout"})``, and has ``close()``. With a hub,
`circus.stream.factory.as_sink` makes a sink of it. Options come as text or typed; they are converted here, once.
"""

import itertools
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from io import UnsupportedOperation
from queue import Queue
from threading import Lock
from typing import Any, ClassVar, TextIO

from circus.stream.clock import wall
from circus.stream.model import OutputError
from circus.stream.rotation import ByTime
from circus.stream.sinks import FileSink, TimedRotatingFileSink, WatchedFileSink, write_all

__all__ = [
    "FancyStdoutStream",
    "FileStream",
    "QueueStream",
    "StdoutStream",
    "TimedRotatingFileStream",
    "WatchedFileStream",
]

Data = Mapping[str, Any]
"""``data``: bytes (or text); ``pid``: int; ``name``: ``stdout`` or ``stderr``; perhaps ``timestamp``: seconds."""


def _whole(option: str, value: object) -> int:
    try:
        number = int(str(value).strip() or 0)
    except ValueError:
        number = -1
    if number < 0:
        raise OutputError(f"{option}: {value!r} is not a whole number of 0 or more")
    return number


def _flag(option: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", "none", ""}:
        return False
    raise OutputError(f"{option}: {value!r} is neither true nor false")


def _bytes(data: Data) -> bytes:
    raw = data["data"]
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else bytes(raw)


def _path(filename: str | os.PathLike[str] | None) -> str:
    if filename is not None:
        return os.fspath(filename)
    fd, path = tempfile.mkstemp(prefix="circus-", suffix=".log")
    os.close(fd)
    return path


class _FileStreamBase:
    """What the three file streams have in common."""

    sink: FileSink
    """Where it goes when a hub does the work."""

    @property
    def filename(self) -> str:
        """The absolute path that is written to."""
        return self.sink.filename

    def __call__(self, data: Data) -> None:
        """Write a chunk; with a `time_format`, each line of it gets the prefix and the last one its newline."""
        self.sink.write(_bytes(data), pid=data.get("pid"), when=data.get("timestamp"))

    def reopen(self) -> None:
        """Go on in whatever file is at the path now."""
        self.sink.reopen()

    def close(self) -> None:
        """Give the file back."""
        self.sink.close()


class FileStream(_FileStreamBase):
    """Writes to a file, rotated by size.

    Args:
        filename: its path; a new temporary file by default.
        max_bytes: the file does not grow over that; 0, the default, for no limit.
        backup_count: how many old files are kept, as ``filename.1`` (the newest) and so on; with 0, the default, the
            file is never rotated.
        time_format: ``strftime`` format; then each line begins with that time and the pid: ``... [4711] | ``.
        options: others, which are ignored.

    Raises:
        OutputError: an option is wrong, or the file cannot be opened.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] | None = None,
        max_bytes: int | str = 0,
        backup_count: int | str = 0,
        time_format: str | None = None,
        **options: object,
    ) -> None:
        del options
        self.sink = FileSink(
            _path(filename),
            max_bytes=_whole("max_bytes", max_bytes),
            backup_count=_whole("backup_count", backup_count),
            time_format=time_format,
        )


class WatchedFileStream(_FileStreamBase):
    """Writes to a file that an external tool rotates: opens the new one when there is one at the path.

    Args:
        filename: its path; a new temporary file by default.
        time_format: as `FileStream`.
        options: others, which are ignored.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] | None = None,
        time_format: str | None = None,
        **options: object,
    ) -> None:
        del options
        self.sink = WatchedFileSink(_path(filename), time_format=time_format)


class TimedRotatingFileStream(_FileStreamBase):
    """Writes to a file, rotated by time; an old one is called ``filename.20240131``.

    Args:
        filename: its path; a new temporary file by default.
        backup_count: how many old files are kept; 0, the default, keeps all.
        time_format: as `FileStream`.
        rotate_when: ``S``, ``M``, ``H``, ``D``, ``midnight`` or ``W0`` (the end of a Monday) to ``W6``, in any case.
        rotate_interval: how many of these units; 1 by default.
        utc: whether to count and to name in UTC instead of local time; false by default.
        options: others, which are ignored.

    Raises:
        OutputError: an option is wrong, or the file cannot be opened.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] | None = None,
        backup_count: int | str = 0,
        time_format: str | None = None,
        rotate_when: str | None = None,
        rotate_interval: int | str = 1,
        utc: bool | str = False,  # noqa: FBT001, FBT002 - the order and the default are what configurations know
        **options: object,
    ) -> None:
        del options
        rotate = ByTime.parse(
            rotate_when,
            interval=_whole("rotate_interval", rotate_interval),
            backup_count=_whole("backup_count", backup_count),
            utc=_flag("utc", utc),
        )
        self.sink = TimedRotatingFileSink(_path(filename), rotate=rotate, time_format=time_format)


class QueueStream(Queue[Data]):
    """A `queue.Queue` that every chunk is put into, for a program that reads its workers' output itself.

    It is not bounded: what nobody takes out stays in memory.

    Args:
        options: ignored.
    """

    def __init__(self, **options: object) -> None:
        del options
        super().__init__()

    def __call__(self, data: Data) -> None:
        """Put it into the queue."""
        self.put(data)

    def close(self) -> None:
        """Nothing to do; what is in the queue stays."""


class StdoutStream:
    """Writes to the standard output of this program.

    Args:
        options: ignored.
    """

    out: TextIO | None = None
    """Where to write; None for whatever `sys.stdout` is at that time."""

    _turn: ClassVar[Lock] = Lock()

    def __init__(self, **options: object) -> None:
        del options

    def __call__(self, data: Data) -> None:
        """Write a chunk."""
        self._write(_bytes(data))

    def close(self) -> None:
        """Nothing to do: standard output is not ours to close."""

    def _write(self, data: bytes) -> None:
        out = self.out or sys.stdout
        if out is None:  # pyright: ignore[reportUnnecessaryComparison] - so it is without a console
            raise OutputError("this program has no standard output")
        with self._turn:
            try:
                fd = out.fileno()
            except (UnsupportedOperation, AttributeError):
                out.write(data.decode("utf-8", "replace"))
                out.flush()
                return
            out.flush()
            # Straight to the descriptor: what a broken pipe refuses must not stay in a buffer and come again.
            write_all(fd, data)


class FancyStdoutStream(StdoutStream):
    """Writes to standard output, each line in a colour, with time and pid: ``2026-01-31 12:00:00 [4711] | hello``.

    Args:
        color: red, green, yellow, blue, magenta, cyan or white; the next one in turn by default.
        time_format: ``strftime`` format; ``%Y-%m-%d %H:%M:%S`` by default.
        options: ignored.
    """

    colors: ClassVar[list[str]] = ["red", "green", "yellow", "blue", "magenta", "cyan", "white"]
    _turns: ClassVar["itertools.cycle[str]"] = itertools.cycle(colors)

    def __init__(self, color: str | None = None, time_format: str | None = None, **options: object) -> None:
        super().__init__(**options)
        self.time_format = time_format or "%Y-%m-%d %H:%M:%S"
        self.color_code = self.colors.index(color if color in self.colors else next(self._turns)) + 1

    def prefix(self, data: Data) -> str:
        """What stands before each line: the colour, the time, the pid."""
        when = data.get("timestamp")
        moment = datetime.fromtimestamp(wall() if when is None else when, UTC).astimezone()
        return f"\033[0;3{self.color_code};40m{moment.strftime(self.time_format)} [{data.get('pid')}] | "

    def __call__(self, data: Data) -> None:
        """Write each line of a chunk that is not empty."""
        prefix = self.prefix(data).encode()
        lines = [line for line in _bytes(data).split(b"\n") if line]
        if lines:
            self._write(b"".join(prefix + line + b"\033[0m\n" for line in lines))
