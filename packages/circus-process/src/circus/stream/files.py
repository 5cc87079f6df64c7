"""One log file: written at its end, rotated, re-opened, survived. The only module that touches files.

Theory. A path that is open is open once in this process, however many workers, streams and watchers write to it: two
rotations of one file would tear each other apart. Before each write the file is asked for its size, and that is
where the write goes: so a file truncated by somebody else (``copytruncate``) goes on at 0, and bytes that another
program appended are not overwritten, except in the microsecond between the question and the write.
``O_APPEND`` would close that gap, but the kernel refuses to splice into such a file.
A file that has been removed is made anew; one that cannot be made raises `OSError` and is tried again next time.
Whoever writes continues only lines of its own. The unfinished line of an output that is still there is taken out of the
file again when another one's line comes, and goes in whole with its end; where nobody will end it, a newline is put first.

Illegal states: an open descriptor with no user left; two `LogFile` for one path; a line of one output within another's.
"""

import contextlib
import errno
import os
import stat
from threading import Lock
from typing import ClassVar, final

from circus.stream.clock import wall
from circus.stream.lines import LINE_LIMIT
from circus.stream.rotation import BySize, ByTime, Never, Rotation, fit, hard_cut

__all__ = ["BULK_MARGIN", "LogFile", "LogWriteError"]

BULK_MARGIN = 65_536
"""The last bytes before a rotation are never spliced, so that the cut falls on the end of a line."""

_CARRY_LIMIT = 1 << 20
_OPENINGS = (os.O_RDWR, os.O_WRONLY, os.O_WRONLY | os.O_APPEND)
"""How a file is opened, in this order: a file without read permission or marked append-only can be written, too."""


