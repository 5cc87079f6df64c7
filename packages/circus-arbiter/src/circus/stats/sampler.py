"""From two looks at the process table to figures: per process, and per whole tree. Decides; reads through a `Kernel`.

Theory. A *root* is a process that is asked for (a worker, circusd). A process belongs to the nearest root above it,
and goes on belonging to it when it is re-parented. Only processes that are new since the last tick are looked at to
find that out, so strangers cost one read in their life and members one a tick.

CPU of a process is what it used between two ticks. CPU of a tree is what all of it used, children that came and went in
between included, since the kernel adds their time to whoever waits for them: the sum of used and reaped time over
the tree never falls while they are waited for. Where they are not, the sum of what the living used stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, final

from circus.stats.proc import TICKS, Hot, Kernel, Slow

__all__ = ["Sample", "Sampler"]

_SLOW_EVERY = 10.0
"""Seconds after which the slow facts of a process that runs are read again."""
_YOUNG = 3.0
"""Seconds in which a process may be about to exec something else."""
_FORGET_STRANGERS_EVERY = 60.0
"""Seconds after which strangers are looked at anew, in case a pid was recycled."""


@final
class Sample(NamedTuple):
    """One process at one tick. CPU in per cent of one core, memory in bytes, age in seconds."""

    pid: int
    hot: Hot
    slow: Slow
    cpu: float
    age: float
    read_rate: float | None
    """Bytes a second from storage; None until it is known."""
    write_rate: float | None
    tree_cpu: float
    tree_rss: int
    """Pages that are shared in the tree count once for each that maps them."""
    tree_size: int
    """Processes of the tree, this one included."""

    @property
    def cpu_seconds(self) -> float:
        """User and system time since it started."""
        return self.hot.used / TICKS


@final
@dataclass(slots=True)
class _Known:
    """The slow facts of one root, and as of when."""

    hot: Hot
    slow: Slow
    at: float
    due: float
    read_rate: float | None = None
    write_rate: float | None = None


@final
class Sampler:
    """Remembers the last tick.

    Args:
        kernel: where the facts come from.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._roots: frozenset[int] = frozenset()
        self._parents: dict[int, int] = {}
        """Of every process that was looked at, strangers included; 0 for who is dead."""
        self._owners: dict[int, int] = {}
        """Member -> root, for those below a root."""
        self._below: dict[int, list[int]] = {}
        """The same by root."""
        self._last: dict[int, Hot] = {}
        self._known: dict[int, _Known] = {}
        self._at: float | None = None
        self._strangers_at = 0.0

    def reset(self) -> None:
        """Forget everything; the next tick is a first one."""
        for pid in self._last:
            self._kernel.forget(pid)
        self._roots = frozenset()
        for table in (self._parents, self._owners, self._below, self._last, self._known):
            table.clear()
        self._at = None

    def sample(
        self, roots: Iterable[int], *, now: float, only: frozenset[int] | None = None
    ) -> dict[int, Sample]:
        """Look at these processes and their trees.

        Args:
            roots: pids; each is the end of the tree above it, too.
            now: monotonic seconds.
            only: those of them that are to be read; None for all.

        Returns:
            A sample for each root that runs; who is not in it is gone.
        """
        elapsed = None if self._at is None else max(now - self._at, 1e-3)
        self._at = now
        self._settle(frozenset(roots), now)
        look = _Look(self._kernel.hot, self._last, uptime=self._kernel.uptime_ticks(), elapsed=elapsed)
        samples: dict[int, Sample] = {}
        for root in self._roots if only is None else only & self._roots:
            hot = look.read(root)
            if hot is None:
                continue
            cpu, used, _ = look.used(root, hot)
            age = max(look.uptime - hot.start, 0.0) / TICKS
            known = self._known.get(root)
            if known is None or known.hot is not hot or now >= known.due:
                known = self._learn(root, hot, known, age=age, now=now)
            below = self._below.get(root, ())
            tree = look.tree(hot, cpu=cpu, used=used, below=below) if used or below else (0.0, hot.rss, 1)
            samples[root] = Sample(root, hot, known.slow, cpu, age, known.read_rate, known.write_rate, *tree)
        self._part_with(look)
        return samples

    def _part_with(self, look: "_Look") -> None:
        """Forget who was there at the last tick and is not at this one."""
        for pid in self._last.keys() - look.current.keys():
            self._kernel.forget(pid)
            self._known.pop(pid, None)
        for pid in look.missing:
            self._parents.pop(pid, None)
            root = self._owners.pop(pid, None)
            if root is not None:
                self._below[root].remove(pid)
                if not self._below[root]:
                    del self._below[root]
        self._last = look.current

    # -- who belongs to whom -------------------------------------------------------------------------------------------

    def _settle(self, roots: frozenset[int], now: float) -> None:
        pids = self._kernel.census()
        if now - self._strangers_at >= _FORGET_STRANGERS_EVERY and pids is not None:
            self._strangers_at = now
            self._parents = {pid: self._parents[pid] for pid in self._owners if pid in self._parents}
        if pids is not None:
            self._look_at(pids)
        elif roots == self._roots:
            return
        self._roots = roots
        owners = {pid: root for pid, root in self._owners.items() if root in roots and pid not in roots}
        for pid in self._parents:
            if pid not in owners and pid not in roots:
                self._resolve(pid, owners)
        self._owners = owners
        self._below = {}
        for pid, root in owners.items():
            self._below.setdefault(root, []).append(pid)

    def _look_at(self, pids: Iterable[int]) -> None:
        """Ask who the parents of new processes are, and forget those that ended."""
        seen: dict[int, int] = {}
        for pid in pids:
            parent = self._parents.get(pid)
            if parent is None:
                hot = self._kernel.hot(pid)
                parent = 0 if hot is None else hot.ppid
                if pid not in self._last:
                    self._kernel.forget(pid)
            seen[pid] = parent
        self._parents = seen

    def _resolve(self, pid: int, owners: dict[int, int]) -> None:
        """Walk up to the nearest root, if there is one."""
        path: list[int] = []
        at = pid
        while at not in self._roots and at not in owners:
            path.append(at)
            at = self._parents.get(at, 0)
            if not at or len(path) > 4096:
                return
        root = at if at in self._roots else owners[at]
        owners.update(dict.fromkeys(path, root))

    # -- slow facts ----------------------------------------------------------------------------------------------------

    def _learn(self, pid: int, hot: Hot, known: _Known | None, *, age: float, now: float) -> _Known:
        if known is None or known.hot.start != hot.start:
            known = self._known[pid] = _Known(hot, self._kernel.slow(pid), now, now)
            # Not all should be due at once; and a newborn is looked at again at the next tick.
            known.due = now if age < _YOUNG else now + _SLOW_EVERY * (0.1 + 0.1 * (pid % 10))
        elif now >= known.due:
            if known.hot is hot:
                known.read_rate = known.write_rate = 0.0
            else:
                slow, span = self._kernel.slow(pid), now - known.at
                known.read_rate = _rate(known.slow.read_bytes, slow.read_bytes, span)
                known.write_rate = _rate(known.slow.write_bytes, slow.write_bytes, span)
                known.slow, known.hot = slow, hot
            known.at, known.due = now, now if age < _YOUNG else now + _SLOW_EVERY
        return known


