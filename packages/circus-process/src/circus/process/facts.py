"""What is shown of a process: the reference's `stats` fields, read cheaply enough for thousands.

Theory. The fields fall in two. What moves (CPU time, memory, niceness) is one raw read of procfs ``stat`` (8 µs). What does not
(user, command line, creation time) is read once, some 20 µs (elsewhere than on Linux through psutil), and kept by (pid, start time, name),
so that a recycled pid never shows another's, and neither does a process that has executed another program since. Most workers of most
daemons sleep: where the line is the one of the last reading, byte by byte, it is not taken apart again. CPU percent is the difference
between two readings of one `Observer`: 0.0 at the first. ``children`` come from one map for all (`circus.process.kin`). Bytes of other
programs that are not UTF-8 are shown escaped, since they end up in JSON.

A field that we may not read is the text ``N/A``, as on the reference; a process that is gone is a `None` (in a reply: the
reference's sentence `GONE`).

Owns: the cache of an `Observer`; entries of processes that were not asked for lately are dropped.
"""

import os
import pwd
import re
import resource
import shlex
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypedDict, final

from circus.process import clock, procfs
from circus.process.kin import Kin
from circus.process.procfs import TICKS, Stat, parse_stat

__all__ = ["GONE", "UNKNOWN", "Facts", "Observer", "human", "info"]

UNKNOWN: Final = "N/A"
GONE: Final = "No such process (stopped?)"
_UNITS: Final = "KMGTPEZY"
_KEEP_ROUNDS: Final = 60
_STRETCH: Final = 32
"""Processes that are read without a rest: some 0.5 ms."""
_PLAIN: Final = re.compile(r"[\w./+-]+", re.ASCII).fullmatch
"""A word that a shell would take as it is."""
Line = bytes | Stat
"""What was read of a process: a line of procfs, or what stands for it where there is none."""


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
    """What is kept of one process: the fields that do not change, the line that was read last, and what was made of it."""

    start_time: int
    name: str
    username: str
    cmdline: str | None
    create_time: float | str
    line: Line = b""
    ticks: int = 0
    read_at: float = 0.0
    round: int = 0
    facts: Facts = field(default_factory=Facts)
    """All but what time changes."""


@final
class Observer:
    """Reads facts; keeps what does not change and what CPU percents need. One for each purpose; any thread."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._kin = Kin()
        self._round = 0
        self._lock = threading.Lock()

    def info(self, pid: int, *, children: bool = False) -> Facts | None:
        """The facts of one process; None if it is gone. ``children`` adds those of its direct children."""
        return self.infos([pid], children=children)[pid]

    def infos(
        self, pids: Iterable[int], *, children: bool = False, rest: Callable[[], object] | None = None
    ) -> dict[int, Facts | None]:
        """The facts of many processes, by pid; with the children of all from one map. They are the caller's.

        Args:
            pids: of the processes.
            children: whether to tell of their children, too.
            rest: called now and again, so that other threads come to the interpreter; they do not by themselves, since each
                of the thousands of reads lets it go for a moment that is too short for them to wake up in.
        """
        with self._lock:
            return self._infos(tuple(pids), children=children, rest=rest or _no_rest)

    def _infos(
        self, wanted: tuple[int, ...], *, children: bool, rest: Callable[[], object]
    ) -> dict[int, Facts | None]:
        self._round += 1
        below = self._kin.children_of(wanted) if children else {}
        result: dict[int, Facts | None] = {}
        for number, pid in enumerate(wanted, 1):
            result[pid] = self._facts(pid)
            if number % _STRETCH == 0:
                rest()
        for parent, its in below.items():
            facts = result[parent]
            if facts is None:
                continue
            shown = (result[pid] if pid in result else self._facts(pid) for pid in its)
            facts["children"] = [{**one, "children": []} for one in shown if one is not None]
        if self._round % _KEEP_ROUNDS == 0:
            self._known = {k: v for k, v in self._known.items() if self._round - v.round < _KEEP_ROUNDS}
        return result

    def _facts(self, pid: int) -> Facts | None:
        line = procfs.read_line(pid) if procfs.HAS_PROCFS else procfs.read_stat(pid)
        if not line:
            return None
        now, known = clock.monotonic(), self._known.get(pid)
        if known is None or known.line != line or known.cmdline is None:
            row = parse_stat(line) if isinstance(line, bytes) else line
            known, cpu = self._learn(row, known, now)
            known.line, known.facts = line, _shown(row, known)
        else:
            cpu = 0.0  # not a field has moved
        known.read_at, known.round = now, self._round
        facts = known.facts.copy()
        facts["cpu"] = cpu
        created = known.create_time
        facts["age"] = clock.wall() - created if isinstance(created, float) else UNKNOWN
        facts["children"] = []
        return facts

    def _learn(self, row: Stat, known: _Known | None, now: float) -> tuple[_Known, float]:
        """What is known of it now, and its CPU percent."""
        ticks = row.utime + row.stime
        if known is None or (known.start_time, known.name) != (row.start_time, row.name):
            known = self._known[row.pid] = _Known(row.start_time, row.name, *_read(row), ticks=ticks)
            return known, 0.0
        if known.cmdline is None:  # it was read in the middle of an exec
            known.cmdline = _read(row)[1]
        elapsed, used = now - known.read_at, ticks - known.ticks
        known.ticks = ticks
        return known, round(used / TICKS / elapsed * 100, 1) if elapsed > 0 else 0.0


def _no_rest() -> None:
    """Nobody waits."""


def _shown(row: Stat, known: _Known) -> Facts:
    """All but what time changes, in the order in which it is shown."""
    return {
        "pid": row.pid,
        "mem_info1": human(row.rss),
        "mem_info2": human(row.vms),
        "cpu": 0.0,
        "mem": round(row.rss / _total_memory() * 100, 3),
        "ctime": cpu_time((row.utime + row.stime) / TICKS),
        "username": known.username,
        "nice": "Zombie" if row.zombie else row.nice,
        "cmdline": known.cmdline or row.name or UNKNOWN,
        "create_time": known.create_time,
        "age": UNKNOWN,
        "children": [],
    }


def info(pid: int | None = None) -> Facts | None:
    """The facts of one process (ours by default), read once: its CPU percent is 0.0. Repeated looks want an `Observer`."""
    return Observer().info(os.getpid() if pid is None else pid)


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
    if _PLAIN(argv[0]):
        return argv[0].rpartition("/")[2]
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
