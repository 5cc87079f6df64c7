"""One process, one raw read: the fields of procfs ``stat`` that decisions need.

A read costs some 8 µs, against 70 µs for the same through psutil, and an identity costs nothing extra: (pid, start time)
never names two processes in one boot. Where there is no procfs (macOS, the BSDs) the same rows come from psutil, slower.
"""

import os
import sys
import time
from typing import NamedTuple, final

from circus.process import clock

__all__ = [
    "HAS_PROCFS",
    "TICKS",
    "Stat",
    "command_line",
    "environ",
    "last_pid",
    "listing",
    "owner",
    "parse_stat",
    "pids",
    "read_line",
    "read_stat",
    "start_time",
    "ticks_now",
    "variable",
]

HAS_PROCFS = sys.platform == "linux" and os.path.exists("/proc/self/stat")
TICKS: int = os.sysconf("SC_CLK_TCK")


@final
class Stat(NamedTuple):
    """One row of the process table; times in clock ticks, memory in bytes."""

    pid: int
    name: str
    state: str
    ppid: int
    pgid: int
    sid: int
    utime: int
    stime: int
    nice: int
    threads: int
    start_time: int
    vms: int
    rss: int

    @property
    def zombie(self) -> bool:
        """Whether it has ended and only its entry is left."""
        return self.state in "ZXx"

    @property
    def leaving(self) -> bool:
        """Whether it is a zombie or about to be: without memory, and no thread of the kernel."""
        return self.zombie or (self.vms == 0 and self.ppid not in _KERNEL)


_KERNEL = (0, 2)  # parents of the kernel's own threads
_PAGE: int = os.sysconf("SC_PAGE_SIZE")


def parse_stat(raw: bytes) -> Stat:
    """Parse procfs ``stat``. The name stands in brackets and may hold blanks and brackets: the last one ends it.

    Raises:
        ValueError: these are not such bytes.
    """
    opening, closing = raw.index(b"("), raw.rindex(b")")
    field = raw[closing + 2 :].split(None, 22)
    if len(field) < 22:
        raise ValueError("a stat line has at least 24 fields")
    return Stat(
        int(raw[:opening]),
        raw[opening + 1 : closing].decode("utf-8", "backslashreplace"),
        field[0].decode("ascii"),
        int(field[1]),
        int(field[2]),
        int(field[3]),
        int(field[11]),
        int(field[12]),
        int(field[16]),
        int(field[17]),
        int(field[19]),
        int(field[20]),
        int(field[21]) * _PAGE,
    )


def _read(path: str, size: int) -> bytes | None:
    """The first bytes of a procfs file; None if the process is gone or may not be looked at."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        return os.read(fd, size)
    except (ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(fd)


def read_line(pid: int) -> bytes | None:
    """The row of one process as procfs writes it, for `parse_stat`; None or empty if there is none.

    Raises:
        OSError: out of descriptors.
    """
    return _read(f"/proc/{pid}/stat", 1024)


def read_stat(pid: int) -> Stat | None:
    """The row of one process; None if there is none.

    Raises:
        OSError: out of descriptors.
    """
    if not HAS_PROCFS:
        return _stat_by_psutil(pid)
    raw = read_line(pid)
    return parse_stat(raw) if raw else None


def start_time(pid: int) -> int:
    """When it started, in clock ticks since boot; 0 if there is no such process."""
    row = read_stat(pid)
    return row.start_time if row is not None else 0


def ticks_now() -> int:
    """The time in clock ticks since boot, to compare with a start time."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * TICKS // 1_000_000_000
    return int(clock.wall() * TICKS)


def pids() -> list[int]:
    """The pids of all processes that we can see."""
    if not HAS_PROCFS:
        import psutil  # noqa: PLC0415 - 15 ms that Linux never pays here

        return psutil.pids()
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def listing() -> list[tuple[int, int]]:
    """The pids of all processes that we can see, each with a number that no two processes in one boot share; 0 where there is none.

    The number is that of the inode of the process's folder: Linux counts them up for all file systems in memory, so a recycled pid has
    another one. It may change without a reason, when the kernel needs memory.
    """
    if not HAS_PROCFS:
        return [(pid, 0) for pid in pids()]
    with os.scandir("/proc") as entries:
        return [(int(entry.name), entry.inode()) for entry in entries if entry.name.isdigit()]


def last_pid() -> int:
    """The pid that was given out last; 0 where that cannot be known."""
    raw = _read("/proc/loadavg", 128) if HAS_PROCFS else None
    return int(raw.split()[-1]) if raw else 0


def environ(pid: int) -> bytes | None:
    """The environment that a process was executed with, as NUL-terminated items; None if it is gone.

    Empty for a zombie, and for a moment while a process executes another program.

    Raises:
        PermissionError: it is not ours to read.
    """
    if not HAS_PROCFS:
        return _environ_by_psutil(pid)
    try:
        fd = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        return None
    raw = b""
    try:
        while part := os.read(fd, 65536):
            raw += part
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)
    return raw


def command_line(pid: int) -> list[str]:
    """The argument vector that a process shows; empty if it is gone, a zombie, or in the middle of an exec."""
    raw = _read(f"/proc/{pid}/cmdline", 4096)
    return [os.fsdecode(word) for word in raw.split(b"\0")] if raw else []


def owner(pid: int) -> int | None:
    """The user id that a process runs as (root where it hides itself); None if it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None


def variable(environment: bytes, name: str) -> str | None:
    """The value of a variable in what `environ` gave."""
    key = name.encode() + b"="
    for item in environment.split(b"\0"):
        if item.startswith(key):
            return item[len(key) :].decode("utf-8", "backslashreplace")
    return None


_STATES = {"zombie": "Z", "dead": "X", "running": "R", "disk-sleep": "D", "stopped": "T"}


def _stat_by_psutil(pid: int) -> Stat | None:
    import psutil  # noqa: PLC0415 - 15 ms that Linux never pays here

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            try:
                times, memory = process.cpu_times(), process.memory_info()
                user, system, vms, rss = times.user, times.system, memory.vms, memory.rss
                nice, threads = process.nice(), process.num_threads()
            except (psutil.AccessDenied, psutil.ZombieProcess):
                user = system = 0.0
                vms = rss = nice = threads = 0
            return Stat(
                pid,
                process.name(),
                _STATES.get(process.status(), "S"),
                process.ppid(),
                os.getpgid(pid),
                os.getsid(pid),
                int(user * TICKS),
                int(system * TICKS),
                nice,
                threads,
                int(process.create_time() * TICKS),
                vms,
                rss,
            )
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def _environ_by_psutil(pid: int) -> bytes | None:
    import psutil  # noqa: PLC0415 - 15 ms that Linux never pays here

    try:
        items = psutil.Process(pid).environ().items()
    except psutil.AccessDenied as error:
        raise PermissionError(str(error)) from error
    except psutil.Error:
        return None
    return b"".join(os.fsencode(f"{key}={value}") + b"\0" for key, value in items)
