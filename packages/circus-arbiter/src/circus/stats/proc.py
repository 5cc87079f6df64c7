"""What the kernel tells about one process: the hot line, and the slow facts. Linux's procfs; psutil elsewhere.

Theory. One `pread` of ``/proc/PID/stat`` on a descriptor that is kept open costs half of open, read and close, and it
is a handle as well: after the process is gone it fails for ever, so a recycled pid is never mistaken for the old one.
``schedstat`` costs a third of ``stat`` and changes whenever the main thread has run; a process with one thread that has not
run has used no time, started no thread and is in the state that it was in: its last line is still good, and most workers
of most daemons are such. (Its memory may shrink under pressure meanwhile, so it is read in full now and then.)
Descriptors are kept while there are enough of them; past that the file is opened each time, and the start time
tells a recycled pid. What rarely changes (`Slow`) is read when it may have.
"""

import os
import pwd
import resource
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol, final

__all__ = ["HAS_PROCFS", "TICKS", "Hot", "Kernel", "Procfs", "Slow", "memory_total", "parse_hot", "parse_io"]

HAS_PROCFS = sys.platform == "linux" and os.path.exists("/proc/self/stat")
TICKS: int = os.sysconf("SC_CLK_TCK")
_PAGE: int = os.sysconf("SC_PAGE_SIZE")
_HAS_SCHEDSTAT = os.path.exists("/proc/self/schedstat")
_SKIPS = 10
"""Ticks for which the line of a process that does not run is taken as it was."""
_SPARE = 256
"""Descriptors that are left for everything else."""


@final
class Hot(NamedTuple):
    """What changes with each tick; times in clock ticks, memory in bytes."""

    state: str
    ppid: int
    used: int
    """User and system time of the process itself."""
    reaped: int
    """The same of its children that it has waited for."""
    nice: int
    threads: int
    start: int
    """Since boot: with the pid, the identity of a process."""
    vms: int
    rss: int


@final
class Slow(NamedTuple):
    """What seldom changes, or is dear to read."""

    username: str
    cmdline: str
    """The base name of the program, as the reference shows it."""
    command: str
    """The whole command line."""
    fds: int | None
    read_bytes: int | None
    """Bytes read from storage since it started; None if they are not ours to see."""
    write_bytes: int | None


class Kernel(Protocol):
    """Where the facts come from: procfs, or a fake of the tests."""

    def hot(self, pid: int) -> Hot | None:
        """The hot line; the same object as before if the process has not run. None if it is gone, or dead."""
        ...

    def slow(self, pid: int) -> Slow: ...
    def forget(self, pid: int) -> None: ...

    def census(self) -> Iterator[int] | None:
        """All pids; None if no process was started since the last call."""
        ...

    def uptime_ticks(self) -> float:
        """Clock ticks since boot, to compare with `Hot.start`."""
        ...


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


def memory_total() -> int:
    """Bytes of memory of this machine."""
    return _PAGE * os.sysconf("SC_PHYS_PAGES")


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
    """What is kept of one process: two descriptors, and the last line."""

    __slots__ = ("hot", "run", "sched", "skips", "stat")

    def __init__(self, stat: int, sched: int, hot: Hot, run: bytes) -> None:
        self.stat = stat
        self.sched = sched
        self.hot = hot
        self.run = run
        self.skips = 0

    def read(self) -> Hot:
        """The current line.

        Raises:
            ProcessLookupError: it is gone.
        """
        hot = self.hot
        if hot.threads == 1 and self.sched >= 0:
            run = os.pread(self.sched, 64, 0)
            if run == self.run and self.skips < _SKIPS:
                self.skips += 1
                return hot
            self.run = run
        self.skips = 0
        new = parse_hot(os.pread(self.stat, 512, 0))
        if new != hot:
            self.hot = hot = new
        return hot


@final
class Procfs:
    """The procfs of this machine.

    Args:
        keep: how many descriptors may be kept open; None for what the limit of this process allows.
    """

    def __init__(self, *, keep: int | None = None) -> None:
        self._kept: dict[int, _Entry] = {}
        if keep is None:
            keep = max(0, _raise_descriptor_limit() - _SPARE)
        self._keep = keep
        self._last_pid = b""

    def hot(self, pid: int) -> Hot | None:
        """The hot line; None if the process is gone, or dead and not reaped yet."""
        entry = self._kept.get(pid)
        try:
            hot = entry.read() if entry is not None else self._open(pid)
        except _GONE:
            self.forget(pid)
            return None
        return None if hot.state in "ZXx" else hot

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
            self._kept[pid] = _Entry(stat, sched, hot, run)
        else:
            os.close(stat)
        return hot

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

    def census(self) -> Iterator[int] | None:
        """All pids; None if the kernel has not numbered a new task since the last call."""
        last = _read("/proc/loadavg", 128).rpartition(b" ")[2]
        if last and last == self._last_pid:
            return None
        self._last_pid = last
        return (int(name) for name in os.listdir("/proc") if name.isdigit())

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