def _rate(before: int | None, after: int | None, span: float) -> float | None:
    if before is None or after is None or span <= 0:
        return None
    return max(after - before, 0) / span


@final
class _Look:
    """One tick: what was read, and what has been used since the last one."""

    __slots__ = ("_elapsed", "_hot", "_last", "current", "missing", "uptime")

    def __init__(self, hot: "_Read", last: dict[int, Hot], *, uptime: float, elapsed: float | None) -> None:
        self._hot = hot
        self._last = last
        self._elapsed = elapsed
        self.uptime = uptime
        self.current: dict[int, Hot] = {}
        self.missing: list[int] = []

    def read(self, pid: int) -> Hot | None:
        hot = self._hot(pid)
        if hot is None:
            self.missing.append(pid)
        else:
            self.current[pid] = hot
        return hot

    def used(self, pid: int, hot: Hot) -> tuple[float, int, float]:
        """Per cent of a core; ticks of used and reaped time; seconds that they are counted over.

        A process that started since the last tick counts from nothing, over its own life; one that was never looked
        at has no figure yet.
        """
        before = self._last.get(pid)
        if before is hot and self._elapsed is not None:
            return 0.0, 0, self._elapsed
        if self._elapsed is None:
            return 0.0, 0, 0.0
        if before is not None and before.start == hot.start:
            used, total, span = hot.used - before.used, hot.reaped - before.reaped, self._elapsed
        else:
            age = (self.uptime - hot.start) / TICKS
            if age > self._elapsed + 1:
                return 0.0, 0, 0.0
            used, total, span = hot.used, hot.reaped, max(age, 1 / TICKS)
        used = max(used, 0)
        return used / TICKS / span * 100, used + total, span

    def tree(self, hot: Hot, *, cpu: float, used: int, below: Iterable[int]) -> tuple[float, int, int]:
        """CPU, memory and size of the tree of a root.

        Args:
            hot: of the root.
            cpu: of the root.
            used: ticks of the root, used and reaped.
            below: who else is in its tree.
        """
        living, total, rss, size = cpu, used, hot.rss, 1
        for pid in below:
            other = self.read(pid)
            if other is None:
                before = self._last.get(pid)
                if before is not None:  # if it was waited for, its whole time has just been added to somebody
                    total -= before.used + before.reaped
                continue
            its_cpu, its_used, _ = self.used(pid, other)
            living += its_cpu
            total += its_used
            rss += other.rss
            size += 1
        by_total = total / TICKS / self._elapsed * 100 if self._elapsed else 0.0
        return max(by_total, living), rss, size


class _Read(Protocol):
    def __call__(self, pid: int, /) -> Hot | None: ...
