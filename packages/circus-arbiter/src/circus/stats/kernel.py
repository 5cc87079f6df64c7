"""What is asked of a machine about its processes, whoever answers: `procfs` on Linux, `portable` elsewhere.

Theory. A `Kernel` remembers what it read last, and gives the same object again while nothing has changed: who asks sees by
identity that there is nothing to do, which is so for most workers of most daemons at most ticks.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, final

__all__ = ["TICKS", "Census", "Hot", "Kernel", "Slow", "memory_total", "open_kernel"]

TICKS: int = os.sysconf("SC_CLK_TCK")
"""Clock ticks a second."""


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


@final
class Census(NamedTuple):
    """Who runs on the machine.

    Args:
        pids: all of them; or, if `is_complete` is false, who may be new: pids that were given out meanwhile.
        is_complete: whether who is not in `pids` does not run.
        cursor: what to give to the next call, to be told what is new since this one.
    """

    pids: Sequence[int]
    is_complete: bool
    cursor: int


class Kernel(Protocol):
    """Where the facts come from: this machine, or a fake of the tests."""

    def read(self, pids: Iterable[int]) -> dict[int, Hot]:
        """The hot lines of those that run; the same objects as before for those that have not changed."""
        ...

    def slow(self, pid: int) -> Slow: ...

    def parent(self, pid: int) -> int:
        """Of a process, not of a thread; 0 if there is no such process."""
        ...

    def forget(self, pid: int) -> None:
        """Give up what is kept of a process."""
        ...

    def census(self, cursor: int | None, *, limit: int) -> Census:
        """Who runs.

        Args:
            cursor: of an earlier census; None for a complete one.
            limit: how many may be new; if there are more, the census is complete.
        """
        ...

    def uptime_ticks(self) -> float:
        """Clock ticks since boot, to compare with `Hot.start`."""
        ...

    def close(self) -> None:
        """Give up all that is kept."""
        ...


def memory_total() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def open_kernel() -> Kernel:
    """The cheapest one that works here; close it after use."""
    from circus.stats.procfs import HAS_PROCFS, Procfs  # noqa: PLC0415 - it is a kernel, and imports this

    if HAS_PROCFS:
        return Procfs()
    from circus.stats.portable import Portable  # noqa: PLC0415 - psutil costs 4 MB, and is not needed on Linux

    return Portable()
