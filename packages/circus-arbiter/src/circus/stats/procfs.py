"""What Linux tells about one process: the hot line, and the slow facts.

Theory. One `pread` of ``/proc/PID/stat`` on a descriptor that is kept open costs half of open, read and close, and it
is a handle as well: after the process is gone it fails for ever, so a recycled pid is never mistaken for the old one.
``schedstat`` costs a third of ``stat`` and changes whenever the main thread has run; a process with one thread that has not
run has used no time, started no thread and is in the state that it was in: its last line is still good, and most workers
of most daemons are such. (Its memory may shrink under pressure meanwhile, so it is read in full now and then.)
Descriptors are kept while there are enough of them; past that the file is opened each time, and the start time
tells a recycled pid. What rarely changes (`Slow`) is read when it may have.

Who is new is found without a list of all: pids are given out in turn, and ``loadavg`` tells the last one.
"""

import os
import pwd
import resource
import sys
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, final

from circus.stats.kernel import TICKS, Census, Hot, Slow

__all__ = ["HAS_PROCFS", "Procfs", "parse_hot", "parse_io", "parse_parent"]

HAS_PROCFS = sys.platform == "linux" and os.path.exists("/proc/self/stat")
_PAGE: int = os.sysconf("SC_PAGE_SIZE")
_HAS_SCHEDSTAT = os.path.exists("/proc/self/schedstat")
_SKIPS: Final = 10
"""Ticks for which the line of a process that does not run is taken as it was."""
_SPARE: Final = 256
"""Descriptors that are left for everything else."""
_DEAD: Final = frozenset("ZXx")


def parse_hot(raw: bytes) -> Hot:
    """Read one line of ``stat``. The name stands in brackets and may hold blanks and brackets: the last one ends it.

    Raises:
        ValueError: these are not such bytes.
    """
    field = raw[raw.rindex(b")") + 2 :].split(None, 22)
    return Hot(
        chr(field[0][0]),
        int(field[1]),
        int(field[11]) + int(field[12]),
        int(field[13]) + int(field[14]),
        int(field[16]),
        int(field[17]),
        int(field[19]),
        int(field[20]),
        int(field[21]) * _PAGE,
    )


def parse_io(raw: bytes) -> tuple[int, int] | None:
    """Bytes that came from and went to storage, out of ``io``."""
    found: dict[bytes, int] = {}
    for line in raw.splitlines():
        key, _, value = line.partition(b": ")
        if value.strip().isdigit():
            found[key] = int(value)
    if b"read_bytes" not in found or b"write_bytes" not in found:
        return None
    return found[b"read_bytes"], found[b"write_bytes"]


def parse_parent(raw: bytes) -> int:
    """The parent out of one line of ``stat``; 0 for a thread, whose end nobody is told of (its exit signal is -1)."""
    field = raw[raw.rindex(b")") + 2 :].split(None, 36)
    return 0 if len(field) > 35 and field[35] == b"-1" else int(field[1])


