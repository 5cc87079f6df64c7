"""Which processes belong to a worker: the decision, over a process table. Pure.

Theory. A worker is the *root* of a tree. A process belongs to it if

1. it is the root: same pid and same start time;
2. it is in the session that the root started (a process that is forked stays in it until it calls ``setsid``);
3. its parent belongs (so also what called ``setsid`` and is still below), or it is in a session that one who belongs has started;
4. it belonged at an earlier look: the same (pid, start time) was seen below the root before it was re-parented; or
5. it was re-parented (its parent is init, us, or another ancestor of ours) and carries the root's mark in its environment:
   a process that double-forked and called ``setsid`` before anybody looked. Its own children follow by rule 3.

Nothing that started before the root belongs to it. A session or group number stays reserved while a member lives, so rule 2
can meet a stranger only after the whole session had died and the pid was recycled: where the root's pid names a process with
another start time, rule 2 is off.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import final

from circus.process.procfs import Stat

__all__ = ["MARK", "Identity", "Root", "Table"]

MARK = "CIRCUS_MARK"
"""The variable in which each process that we spawn carries its mark; nested marks are separated by a colon."""

Identity = tuple[int, int]
"""(pid, start time)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The root of a tree.

    Args:
        pid: its pid.
        start_time: clock ticks since boot; 0 if it was gone before it could be read.
        sid: the session that it started; 0 if it started none.
        mark: unique to this tree; empty for none.
    """

    pid: int
    start_time: int
    sid: int = 0
    mark: str = ""


@final
class Table:
    """A process table, indexed once so that each question costs as much as its answer, not as much as the table.

    Args:
        rows: the processes; living roots may be left out, they are their own answer.
        strangers: processes that certainly belong to no root; of them the pid and the start time are right, the rest may be old.
        adopters: pids to which orphans are re-parented.
        mark_of: the value of `MARK` in a process's environment; asked once for each orphan, when first needed.
    """

    __slots__ = ("_adopters", "_by_mark", "_by_pid", "_children", "_mark_of", "_sessions")

    def __init__(
        self,
        rows: Iterable[Stat],
        *,
        strangers: Iterable[Stat] = (),
        adopters: Collection[int] = (1,),
        mark_of: Callable[[Stat], str | None] = lambda _: None,
    ) -> None:
        self._by_pid: dict[int, Stat] = {}
        self._children: dict[int, list[Stat]] = {}
        self._sessions: dict[int, list[Stat]] = {}
        self._adopters = adopters
        self._mark_of = mark_of
        self._by_mark: dict[str, list[Stat]] | None = None
        self._by_pid.update((row.pid, row) for row in strangers)
        for row in rows:
            self._by_pid[row.pid] = row
            self._children.setdefault(row.ppid, []).append(row)
            self._sessions.setdefault(row.sid, []).append(row)

    def __len__(self) -> int:
        return len(self._by_pid)

    def row(self, pid: int) -> Stat | None:
        """The process with this pid."""
        return self._by_pid.get(pid)

    def children(self, pid: int) -> Sequence[Stat]:
        """The direct children of a process."""
        return self._children.get(pid, ())

    def members(
        self, root: Root, *, seen: Iterable[Identity] = (), sessions: Iterable[Identity] = ()
    ) -> list[Stat]:
        """The processes that belong to the root, itself included where the table has it; zombies too.

        Args:
            root: whose tree.
            seen: what belonged at earlier looks.
            sessions: what those have started, with the start time of one that was seen in it: a session whose leader is younger is
                another one with a recycled number.
        """
        found: dict[int, Stat] = {}
        occupant = self._by_pid.get(root.pid)
        if occupant is not None and occupant.start_time == root.start_time:
            found[root.pid] = occupant
        if root.sid and (occupant is None or root.pid in found):
            found.update((row.pid, row) for row in self._sessions.get(root.sid, ()))
        for pid, start in seen:
            row = self._by_pid.get(pid)
            if row is not None and row.start_time == start:
                found[pid] = row
        for session, began in sessions:
            leader = self._by_pid.get(session)
            if leader is None or leader.start_time <= began:
                found.update((row.pid, row) for row in self._sessions.get(session, ()))
        if root.mark:
            found.update((row.pid, row) for row in self._orphans().get(root.mark, ()))
        if occupant is None or root.pid in found:
            self._descend(found, root.pid)
        for pid in tuple(found):
            self._descend(found, pid)
        return [row for row in found.values() if row.start_time >= root.start_time]

    def _descend(self, found: dict[int, Stat], pid: int) -> None:
        todo = [pid]
        while todo:
            for row in self._children.get(todo.pop(), ()):
                if row.pid not in found:
                    found[row.pid] = row
                    todo.append(row.pid)

    def _orphans(self) -> dict[str, list[Stat]]:
        if self._by_mark is None:
            self._by_mark = {}
            for adopter in self._adopters:
                for row in self._children.get(adopter, ()):
                    value = None if row.zombie else self._mark_of(row)
                    for mark in value.split(":") if value else ():
                        self._by_mark.setdefault(mark, []).append(row)
        return self._by_mark
