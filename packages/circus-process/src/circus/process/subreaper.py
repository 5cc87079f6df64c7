"""Being a child subreaper: orphans of our workers come to us instead of init. For `circusd`, never for a library by itself.

Theory. On Linux a process may ask to become the parent of its orphaned descendants. Then a worker's double-forked grandchildren
stay in sight (their parent is us) and their zombies are ours to reap. The difficulty is not to reap what other code in this
process has started and waits for (a hook that uses `subprocess`): a zombie has no environment left to read its mark from. So an
orphan is reaped at once if it was seen in one of our trees or is in a session that a worker of ours started, and otherwise only
after it has been a zombie for `patience` seconds: whoever wants a status asks for it sooner. A worker that forks all the time makes
thousands of such zombies a second, and process numbers come to an end: so the more there are, the shorter is the patience.

Elsewhere than on Linux orphans go to init, which reaps them.
"""

import sys
from collections.abc import Collection, Iterable
from typing import Final, final

from circus.process.forest import Forest
from circus.process.procfs import Stat
from circus.process.reap import reap

__all__ = ["OrphanReaper", "become_subreaper", "patience_with", "ripe"]

_PR_SET_CHILD_SUBREAPER: Final = 36
_FEW: Final = 64


def become_subreaper() -> bool:
    """Make this process the parent of its orphaned descendants, from now on.

    Returns:
        Whether it is; False where the system has no such thing.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415 - once in the life of a daemon

    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def patience_with(unknown: int, patience: float) -> float:
    """Seconds that each of so many zombies of unknown origin is left to its owner. Pure.

    Args:
        unknown: how many there are.
        patience: seconds, with a few.
    """
    return patience * _FEW / max(_FEW, unknown)


def ripe(
    orphans: Iterable[Stat],
    *,
    known: Collection[tuple[int, int]],
    first_seen: dict[tuple[int, int], float],
    now: float,
    patience: float,
) -> list[Stat]:
    """Which zombies may be reaped. Pure but for ``first_seen``, which is kept up to date.

    Args:
        orphans: children of ours that no handle owns.
        known: (pid, start time) of those that certainly are orphans of our workers.
        first_seen: when each zombie was first met.
        now: monotonic seconds.
        patience: seconds that an unknown zombie is left to its owner; less where there are many, see `patience_with`.
    """
    zombies = {(row.pid, row.start_time): row for row in orphans if row.zombie}
    for gone in first_seen.keys() - zombies.keys():
        del first_seen[gone]
    for identity in zombies:
        first_seen.setdefault(identity, now)
    wait = patience_with(len(zombies.keys() - known), patience)
    return [
        row for identity, row in zombies.items() if identity in known or now - first_seen[identity] >= wait
    ]


@final
class OrphanReaper:
    """Reaps the adopted orphans of one forest.

    Args:
        forest: whose workers' orphans.
        patience: seconds that a zombie of unknown origin is left alone.
    """

    def __init__(self, forest: Forest, *, patience: float = 30.0) -> None:
        self._forest = forest
        self._patience = patience
        self._first_seen: dict[tuple[int, int], float] = {}

    def sweep(self, now: float) -> tuple[int, ...]:
        """Reap what is ripe; call it after SIGCHLD or now and then.

        Args:
            now: monotonic seconds.

        Returns:
            The pids that were reaped.
        """
        orphans = self._forest.orphans()
        known = {(row.pid, row.start_time) for row in orphans if self._forest.was_seen(row)}
        reaped = ripe(orphans, known=known, first_seen=self._first_seen, now=now, patience=self._patience)
        return tuple(row.pid for row in reaped if reap(row.pid, None) is not None)

    @property
    def again_in(self) -> float | None:
        """Seconds after which to sweep again, since zombies are left whose time has not come; None: there are none."""
        return patience_with(len(self._first_seen), self._patience) if self._first_seen else None
