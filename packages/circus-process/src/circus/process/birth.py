"""When a process that we have just forked began, without asking procfs: `ticks_between` decides, `Births` asks where it has to.

Theory. procfs gives the start of a process in clock ticks of 10 ms (proc(5), ``starttime``), by the clock that clock_gettime(2) calls
CLOCK_BOOTTIME. A child begins between two looks at that clock, before and after the fork; if both fall into one tick, that is its
start. To read it instead takes 0.13 ms, as long as a sixth of the whole spawn, since the child executes its program at that moment.

A start that is wrong by a tick would make a worker's own children strangers. So nothing is taken for granted: a system is believed once
what it says of a child has been what follows from the clock, and is asked each time as soon as that is not so.

Illegal states: a start that was concluded on a system that has not been found to be like that.
"""

import sys
import time
from typing import final

from circus.process import procfs

__all__ = ["Births", "now", "ticks_between"]

_SECOND = 1_000_000_000


def now() -> int:
    """Nanoseconds since boot; 0 where there is no such clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else 0


def ticks_between(before: int, after: int, ticks: int) -> int | None:
    """The clock tick that both times lie in; None if there are two. Pure.

    Args:
        before: nanoseconds since boot.
        after: likewise, not earlier.
        ticks: a second.
    """
    first = before * ticks // _SECOND
    return first if first == after * ticks // _SECOND else None


@final
class Births:
    """Knows when children of ours began. Usable from any thread."""

    def __init__(self) -> None:
        self._agrees: bool | None = None

    def of(self, pid: int, before: int) -> int:
        """The start of a child that has not been reaped, as procfs has it; 0 if there is no such process any more.

        Args:
            pid: the child's.
            before: what `now` was before the fork.

        Raises:
            OSError: out of descriptors.
        """
        concluded = ticks_between(before, now(), procfs.TICKS) if before else None
        if concluded is not None and self._agrees:
            return concluded
        read = procfs.start_time(pid)
        if concluded is not None and read and self._agrees is not False:
            self._agrees = read == concluded
        return read
