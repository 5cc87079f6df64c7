"""Which processes have nothing to do with us, so that nobody needs to read them again. Pure.

Theory. On a machine with thousands of processes a look at the table costs as much as reading them, though hardly any is ours. Who is
in a worker's tree is its descendant, or was one. So a process is a stranger for ever if all its ancestors are strangers, up to
one that was started, or adopted, by somebody else than us and carries no mark: an ancestor does not change but by its death, which
leads to init, to us or to an ancestor of ours, and a tree of ours does not take in anybody from outside (setsid(2) makes new sessions and nobody
can enter another's). Every doubt means no stranger: no mark could be read for certain, an ancestor is missing, was born
later than its child (its pid was recycled), is a zombie, is known to be ours or is in a session that a worker started.
"""

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet

from circus.process.procfs import Stat
from circus.process.tree import Identity

__all__ = ["strangers"]


def strangers(
    rows: Iterable[Stat],
    *,
    ours: AbstractSet[int],
    adopters: Collection[int],
    seen: Collection[Identity],
    sessions: Collection[int],
    unmarked: Callable[[Stat], bool],
) -> list[Stat]:
    """Those of the rows that are strangers.

    Args:
        rows: a process table, without our living workers.
        ours: our own pid and those of our workers.
        adopters: to whom orphans of ours may go.
        seen: what is known to belong to a tree of ours.
        sessions: of our workers.
        unmarked: whether it is certain that a process carries no mark; asked of those that an adopter or nobody is the parent of.
    """
    table = {row.pid: row for row in rows}
    verdicts: dict[int, bool] = {}

    def judge(row: Stat) -> bool:
        path: dict[int, Stat] = {}
        verdict: bool | None = None
        while verdict is None:
            path[row.pid] = row
            verdict = verdicts.get(row.pid)
            if verdict is not None:
                break
            if (
                row.leaving
                or row.sid in sessions
                or not ours.isdisjoint((row.pid, row.ppid))
                or (row.pid, row.start_time) in seen
            ):
                verdict = False
            elif row.ppid in adopters or row.ppid == 0:
                verdict = unmarked(row)
            else:
                parent = table.get(row.ppid)
                if parent is None or parent.start_time > row.start_time or parent.pid in path:
                    verdict = False
                else:
                    row = parent
        verdicts.update(dict.fromkeys(path, verdict))
        return verdict

    return [row for row in table.values() if judge(row)]
