"""Which processes belong to a worker: the decision, over a process table. Pure.

Theory. A worker is the *root* of a tree. A process belongs to it if

1. it is the root: same pid and same start time;
2. it is in the session that the root started (a process that is forked stays in it until it calls ``setsid``);
3. its parent belongs (so also what called ``setsid`` and is still below);
4. it belonged at an earlier look: the same (pid, start time) was seen below the root before it was re-parented; or
5. it was re-parented (its parent is init, us, or another ancestor of ours) and carries the root's mark in its environment:
   a process that double-forked and called ``setsid`` before anybody looked. Its own children follow by rule 3.

Nothing that started before the root belongs to it. A session or group number stays reserved while a member lives, so rule 2
can meet a stranger only after the whole session had died and the pid was recycled: where the root's pid names a process with
another start time, rule 2 is off.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import final

from circus.process.procfs import Stat

__all__ = ["MARK", "Identity", "Root", "carries", "members"]

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


def carries(value: str | None, mark: str) -> bool:
    """Whether the value of `MARK` in an environment contains the mark."""
    return bool(mark) and value is not None and mark in value.split(":")


def members(
    root: Root,
    table: Mapping[int, Stat],
    *,
    adopters: Collection[int] = (1,),
    seen: Collection[Identity] = (),
    mark_of: Callable[[Stat], str | None] = lambda _: None,
    others: Collection[int] = (),
) -> list[Stat]:
    """The processes that belong to the root, in the order of the table, zombies included.

    Args:
        root: whose tree.
        table: the process table, by pid.
        adopters: pids to which orphans are re-parented.
        seen: what belonged at earlier looks.
        mark_of: the value of `MARK` in a process's environment; asked only where rules 1-4 do not decide.
        others: pids that are roots of their own, and so never orphans.
    """
    occupant = table.get(root.pid)
    recycled = occupant is not None and occupant.start_time != root.start_time
    sid = 0 if recycled else root.sid
    known = frozenset(seen)
    belonging: set[int] = set()
    for row in table.values():
        if row.start_time < root.start_time or row.pid in others and row.pid != root.pid:
            continue
        is_root = row.pid == root.pid and not recycled
        if is_root or (sid and row.sid == sid) or (row.pid, row.start_time) in known or (
            row.ppid in adopters and not row.zombie and bool(root.mark) and carries(mark_of(row), root.mark)
        ):
            belonging.add(row.pid)
    _add_descendants(belonging, table.values(), root)
    return [row for row in table.values() if row.pid in belonging]


def _add_descendants(belonging: set[int], rows: Iterable[Stat], root: Root) -> None:
    """Close the set under *is a child of*."""
    children: dict[int, list[int]] = {}
    for row in rows:
        if row.start_time >= root.start_time:
            children.setdefault(row.ppid, []).append(row.pid)
    todo = list(belonging)
    while todo:
        for pid in children.get(todo.pop(), ()):
            if pid not in belonging:
                belonging.add(pid)
                todo.append(pid)
