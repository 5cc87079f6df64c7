"""Figures of processes from procfs: processor time, context switches, private memory, who descends from whom."""

import ctypes
import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import final

__all__ = [
    "Usage",
    "adopt_orphans",
    "descendants",
    "end_all",
    "ended",
    "runs",
    "usage",
    "uss",
]

_TICK = os.sysconf("SC_CLK_TCK")
_PR_SET_CHILD_SUBREAPER = 36


@final
@dataclass(frozen=True, slots=True)
class Usage:
    """Of some processes together.

    Attributes:
        cpu: seconds of processor time, user and system; from the scheduler, to the microsecond.
        switches: how often they were woken or interrupted.
    """

    cpu: float
    switches: int

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu - other.cpu, self.switches - other.switches)


def adopt_orphans() -> None:
    """Have daemons that go into the background stay our descendants, so that each run can clean up after itself."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _fields(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def descendants(root: int, *, without: str | None = None) -> list[int]:
    """A process and all its descendants that run.

    Args:
        root: its pid.
        without: leave out what runs this program (a path).
    """
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _fields(int(name))
            if fields is not None and fields[0] not in {b"Z", b"X"}:
                children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, ())
    if without is not None:
        found = [pid for pid in found if _program(pid) != without]
    return [pid for pid in found if _fields(pid) is not None]


def _program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def usage(pids: Iterable[int]) -> Usage:
    """What these processes, with all their threads, have used so far; those that have gone count nothing."""
    cpu, switches = 0.0, 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in os.listdir(f"/proc/{pid}/task"):
                used, times = _of_task(f"/proc/{pid}/task/{task}")
                cpu, switches = cpu + used, switches + times
    return Usage(cpu, switches)


def _of_task(folder: str) -> tuple[float, int]:
    try:
        with open(f"{folder}/schedstat", "rb") as file:
            cpu = int(file.read().split()[0]) / 1e9
    except FileNotFoundError:
        with open(f"{folder}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / _TICK
    with open(f"{folder}/status", "rb") as file:
        switches = sum(int(line.split()[1]) for line in file if b"ctxt_switches" in line)
    return cpu, switches


def uss(pids: Iterable[int]) -> int:
    """Bytes of memory that would come back if these processes ended."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            total += 1024 * sum(int(line.split()[1]) for line in file if line.startswith(b"Private_"))
    return total


def end_all(root: int) -> None:
    """Kill what descends from a process, and it, unless it is us; reap those of ours that have ended."""
    for _ in range(100):
        left = [pid for pid in descendants(root) if pid != os.getpid()]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it."""
    fields = _fields(pid)
    return fields is not None and fields[0] not in {b"Z", b"X"}


def ended(pidfd: int, timeout: float) -> bool:
    """Wait, at most so many seconds, until a process has ended."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(timeout * 1000))