@lru_cache(maxsize=1024)
def _username(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def _read(path: str, size: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except _GONE:
        return b""
    try:
        return os.read(fd, size)
    except _GONE:
        return b""
    finally:
        os.close(fd)


@final
class _Entry:
    """What is kept of one process: two descriptors, and the last line.

    Args:
        stat: descriptor of its ``stat``.
        sched: of its ``schedstat``.
        hot: the last line.
        run: what ``schedstat`` said before that was read.
    """

    __slots__ = ("hot", "run", "sched", "skips", "stat")

    def __init__(self, stat: int, sched: int, hot: Hot, run: bytes) -> None:
        self.stat = stat
        self.sched = sched
        self.hot = hot
        self.run = run
        self.skips = 0
        """Ticks for which the line is still good if the main thread does not run."""

    def read(self) -> Hot:
        """The current line, read in full.

        Raises:
            ProcessLookupError: it is gone.
        """
        run = os.pread(self.sched, 64, 0) if self.sched >= 0 else b""
        new = parse_hot(os.pread(self.stat, 512, 0))
        if new != self.hot:
            self.hot = new
        # Where a line may be out of date though the main thread has not run, it is read at each tick.
        self.run, self.skips = run, _SKIPS if run and new.threads == 1 else 0
        return self.hot


@final
class Procfs:
    """The procfs of this machine; a `Kernel`.

    Args:
        keep: how many descriptors may be kept open; None for what the limit of this process allows.
    """

    def __init__(self, *, keep: int | None = None) -> None:
        self._kept: dict[int, _Entry] = {}
        if keep is None:
            keep = max(0, _raise_descriptor_limit() - _SPARE)
        self._keep = keep

    def read(self, pids: Iterable[int]) -> dict[int, Hot]:
        """The hot lines of those that run; who is dead and not reaped yet does not."""
        found: dict[int, Hot] = {}
        kept, pread = self._kept, os.pread
        for pid in pids:  # this loop runs for each worker at each tick: one look-up, one system call
            try:
                entry = kept.get(pid)
                if entry is None:
                    hot = self._open(pid)
                elif entry.skips and pread(entry.sched, 64, 0) == entry.run:
                    entry.skips -= 1
                    found[pid] = entry.hot
                    continue
                else:
                    hot = entry.read()
            except _GONE:
                self.forget(pid)
                continue
            if hot.state in _DEAD:
                self.forget(pid)
            else:
                found[pid] = hot
        return found

    def _open(self, pid: int) -> Hot:
        run, sched = b"", -1
        stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            keeps = 2 * len(self._kept) + 2 <= self._keep
            if keeps and _HAS_SCHEDSTAT:
                sched = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
                run = os.pread(sched, 64, 0)
            hot = parse_hot(os.pread(stat, 512, 0))
        except BaseException:
            os.close(stat)
            if sched >= 0:
                os.close(sched)
            raise
        if keeps:
            entry = self._kept[pid] = _Entry(stat, sched, hot, run)
            # Not all should be read in full at the same tick.
            entry.skips = pid % _SKIPS if run and hot.threads == 1 else 0
        else:
            os.close(stat)
        return hot

    def parent(self, pid: int) -> int:
        """Of a process, not of a thread; 0 if there is no such process."""
        raw = _read(f"/proc/{pid}/stat", 512)
        return parse_parent(raw) if raw else 0

    def slow(self, pid: int) -> Slow:
        """The slow facts; what is not ours to see is ``N/A`` or None."""
        command = _read(f"/proc/{pid}/cmdline", 4096)
        words = command.rstrip(b"\0").decode("utf-8", "backslashreplace").split("\0")
        io = parse_io(_read(f"/proc/{pid}/io", 512))
        try:
            username = _username(os.stat(f"/proc/{pid}").st_uid)
        except _GONE:
            username = "N/A"
        return Slow(
            username=username,
            cmdline=words[0].rpartition("/")[2] or "N/A",
            command=" ".join(words),
            fds=_count_descriptors(pid),
            read_bytes=io[0] if io else None,
            write_bytes=io[1] if io else None,
        )

    def forget(self, pid: int) -> None:
        """Close what is kept of a process."""
        entry = self._kept.pop(pid, None)
        if entry is not None:
            os.close(entry.stat)
            if entry.sched >= 0:
                os.close(entry.sched)

    def census(self, cursor: int | None, *, limit: int) -> Census:
        """Who runs, or who may be new since the cursor was given."""
        last = _read("/proc/loadavg", 128).rpartition(b" ")[2].strip()
        now = int(last) if last.isdigit() else 0
        if cursor and cursor <= now <= cursor + limit:
            return Census(range(cursor + 1, now + 1), is_complete=False, cursor=now)
        return Census(
            [int(name) for name in os.listdir("/proc") if name.isdigit()], is_complete=True, cursor=now
        )

    def uptime_ticks(self) -> float:
        """Clock ticks since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS

    def close(self) -> None:
        """Close all descriptors."""
        for pid in list(self._kept):
            self.forget(pid)


def _count_descriptors(pid: int) -> int | None:
    """Since Linux 6.2 the size of the folder is the number; before, it is counted."""
    try:
        size = os.stat(f"/proc/{pid}/fd").st_size
        return size or len(os.listdir(f"/proc/{pid}/fd"))
    except _GONE:
        return None


def _raise_descriptor_limit() -> int:
    """Use what we are allowed to, up to what 5,000 workers and their children need. Nothing is spawned from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return min(soft, 16_384) if soft != resource.RLIM_INFINITY else 16_384
