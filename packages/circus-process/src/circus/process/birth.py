"""When a process that we have just forked began, without asking procfs where the clock tells.

Theory. procfs gives the start of a process in clock ticks of 10 ms (proc(5), ``starttime``), by the clock that `procfs.ticks_now` reads.
A child begins between two looks at that clock, before and after the fork; if both fall into one tick, that is its start. To read
it instead takes 0.13 ms, an eighth of the whole spawn, since the child executes its program at that moment.

A start that is wrong by a tick would make a worker's own children strangers. So a system is taken at its clock's word only if the first
child that it can be compared for began when procfs says; else it is asked each time.

Illegal states: a start that was concluded on a system that has not been found to be like that.
"""

from typing import final

from circus.process import procfs

__all__ = ["Births"]


@final
class Births:
    """Knows when children of ours began. Usable from any thread."""

    def __init__(self) -> None:
        self._agrees: bool | None = None

    def of(self, pid: int, before: int) -> int:
        """The start of a child that has not been reaped, as procfs has it; 0 if there is no such process any more.

        Args:
            pid: the child's.
            before: what `procfs.ticks_now` was before the fork.

        Raises:
            OSError: out of descriptors.
        """
        certain = procfs.HAS_PROCFS and procfs.ticks_now() == before
        if certain and self._agrees:
            return before
        read = procfs.start_time(pid)
        if certain and read and self._agrees is None:
            self._agrees = read == before
        return read
