"""Which process belongs to which root: the trees below workers and daemons, kept up to date at little cost.

Theory. A *root* is a process that is asked for (a worker, circusd). Any other belongs to the nearest root above it, and goes on
belonging to it when it is re-parented; one without a root above it is a *stranger*. So each process's parent is asked
for once in its life. Who is new is told by the `Kernel` in most cases without a list of all processes.
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from circus.stats.kernel import Kernel

__all__ = ["Forest"]

_LIST_ALL_EVERY: Final = 60.0
"""Seconds after which all are listed anew, to forget the strangers that ended."""
_FEW: Final = 256
_DEPTH: Final = 4096
"""Steps up, at most: a table that is read while it changes may hold a circle."""


@final
class Forest:
    """Remembers who is whose.

    Args:
        kernel: who tells the parents.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._roots: frozenset[int] = frozenset()
        self._parents: dict[int, int] = {}
        """Of all but roots, as they were when they were first seen; 0 for threads and the dead."""
        self._owners: dict[int, int] = {}
        """Member -> root."""
        self._below: dict[int, list[int]] = {}
        """The same by root."""
        self._cursor: int | None = None
        self._unborn: list[int] = []
        """Pids that were given out, with no process yet."""
        self._listed_at = 0.0

    @property
    def roots(self) -> frozenset[int]:
        """As `grow` was told; the same object as long as they are the same."""
        return self._roots

    def root_of(self, pid: int) -> int:
        """The root of a member; itself for a root."""
        return self._owners.get(pid, pid)

    def below(self, root: int) -> Sequence[int]:
        """Who else is in the tree of a root."""
        return self._below.get(root, ())

    def members(self, roots: frozenset[int]) -> list[int]:
        """These roots and all below them."""
        pids = list(roots)
        if roots is self._roots:
            pids += self._owners
        else:
            for root in roots & self._below.keys():
                pids += self._below[root]
        return pids

    def grow(self, roots: frozenset[int], *, now: float) -> set[int]:
        """Find who is new.

        Args:
            roots: the roots from now on.
            now: monotonic seconds.

        Returns:
            The roots whose trees have changed.
        """
        before = self._roots
        if roots is not before and roots != before:
            self._roots = roots
        is_due = self._cursor is None or now - self._listed_at >= _LIST_ALL_EVERY
        census = self._kernel.census(
            None if is_due else self._cursor, limit=max(_FEW, len(self._parents) + len(roots))
        )
        self._cursor = census.cursor
        fresh = [*self._unborn, *census.pids]
        if census.is_complete:
            self._listed_at = now
            there = set(census.pids)
            for pid in self._owners.keys() - there:
                self._parents.pop(pid, None)
            self._parents = {pid: self._parents[pid] for pid in self._owners if pid in self._parents}
            fresh = [pid for pid in census.pids if pid not in self._parents]
        if before is not self._roots:
            fresh += before - roots
        fresh = [pid for pid in fresh if pid not in roots]
        self._unborn = self._ask_parents(fresh)
        if before is not self._roots:
            return self._settle_all() | (roots - before)
        return {root for pid in fresh if (root := self._settle(pid))}

    def bury(self, pids: Iterable[int]) -> None:
        """Forget members that ended."""
        for pid in pids:
            self._parents.pop(pid, None)
            self._leave(pid)

    def _ask_parents(self, fresh: Sequence[int]) -> list[int]:
        """Who their parents are; gives those back that should be asked once more."""
        unborn: list[int] = []
        for pid in fresh:
            self._leave(pid)  # the pid may have been another's
            parent = self._kernel.parent(pid)
            if parent:
                self._parents[pid] = parent
            else:
                self._parents.pop(pid, None)
                unborn.append(pid)
        again = set(self._unborn)
        return [pid for pid in unborn if pid not in again]

    def _leave(self, pid: int) -> None:
        root = self._owners.pop(pid, None)
        if root is not None:
            self._below[root].remove(pid)
            if not self._below[root]:
                del self._below[root]

    def _settle(self, pid: int) -> int:
        """Enter a process, and all on the way, below the nearest root above it; 0 if there is none."""
        path: list[int] = []
        at = pid
        while at not in self._roots and at not in self._owners:
            path.append(at)
            at = self._parents.get(at, 0)
            if not at or len(path) > _DEPTH:
                return 0
        root = self._owners.get(at, at)
        for member in path:
            self._owners[member] = root
        if path:
            self._below.setdefault(root, []).extend(path)
        return root

    def _settle_all(self) -> set[int]:
        """After a change of roots. Who has lost the way up stays where it was."""
        before, self._owners, self._below = self._owners, {}, {}
        for pid in self._parents:
            if pid not in self._roots:
                self._settle(pid)
        for pid, root in before.items():
            if root in self._roots and pid not in self._owners and pid not in self._roots:
                self._owners[pid] = root
                self._below.setdefault(root, []).append(pid)
        return set(self._below) | set(before.values())
