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
from typing import final

from circus.stats.proc import TICKS, Hot, Kernel, Slow

__all__ = ["Sample", "Sampler"]

_SLOW_EVERY = 10.0
"""Seconds after which the slow facts of a process are read again."""
_FORGET_STRANGERS_EVERY = 60.0
"""Seconds after which strangers are looked at anew, in case a pid was recycled."""


@final
@dataclass(frozen=True, slots=True)
class Sample:
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
    hot: Hot
    slow: Slow
    slow_at: float
    due: float
    """When to read the slow facts again, in monotonic seconds."""
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
        """Of every process that was looked at, strangers included."""
        self._owners: dict[int, int] = {}
        """Member -> root."""
        self._last: dict[int, Hot] = {}
        self._known: dict[int, _Known] = {}
        self._at: float | None = None
        self._strangers_at = 0.0

    def reset(self) -> None:
        """Forget everything; the next tick is a first one."""
        for pid in self._last:
            self._kernel.forget(pid)
        self._roots = frozenset()
        self._parents.clear()
        self._owners.clear()
        self._last.clear()
        self._known.clear()
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
        current: dict[int, Hot] = {}
        missing: list[int] = []
        for pid, root in self._owners.items():
            if only is not None and root not in only:
                continue
            hot = self._kernel.hot(pid)
            if hot is not None:
                current[pid] = hot
            else:
                missing.append(pid)
        ended: dict[int, int] = {}
        """By root, the ticks of those that were counted before and are no more."""
        for pid in self._last.keys() - current.keys():
            root, last = self._owners.get(pid, pid), self._last[pid]
            ended[root] = ended.get(root, 0) + last.used + last.reaped
            self._kernel.forget(pid)
            self._known.pop(pid, None)
        for pid in missing:
            del self._owners[pid]
            self._parents.pop(pid, None)
        samples = self._figures(current, ended, elapsed=elapsed, now=now)
        self._last = current
        return samples

    # -- who belongs to whom -------------------------------------------------------------------------------------------

    def _settle(self, roots: frozenset[int], now: float) -> None:
        if now - self._strangers_at >= _FORGET_STRANGERS_EVERY:
            self._strangers_at = now
            self._parents = {pid: self._parents[pid] for pid in self._owners if pid in self._parents}
            pids: Iterable[int] | None = self._kernel.census() or list(self._parents)
            self._look(pids)
        else:
            pids = self._kernel.census()
            if pids is not None:
                self._look(pids)
            elif roots == self._roots:
                return
        sticky = {pid: root for pid, root in self._owners.items() if root in roots and pid not in roots}
        self._roots = roots
        self._owners = {root: root for root in roots} | sticky
        for pid in list(self._parents):
            self._resolve(pid)

    def _look(self, pids: Iterable[int]) -> None:
        """Ask who the parents of new processes are, and forget those that ended."""
        seen: dict[int, int] = {}
        for pid in pids:
            parent = self._parents.get(pid)
            if parent is None:
                hot = self._kernel.hot(pid)
                if hot is None:
                    continue
                parent = hot.ppid
                if pid not in self._owners:
                    self._kernel.forget(pid)
            seen[pid] = parent
        self._parents = seen

    def _resolve(self, pid: int) -> None:
        """Walk up to the nearest root, if there is one."""
        path: list[int] = []
        at = pid
        while at not in self._owners:
            path.append(at)
            parent = self._parents.get(at)
            if parent is None or parent == at or len(path) > 4096:
                return
            at = parent
        for member in path:
            self._owners[member] = self._owners[at]

    # -- figures -------------------------------------------------------------------------------------------------------

    def _figures(
        self, current: dict[int, Hot], ended: dict[int, int], *, elapsed: float | None, now: float
    ) -> dict[int, Sample]:
        uptime = self._kernel.uptime_ticks()
        own: dict[int, float] = {}
        trees: dict[int, _Tree] = {}
        for pid, hot in current.items():
            age = max(uptime - hot.start, 0.0) / TICKS
            before = self._last.get(pid)
            if before is not None and before.start != hot.start:
                self._known.pop(pid, None)
                before = None
            span, base = _span(before, age=age, elapsed=elapsed)
            used = max(hot.used - base.used, 0) if base is not None else 0
            own[pid] = used / TICKS / span * 100 if span else 0.0
            root = self._owners[pid]
            tree = trees.get(root)
            if tree is None:
                tree = trees[root] = _Tree(ended.get(root, 0))
            tree.add(hot, base, cpu=own[pid], span=span)
        return {
            root: self._sample(root, current[root], tree, own[root], uptime=uptime, now=now)
            for root, tree in trees.items()
            if root in current
        }

    def _sample(self, pid: int, hot: Hot, tree: "_Tree", cpu: float, *, uptime: float, now: float) -> Sample:
        known = self._known.get(pid)
        age = max(uptime - hot.start, 0.0) / TICKS
        if known is None or known.hot.start != hot.start:
            # A newborn may be about to exec something else; and not all should be due at once.
            due = now if age < 1.0 else now + _SLOW_EVERY * (0.1 + 0.1 * (pid % 10))
            known = self._known[pid] = _Known(hot, self._kernel.slow(pid), now, due)
        elif now >= known.due:
            slow = self._kernel.slow(pid)
            known.read_rate = _rate(known.slow.read_bytes, slow.read_bytes, now - known.slow_at)
            known.write_rate = _rate(known.slow.write_bytes, slow.write_bytes, now - known.slow_at)
            known.slow, known.slow_at, known.due = slow, now, now + _SLOW_EVERY
        return Sample(
            pid,
            hot,
            known.slow,
            cpu,
            age,
            known.read_rate,
            known.write_rate,
            max(tree.cpu(), cpu),
            tree.rss,
            tree.size,
        )


def _span(before: Hot | None, *, age: float, elapsed: float | None) -> tuple[float, Hot | None]:
    """Over which time, and from what, the used time of a process counts.

    A process that started since the last tick counts from nothing, over its own life; one that was never looked at
    has no figure yet.
    """
    if elapsed is not None and before is not None:
        return elapsed, before
    if elapsed is not None and age <= elapsed + 1:
        return max(age, 1 / TICKS), Hot("R", 0, 0, 0, 0, 0, 0, 0, 0)
    return 0.0, None


def _rate(before: int | None, after: int | None, span: float) -> float | None:
    if before is None or after is None or span <= 0:
        return None
    return max(after - before, 0) / span


@final
class _Tree:
    """The sums over one tree."""

    __slots__ = ("living", "rss", "size", "span", "total")

    def __init__(self, ended: int) -> None:
        self.living = 0.0
        self.total = -ended
        self.span = 0.0
        self.rss = 0
        self.size = 0

    def add(self, hot: Hot, base: Hot | None, *, cpu: float, span: float) -> None:
        self.rss += hot.rss
        self.size += 1
        self.living += cpu
        if base is not None:
            self.total += hot.used + hot.reaped - base.used - base.reaped
            self.span = max(self.span, span)

    def cpu(self) -> float:
        by_total = self.total / TICKS / self.span * 100 if self.span else 0.0
        return max(by_total, self.living)