def _open(path: str) -> tuple[int, int]:
    """A descriptor and the flags that it was possible with."""
    refused: OSError | None = None
    for flags in _OPENINGS:
        try:
            fd = os.open(path, flags | os.O_CREAT | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
        except PermissionError as exc:
            refused = refused or exc
        else:
            return fd, flags
    assert refused is not None
    raise refused


@final
class LogWriteError(OSError):
    """A write that ended early; ``written`` bytes of it are in the file."""

    def __init__(self, cause: OSError, written: int) -> None:
        super().__init__(cause.errno, cause.strerror, cause.filename)
        self.written = written


@final
class LogFile:
    """A file to write lines to; get one with `LogFile.use`, give it back with `release`.

    Every method may be called from any thread.

    Args:
        path: its absolute path.
    """

    _open_files: ClassVar[dict[str, "LogFile"]] = {}
    _registry: ClassVar[Lock] = Lock()

    def __init__(self, path: str) -> None:
        self.path = path
        self.users = 0
        self.rotation_error: str | None = None
        self._rotation: Rotation = Never()
        self._watch = False
        self._writers: set[object] = set()
        self._returned: dict[object, bytes] = {}
        self._lock = Lock()
        self._fd = -1
        self._flags = 0
        self._identity = (-1, -1)
        self._regular = True
        self._splices = hasattr(os, "splice")
        self._writer: object = None
        self._clean: bool | None = None
        self._began = 0.0
        self._rotate_at = 0.0

    @classmethod
    def use(cls, path: str, *, rotation: Rotation, watch: bool = False) -> "LogFile":
        """The file at ``path``, opened; where it is in use already, the newest rotation and watch apply to all.

        Raises:
            OSError: it cannot be opened.
        """
        path = os.path.abspath(path)
        with cls._registry:
            known = cls._open_files.get(path)
            file = known or cls(path)
            file.configure(rotation=rotation, watch=watch)
            file.users += 1
            cls._open_files[path] = file
        return file

    def configure(self, *, rotation: Rotation, watch: bool) -> None:
        """Have it open, with this rotation from now on.

        Raises:
            OSError: it cannot be opened.
        """
        with self._lock:
            if self._fd < 0:
                self._reopen()
            self._watch = watch
            self._set_rotation(rotation)

    def release(self) -> None:
        """Give it back; the last user closes it."""
        with self._registry:
            self.users -= 1
            if self.users > 0:
                return
            self._open_files.pop(self.path, None)
        with self._lock:
            self._close()

    @property
    def regular(self) -> bool:
        """Whether it is a plain file; anything else (a fifo, a terminal) may block."""
        return self._regular

    @property
    def spliceable(self) -> bool:
        """Whether the kernel may move bytes into it."""
        return self._splices and self._regular and not self._flags & os.O_APPEND

    @property
    def exclusive(self) -> bool:
        """Whether at most one output writes to it."""
        return len(self._writers) < 2

    def join(self, writer: object) -> None:
        """One more output writes to it."""
        with self._lock:
            self._writers.add(writer)

    def leave(self, writer: object) -> None:
        """One output less."""
        with self._lock:
            self._writers.discard(writer)
            self._returned.pop(writer, None)

    def owes(self, writer: object) -> bool:
        """Whether an unfinished line of this output was taken out again and waits for its next write."""
        return writer in self._returned

    def take_back(self, writer: object) -> bytes:
        """Take the unfinished line of this output out of the file, for it to go elsewhere whole; empty if there is none."""
        with self._lock:
            if self._writer is writer and self._fd >= 0 and self._regular:
                size = os.fstat(self._fd).st_size
                if size and not self._ends_clean(size):
                    self._take_out(size)
            return self._returned.pop(writer, b"")

    def reopen(self) -> None:
        """Close it and open whatever is at its path now, at the next write: after an external rotation."""
        with self._lock:
            self._close()

    def write(self, data: bytes, writer: object, *, first: bytes = b"", end: int | None = None) -> None:
        """Put ``first + data[:end]`` at the end, all of it, rotating on the way where it is due.

        Args:
            data: the bytes; all of them by default.
            writer: whose they are: a line is continued only by the writer that began it.
            first: what goes before them.
            end: how many of ``data`` count.

        Raises:
            LogWriteError: not everything could be written; it says how much was, which is less than nothing where a line that
                had been taken out again is lost.
        """
        done = 0
        with self._lock:
            returned = self._returned.pop(writer, b"")
            try:
                size = self._ready(writer)
                for piece, stop in (
                    (returned, len(returned)),
                    (first, len(first)),
                    (data, len(data) if end is None else end),
                ):
                    at = 0
                    while at < stop:
                        wrote, size = self._write_some(piece, at, stop, size)
                        at += wrote
                        done += wrote
            except OSError as exc:
                self._clean = None
                self._writer = None
                raise LogWriteError(exc, done - len(returned)) from exc

    def splice(self, source: int, count: int, writer: object) -> tuple[int, int] | None:
        """Let the kernel move up to ``count`` bytes from a pipe.

        Returns:
            How many were moved (0 at the end of the pipe), and where they begin in the file; None if bytes must go through
            `write` now: the end of the file's life is near, or its kind does not allow it.

        Raises:
            BlockingIOError: the pipe is empty.
            OSError: the file could not be written; nothing was taken from the pipe.
        """
        with self._lock:
            size = self._ready(writer)
            room = count
            if isinstance(self._rotation, BySize):
                room = min(count, self._rotation.max_bytes - size - BULK_MARGIN)
            if room < BULK_MARGIN or not self.spliceable or writer in self._returned:
                return None
            try:
                moved = os.splice(source, self._fd, room, offset_dst=size, flags=os.SPLICE_F_NONBLOCK)
            except OSError as exc:
                if exc.errno != errno.EINVAL:
                    raise
                self._splices = False  # this file system cannot
                return None
            self._clean = None
            return moved, size

    def read_back(self, start: int, count: int) -> bytes:
        """What was just written there, as far as it can be read; for the last lines of a spliced output."""
        with self._lock:
            if self._fd < 0 or self._flags & os.O_WRONLY:
                return b""
            return os.pread(self._fd, count, start)

    def _ready(self, writer: object) -> int:
        """Have it open, current, rotated if it is time, and after a line's end; gives its size."""
        info = os.fstat(self._fd) if self._fd >= 0 else None
        if info is None or (self._regular and (info.st_nlink == 0 or (self._watch and self._moved()))):
            info = self._reopen()
        if isinstance(self._rotation, ByTime) and self._regular and wall() >= self._rotate_at:
            info = self._rotate(info)
        size = info.st_size if self._regular else 0
        if self._writer is not writer:
            if size and not self._ends_clean(size):
                size = self._take_out(size) if self._writer in self._writers else size
                size += 0 if self._clean else self._put(b"\n", size)
            self._writer = writer
        return size

    def _take_out(self, size: int) -> int:
        """Take the last line, which is unfinished, out of the file, where that can be; gives the size then."""
        if self._flags & os.O_APPEND:
            return size
        reach = min(size, LINE_LIMIT)
        last = os.pread(self._fd, reach, size - reach)
        newline = last.rfind(b"\n")
        if len(last) < reach or (newline < 0 and reach < size):
            return size
        start = size - reach + newline + 1
        os.ftruncate(self._fd, start)
        self._returned[self._writer] = last[newline + 1 :]
        self._clean = True
        return start

    def _moved(self) -> bool:
        try:
            info = os.stat(self.path)
        except FileNotFoundError:
            return True
        return (info.st_dev, info.st_ino) != self._identity

    def _ends_clean(self, size: int) -> bool:
        if self._clean is None:
            readable = self._regular and not self._flags & os.O_WRONLY
            self._clean = not readable or os.pread(self._fd, 1, size - 1) in {b"\n", b""}
        return self._clean

    def _put(self, data: bytes | memoryview, size: int) -> int:
        if self._regular and not self._flags & os.O_APPEND:
            return os.pwrite(self._fd, data, size)
        return os.write(self._fd, data)

    def _write_some(self, data: bytes, at: int, stop: int, size: int) -> tuple[int, int]:
        """Write the first of ``data[at:stop]`` to a file of ``size`` bytes; gives how many, and the size then."""
        count = stop - at
        rotation = self._rotation
        if isinstance(rotation, BySize) and self._regular and size + count > rotation.max_bytes:
            count = fit(data, rotation.max_bytes - size, start=at, end=stop)
            if count == 0 and size:
                carried = self._rotate_by_size(rotation)
                if carried is None:
                    count = stop - at  # it cannot be rotated: a file that is too long loses nothing
                else:
                    size = carried
                    count = fit(data, rotation.max_bytes - size, start=at, end=stop)
            if count == 0 and size < rotation.max_bytes:
                count = min(hard_cut(data, rotation.max_bytes - size, start=at), stop - at)
            if count == 0:
                return 0, size
        wrote = self._put(memoryview(data)[at : at + count], size)
        if wrote:
            self._clean = data[at + wrote - 1] == ord("\n")
        return wrote, size + wrote

    def _rotate_by_size(self, rotation: BySize) -> int | None:
        """Rotate; gives the size of the new file, or None if it could not be done."""
        try:
            # Not by renaming over it: ext4 then writes the file out at once, and every rotation waits for the disk.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(rotation.oldest(self.path))
            for source, target in rotation.renames(self.path):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(source, target)
            carried = self._begin_anew()
        except OSError as exc:
            self.rotation_error = f"cannot rotate {self.path}: {exc.strerror}; it grows on"
            return None
        self.rotation_error = None
        return carried

    def _begin_anew(self) -> int:
        """Go on in a new file, which begins with the unfinished line of the present one; gives its size."""
        old, size, writer = self._fd, os.fstat(self._fd).st_size, self._writer
        start = self._unfinished_line(size)
        fd, flags = _open(self.path)
        self._adopt(fd, flags)
        self._writer = writer
        carried = 0
        try:
            while start + carried < size:
                moved = os.sendfile(fd, old, start + carried, size - start - carried)
                if not moved:
                    break
                carried += moved
            if carried and start + carried == size:
                os.ftruncate(old, start)
                self._clean = False
        finally:
            os.close(old)
        return carried

    def _unfinished_line(self, size: int) -> int:
        """Where the last line begins if it has no end yet; ``size`` if there is nothing to carry over."""
        if self._flags & os.O_WRONLY or self._ends_clean(size):
            return size
        at = size
        while at > 0 and size - at < _CARRY_LIMIT:
            step = min(at, BULK_MARGIN)
            newline = os.pread(self._fd, step, at - step).rfind(b"\n")
            if newline >= 0:
                return at - step + newline + 1
            at -= step
        return size

    def _rotate(self, info: os.stat_result) -> os.stat_result:
        rotation = self._rotation
        assert isinstance(rotation, ByTime)
        now = wall()
        folder, name = os.path.split(self.path)
        try:
            present = os.listdir(folder)
            if info.st_size:
                os.rename(self.path, os.path.join(folder, rotation.free_name(name, self._began, present)))
                self._begin_anew()
                info = os.fstat(self._fd)
            for old in rotation.expired(name, os.listdir(folder)):
                os.unlink(os.path.join(folder, old))
            self.rotation_error = None
        except OSError as exc:
            self.rotation_error = f"cannot rotate {self.path}: {exc.strerror}; it grows on"
        self._began, self._rotate_at = now, rotation.next_after(now)
        return info

    def _set_rotation(self, rotation: Rotation) -> None:
        if rotation == self._rotation:
            return
        self._rotation = rotation
        self.rotation_error = None
        if isinstance(rotation, ByTime):
            info = os.fstat(self._fd)
            self._began = info.st_mtime if info.st_size else wall()
            self._rotate_at = rotation.next_after(self._began)

    def _reopen(self) -> os.stat_result:
        fd, flags = _open(self.path)
        if self._fd >= 0:
            os.close(self._fd)
        return self._adopt(fd, flags)

    def _adopt(self, fd: int, flags: int) -> os.stat_result:
        info = os.fstat(fd)
        self._fd, self._flags = fd, flags
        self._identity = (info.st_dev, info.st_ino)
        self._regular = stat.S_ISREG(info.st_mode)
        self._clean = True if info.st_size == 0 else None
        self._writer = None
        return info

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
