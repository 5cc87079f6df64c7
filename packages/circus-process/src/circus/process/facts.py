"""What is shown of a process: the reference's `stats` fields, read cheaply enough for thousands.

Theory. The fields fall in two. What moves (CPU time, memory, niceness) is one raw read of procfs ``stat`` (8 µs). What does not
(user, command line, creation time) is read once, some 20 µs (elsewhere than on Linux through psutil), and kept by (pid, start time, name), so that a recycled pid
never shows another's, and neither does a process that has executed another program since. CPU percent is the difference between two readings of one `Observer`: 0.0 at the first. ``children`` come from
one parent map for all. Bytes of other programs that are not UTF-8 are shown escaped, since they end up in JSON.

A field that we may not read is the text ``N/A``, as on the reference; a process that is gone is a `None` (in a reply: the
reference's sentence `GONE`).

Owns: the cache of an `Observer`; entries of processes that were not asked for lately are dropped.
"""

import os
import pwd
import resource
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypedDict, final

from circus.process import clock, procfs
from circus.process.procfs import TICKS, Stat

__all__ = ["GONE", "UNKNOWN", "Facts", "Observer", "human", "info"]

UNKNOWN: Final = "N/A"
GONE: Final = "No such process (stopped?)"
_UNITS: Final = "KMGTPEZY"
_KEEP_ROUNDS: Final = 60


class Facts(TypedDict, total=False):
    """One process as `stats` shows it.

    ``mem_info1`` is resident and ``mem_info2`` virtual memory for people (``3.10M``); ``cpu`` and ``mem`` are percents; ``ctime`` is
    CPU time as minutes, seconds and hundredths; ``create_time`` is a wall-clock time and ``age`` in seconds.
    """

    pid: int
    mem_info1: str
    mem_info2: str
    cpu: float | str
    mem: float | str
    ctime: str
    username: str
    nice: int | str
    cmdline: str
    create_time: float | str
    age: float | str
    children: list["Facts"]
    started: float
    wid: int | str


def human(size: int) -> str:
    """``512B``, ``3.10M``: bytes for people, in units of 1,024."""
    value, unit = float(size), "B"
    for unit_above in _UNITS:
        if value < 1024:
            break
        value, unit = value / 1024, unit_above
    return f"{size}B" if unit == "B" else f"{value:.2f}{unit}"


