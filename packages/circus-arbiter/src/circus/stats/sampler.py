"""From two looks at the process table to figures: per process, and per whole tree. Decides; reads through a `Kernel`.

Theory. Who belongs to whom is told by a `Forest`; each root and what is below it is a tree. A tree in which nothing has changed
since the last tick has the sample that it had, the same object: so the work of a tick goes with what happens, not with
how many there are, and who publishes the samples has nothing to do for those either.

CPU of a process is what it used between two ticks. CPU of a tree is what all of it used, children that came and went in
between included, since the kernel adds their time to whoever waits for them: the sum of used and reaped time over
the tree never falls while they are waited for. Where they are not, the sum of what the living used stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, NamedTuple, final

from circus.stats.forest import Forest
from circus.stats.kernel import TICKS, Hot, Kernel, Slow

__all__ = ["Moment", "Sample", "Sampler"]

_SLOW_EVERY: Final = 10.0
"""Seconds after which the slow facts of a process that runs are read again."""
_YOUNG: Final = 3.0
"""Seconds in which a process may be about to exec something else."""


@final
class Moment(NamedTuple):
    """When a look was taken."""

    wall: float
    """Seconds since the epoch."""
    uptime: float
    """Seconds since boot."""


@final
class Sample(NamedTuple):
    """One process at one tick; the same object as at the last one if nothing changed. CPU in per cent of one core, memory in bytes."""

    pid: int
    hot: Hot
    slow: Slow
    cpu: float
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

    @property
    def started(self) -> float:
        """Seconds from boot to its start."""
        return self.hot.start / TICKS

    def age(self, moment: Moment) -> float:
        """Seconds that it runs."""
        return max(moment.uptime - self.started, 0.0)


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
        kernel: where the facts come from; it stays the caller's.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._forest = Forest(kernel)
        self._last: dict[int, Hot] = {}
        self._known: dict[int, _Known] = {}
        self._samples: dict[int, Sample] = {}
        self._restless: set[int] = set()
        """Roots whose sample says something that is true for one tick only."""
        self._dues: list[tuple[float, int]] = []
        """A heap of when the slow facts of which root are read again."""
        self._uptime: float | None = None
        """Seconds since boot at the last tick."""

    def reset(self) -> None:
        """Forget everything; the next tick is a first one."""
        for pid in self._last:
            self._kernel.forget(pid)
        self._forest = Forest(self._kernel)
        for table in (self._last, self._known, self._samples, self._restless, self._dues):
            table.clear()
        self._uptime = None

    def moment(self, wall: float) -> Moment:
        """The last tick.

        Args:
            wall: seconds since the epoch.
        """
        return Moment(wall, self._uptime or 0.0)

    def sample(
        self, roots: Iterable[int], *, now: float, only: frozenset[int] | None = None
    ) -> Mapping[int, Sample]:
        """Look at these processes and their trees.

        Args:
            roots: pids; each is the end of the tree above it, too.
            now: monotonic seconds.
            only: those of them that are to be read; None for all.

        Returns:
            A sample for each root that runs; who is not in it is gone. It is good until the next tick.
        """
        is_all = only is None or only is roots
        touched = self._forest.grow(frozenset(roots), now=now)
        everybody = self._forest.roots
        wanted = everybody if only is None or is_all else only & everybody
        pids = self._forest.members(wanted)
        uptime = (
            self._kernel.uptime_ticks()
        )  # as close to the reading as can be: figures are shares of the time between
        elapsed = None if self._uptime is None else max(uptime / TICKS - self._uptime, 1e-3)
        self._uptime = uptime / TICKS
        last, current = self._last, self._kernel.read(pids)
        changed = [pid for pid, hot in current.items() if last.get(pid) is not hot]
        work = self._restless | touched
        work.update(map(self._forest.root_of, changed))
        if len(current) != len(pids) or current.keys() != last.keys():
            work.update(self._part_with(pids, current))
        self._restless = set()
        while self._dues and self._dues[0][0] <= now:
            work.add(heappop(self._dues)[1])
        look = _Look(last, current, uptime=uptime, elapsed=elapsed)
        for root in work:
            if root in current and root in wanted:
                self._samples[root] = self._measure(root, look, now)
            else:
                self._samples.pop(root, None)
        self._forest.bury(look.gone)
        self._last = current
        return self._samples

    def _measure(self, root: int, look: "_Look", now: float) -> Sample:
        hot = look.current[root]
        cpu, used = look.used(root, hot)
        known = self._known.get(root)
        if known is None or known.hot.start != hot.start or now >= known.due:
            known = self._learn(root, hot, known, age=max(look.uptime - hot.start, 0.0) / TICKS, now=now)
        below = self._forest.below(root)
        tree = look.tree(hot, cpu=cpu, used=used, below=below)
        if cpu or tree[0] or look.elapsed is None:
            self._restless.add(root)
        before = self._samples.get(root)
        sample = Sample(root, hot, known.slow, cpu, known.read_rate, known.write_rate, *tree)
        return before if before is not None and before == sample and before.hot is hot else sample

    def _part_with(self, pids: list[int], current: dict[int, Hot]) -> set[int]:
        """Forget who was read at the last tick and is not at this one; says whose trees are smaller now."""
        for pid in self._last.keys() - current.keys():
            self._kernel.forget(pid)
            self._known.pop(pid, None)
            self._samples.pop(pid, None)
        return {self._forest.root_of(pid) for pid in pids if pid not in current}

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
        heappush(self._dues, (known.due, pid))
        return known


def _rate(before: int | None, after: int | None, span: float) -> float | None:
    if before is None or after is None or span <= 0:
        return None
    return max(after - before, 0) / span


@final
class _Look:
    """One tick: what was read, and what has been used since the last one.

    Args:
        last: the lines of the last tick.
        current: those of this one.
        uptime: clock ticks since boot.
        elapsed: seconds since the last tick; None at the first.
    """

    __slots__ = ("_last", "current", "elapsed", "gone", "uptime")

    def __init__(
        self, last: dict[int, Hot], current: dict[int, Hot], *, uptime: float, elapsed: float | None
    ) -> None:
        self._last = last
        self.current = current
        self.uptime = uptime
        self.elapsed = elapsed
        self.gone: list[int] = []

    def used(self, pid: int, hot: Hot) -> tuple[float, int]:
        """Per cent of a core; ticks of used and reaped time.

        A process that started since the last tick counts from nothing, over its own life; one that was never looked
        at has no figure yet.
        """
        before = self._last.get(pid)
        if self.elapsed is None or before is hot:
            return 0.0, 0
        if before is not None and before.start == hot.start:
            used, total, span = hot.used - before.used, hot.reaped - before.reaped, self.elapsed
        else:
            age = (self.uptime - hot.start) / TICKS
            if age > self.elapsed + 1:
                return 0.0, 0
            used, total, span = hot.used, hot.reaped, max(age, 1 / TICKS)
        used = max(used, 0)
        return used / TICKS / span * 100, used + total

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
            other = self.current.get(pid)
            if other is None:
                self.gone.append(pid)
                before = self._last.get(pid)
                if before is not None:  # if it was waited for, its whole time has just been added to somebody
                    total -= before.used + before.reaped
                continue
            its_cpu, its_used = self.used(pid, other)
            living += its_cpu
            total += its_used
            rss += other.rss
            size += 1
        by_total = total / TICKS / self.elapsed * 100 if self.elapsed else 0.0
        return max(by_total, living), rss, size
