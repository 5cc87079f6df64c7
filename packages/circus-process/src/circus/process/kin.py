"""Whose child is who: read once a process, not once a question.

Theory. A process changes its parent only when that parent ends. The listing of procfs has a number for each process that no other has
(`circus.process.procfs.listing`), so two listings tell who is new and who is gone; who has ended and is still listed, a zombie, tells of it
in its row. So what is read is who is new, who has children, and whose parent has ended; nobody else. Who cannot be placed by what was
listed is taken for new the next time.
"""

from collections.abc import Iterable
from typing import final

from circus.process import procfs

__all__ = ["Kin"]


@final
class Kin:
    """Remembers parents. One thread at a time."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._parents: dict[int, int] = {}
        self._children: dict[int, set[int]] = {}

    def children_of(self, pids: Iterable[int]) -> dict[int, list[int]]:
        """The direct children of these processes, by pid; who has none is not in it."""
        numbers = dict(procfs.listing())
        if not procfs.HAS_PROCFS:  # nothing tells two processes of one pid apart
            self._numbers, self._parents, self._children = {}, {}, {}
        before = self._numbers
        orphans: set[int] = set()
        for pid, _ in before.items() - numbers.items():
            self._place(pid, None)
            orphans |= self._children.pop(pid, set())
        for pid, its in self._children.items():
            if its and ((row := procfs.read_stat(pid)) is None or row.zombie):
                orphans |= its
        self._numbers = dict(numbers)
        for pid in {pid for pid, _ in numbers.items() - before.items()} | orphans & numbers.keys():
            row = procfs.read_stat(pid)
            if row is not None and row.ppid in numbers:
                self._place(pid, row.ppid)
            else:  # its parent came after the listing, or is not to be seen from here
                self._place(pid, None)
                del self._numbers[pid]
        return {pid: sorted(found) for pid in pids if (found := self._children.get(pid))}

    def _place(self, pid: int, parent: int | None) -> None:
        old = self._parents.pop(pid, None)
        if old is not None and (its := self._children.get(old)) is not None:
            its.discard(pid)
        if parent is not None:
            self._parents[pid] = parent
            self._children.setdefault(parent, set()).add(pid)