def cpu_time(seconds: float) -> str:
    """``75:03.25``: minutes, seconds, hundredths."""
    hundredths = int(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


@final
@dataclass(slots=True)
class _Known:
    """What is kept of one process: the fields that do not change, and the last reading of its CPU time."""

    username: str
    cmdline: str | None
    create_time: float | str
    cpu_ticks: int
    read_at: float
    round: int


@final
class Observer:
    """Reads facts; keeps what does not change and what CPU percents need. One for each purpose, used by one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, str], _Known] = {}
        self._round = 0

    def info(self, pid: int, *, children: bool = False) -> Facts | None:
        """The facts of one process; None if it is gone. ``children`` adds those of its direct children."""
        return self.infos([pid], children=children)[pid]

    def infos(self, pids: Iterable[int], *, children: bool = False) -> dict[int, Facts | None]:
        """The facts of many processes, by pid; with the children of all from one map."""
        self._round += 1
        wanted = list(pids)
        rows = {pid: procfs.read_stat(pid) for pid in (procfs.pids() if children else wanted)}
        below = _children_of(wanted, rows.values()) if children else {}
        result: dict[int, Facts | None] = {}
        for pid in wanted:
            row = rows.get(pid)
            facts = result[pid] = None if row is None else self._facts(row)
            if facts is not None and pid in below:
                facts["children"] = [self._facts(child) for child in below[pid]]
        if self._round % _KEEP_ROUNDS == 0:
            self._known = {k: v for k, v in self._known.items() if self._round - v.round < _KEEP_ROUNDS}
        return result

    def _facts(self, row: Stat) -> Facts:
        now, ticks = clock.monotonic(), row.utime + row.stime
        key = (row.pid, row.start_time, row.name)
        known = self._known.get(key)
        if known is not None and known.cmdline is None:  # it was read in the middle of an exec
            known.cmdline = _read(row)[1]
        if known is None:
            known = self._known[key] = _first_reading(row, ticks, now, self._round)
            cpu = 0.0
        else:
            elapsed = now - known.read_at
            cpu = round((ticks - known.cpu_ticks) / TICKS / elapsed * 100, 1) if elapsed > 0 else 0.0
            known.cpu_ticks, known.read_at, known.round = ticks, now, self._round
        created = known.create_time
        return {
            "pid": row.pid,
            "mem_info1": human(row.rss),
            "mem_info2": human(row.vms),
            "cpu": cpu,
            "mem": round(row.rss / _total_memory() * 100, 3),
            "ctime": cpu_time(ticks / TICKS),
            "username": known.username,
            "nice": "Zombie" if row.zombie else row.nice,
            "cmdline": known.cmdline or row.name or UNKNOWN,
            "create_time": created,
            "age": clock.wall() - created if isinstance(created, float) else UNKNOWN,
            "children": [],
        }


def info(pid: int | None = None) -> Facts | None:
    """The facts of one process (ours by default), read once: its CPU percent is 0.0. Repeated looks want an `Observer`."""
    return Observer().info(os.getpid() if pid is None else pid)


def _children_of(pids: Iterable[int], rows: Iterable[Stat | None]) -> dict[int, list[Stat]]:
    """Everybody's children, by one pass over the whole table."""
    wanted = set(pids)
    below: dict[int, list[Stat]] = {}
    for row in rows:
        if row is not None and row.ppid in wanted:
            below.setdefault(row.ppid, []).append(row)
    return below


def _first_reading(row: Stat, ticks: int, now: float, number: int) -> _Known:
    username, cmdline, created = _read(row)
    return _Known(username, cmdline, created, ticks, now, number)


def _read(row: Stat) -> tuple[str, str | None, float | str]:
    """User name, program (None: not to be had yet) and creation time."""
    username, argv, created = _by_procfs(row) if procfs.HAS_PROCFS else _by_psutil(row.pid)
    young = procfs.ticks_now() - row.start_time < TICKS
    return username, _clean(_program(argv)) or (None if young else row.name or UNKNOWN), created


def _by_procfs(row: Stat) -> tuple[str, list[str], float | str]:
    owner, command = procfs.owner(row.pid), procfs.command_line(row.pid)
    created = _boot_time() + row.start_time / TICKS
    return UNKNOWN if owner is None else _user_name(owner), command, created


def _by_psutil(pid: int) -> tuple[str, list[str], float | str]:
    import psutil  # noqa: PLC0415 - 15 ms that Linux never pays here

    username: str = UNKNOWN
    argv: list[str] = []
    created: float | str = UNKNOWN
    try:
        process = psutil.Process(pid)
        created = process.create_time()
        username = process.username()
        argv = process.cmdline()
    except psutil.Error:
        pass  # gone, a zombie, or not ours to look at: what was read so far stays
    return _clean(username), argv, created


@cache
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@cache
def _boot_time() -> float:
    """When this system was booted, in wall-clock seconds, as the kernel tells."""
    with open("/proc/stat", "rb") as file:
        return float(next(line for line in file if line.startswith(b"btime")).split()[1])


def _program(argv: list[str]) -> str:
    """The name of the program, as people know it: without its folder."""
    if not argv or not argv[0]:
        return ""
    try:
        words = shlex.split(argv[0])
    except ValueError:
        words = [argv[0]]
    return (words[0] if words else argv[0]).rpartition("/")[2]


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@cache
def _total_memory() -> int:
    if sys.platform == "linux":
        return os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    import psutil  # noqa: PLC0415 - see above

    return psutil.virtual_memory().total
