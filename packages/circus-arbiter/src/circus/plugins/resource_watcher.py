"""A plugin that restarts a watcher whose workers use too much, or too little.

Theory: each look gives a *reading*, of all workers together and, if asked for, of each child of a worker. A limit that
is broken at more than ``max_count`` looks in a row is acted on: the watcher is restarted, or the child is signalled.
"""

import logging
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast, final

from circus.plugins.statsd import BaseObserver, memory, numbers
from circus.protocol.values import parse_bool
from circus.util import human2bytes, to_signum

__all__ = ["Breach", "Limits", "MemoryLimit", "Reading", "ResourceWatcher", "Strikes", "children"]

log = logging.getLogger("circus")


class Breach(Enum):
    """A limit that is broken; the value is its name in statsd."""

    OVER_CPU = "over_cpu"
    UNDER_CPU = "under_cpu"
    OVER_MEMORY = "over_memory"
    UNDER_MEMORY = "under_memory"
    OVER_HEALTH = "over_health"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What some processes use: the most and the least of any. CPU and ``mem`` in percent, ``bytes`` resident."""

    max_cpu: float = 0.0
    min_cpu: float = 0.0
    max_mem: float = 0.0
    min_mem: float = 0.0
    max_bytes: int = 0
    min_bytes: int = 0

    @classmethod
    def of(cls, processes: Iterable[Mapping[str, Any]]) -> "Reading":
        """The reading of some facts as `stats` gives them. What could not be read does not count; of none, all is 0."""
        processes = list(processes)
        cpu = numbers(facts.get("cpu") for facts in processes) or [0.0]
        mem = numbers(facts.get("mem") for facts in processes) or [0.0]
        sizes = [size for facts in processes if (size := memory(facts)) is not None] or [0]
        return cls(
            max_cpu=max(cpu),
            min_cpu=min(cpu),
            max_mem=max(mem),
            min_mem=min(mem),
            max_bytes=max(sizes),
            min_bytes=min(sizes),
        )


@final
@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """A limit in percent of the machine's memory, or in bytes."""

    value: float
    in_bytes: bool = False

    @classmethod
    def parse(cls, text: str | float) -> "MemoryLimit":
        """``50`` and ``50%`` are percents, ``512M`` is a size.

        Raises:
            ValueError: it is neither.
        """
        try:
            return cls(float(str(text).strip().removesuffix("%")))
        except ValueError:
            return cls(human2bytes(str(text)), in_bytes=True)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be used; None and 0 (for what is a maximum): anything.

    Args:
        max_cpu: percent.
        min_cpu: percent; that much is too little, too.
        max_mem: of any process.
        min_mem: of any process.
        health: the mean of CPU and memory, in percent.
    """

    max_cpu: float = 90.0
    min_cpu: float | None = None
    max_mem: MemoryLimit = MemoryLimit(90.0)
    min_mem: MemoryLimit | None = None
    health: float = 75.0

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> "Limits":
        """The limits in the options of the plugin.

        Raises:
            ValueError: one makes no sense.
        """
        low_cpu, low_mem = config.get("min_cpu"), config.get("min_mem")
        return cls(
            max_cpu=float(config.get("max_cpu", 90)),
            min_cpu=None if low_cpu is None else float(low_cpu),
            max_mem=MemoryLimit.parse(config.get("max_mem", 90)),
            min_mem=None if low_mem is None else MemoryLimit.parse(low_mem),
            health=float(config.get("health_threshold", 75)),
        )

    def broken_by(self, reading: Reading) -> Iterator[Breach]:
        """The limits that a reading breaks."""
        if self.max_cpu and reading.max_cpu > self.max_cpu:
            yield Breach.OVER_CPU
        if self.min_cpu is not None and reading.min_cpu <= self.min_cpu:
            yield Breach.UNDER_CPU
        most = reading.max_bytes if self.max_mem.in_bytes else reading.max_mem
        if self.max_mem.value and most > self.max_mem.value:
            yield Breach.OVER_MEMORY
        if self.min_mem is not None:
            least = reading.min_bytes if self.min_mem.in_bytes else reading.min_mem
            if least < self.min_mem.value:
                yield Breach.UNDER_MEMORY
        if self.health and (reading.max_cpu + reading.max_mem) / 2 > self.health:
            yield Breach.OVER_HEALTH


@final
class Strikes:
    """How often in a row each limit was broken, by whom."""

    def __init__(self) -> None:
        self._counts: dict[object, dict[Breach, int]] = {}

    def count(self, who: object, breaches: Iterable[Breach], *, allowed: int) -> bool:
        """Take in one look at somebody. True if that is once too often for some limit; then it begins anew."""
        before = self._counts.get(who, {})
        now = {breach: before.get(breach, 0) + 1 for breach in breaches}
        if any(strikes > allowed for strikes in now.values()):
            self._counts.pop(who, None)
            return True
        self._counts[who] = now
        return False

    def keep(self, those: Iterable[object]) -> None:
        """Forget all others: they are gone."""
        left = set(those)
        self._counts = {who: counts for who, counts in self._counts.items() if who in left}


def children(stats: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Pid of the worker, pid and facts of the child, for each child in the facts of a watcher."""
    for pid, facts in stats.items():
        if isinstance(facts, dict):
            for child in cast("dict[str, Any]", facts).get("children", ()):
                yield int(pid), int(child["pid"]), child


class ResourceWatcher(BaseObserver):
    """Restarts a watcher whose workers break a limit for too long.

    Options:
        watcher: its name; has to be there.
        max_cpu, min_cpu, max_mem, min_mem, health_threshold: see `Limits`. A memory of ``50`` is a percentage, one of
            ``512M`` is a size.
        max_count: looks in a row at which a limit may be broken (3).
        process_children: look at the children of workers, too, each for itself, and signal it (no).
        child_signal: the signal (TERM).

    And those of `BaseObserver`.
    """

    name = "resource_watcher"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        watcher = config.get("watcher") or config.get("service")
        if watcher is None:
            raise ValueError("ResourceWatcher needs to know what to look at: set the option 'watcher'")
        if "watcher" not in config:
            log.warning("the option 'service' is an old name of 'watcher'")
        self.watcher = str(watcher)
        self.limits = Limits.parse(config)
        self.max_count = int(config.get("max_count", 3))
        self.process_children = parse_bool(config.get("process_children", False))
        self.child_signal = to_signum(config.get("child_signal", signal.SIGTERM))
        self.strikes = Strikes()

    def look_after(self) -> Any:
        """Ask circusd, tell statsd, act."""
        reply = self.call("stats", name=self.watcher)
        if reply["status"] == "error":
            self._tell("error")
            return
        stats: dict[str, Any] = reply["info"]
        workers = [cast("dict[str, Any]", facts) for facts in stats.values() if isinstance(facts, dict)]
        # Nobody running is the daemon's matter: a stopped watcher must not be started for using too little.
        if workers and self._judge("workers", workers):
            log.info("%s: a limit was broken too often: restarting", self.watcher)
            self.cast("restart", name=self.watcher, match="simple")
        below = list(children(stats)) if self.process_children else []
        for parent, child, facts in below:
            if self._judge(child, [facts]):
                log.info("%s: a limit was broken too often: signalling %d", self.watcher, child)
                self.cast("signal", name=self.watcher, pid=parent, childpid=child, signum=self.child_signal)
        self.strikes.keep(["workers", *(child for _, child, _ in below)])

    def _judge(self, who: object, processes: list[Mapping[str, Any]] | list[dict[str, Any]]) -> bool:
        breaches = list(self.limits.broken_by(Reading.of(processes)))
        for breach in breaches:
            self._tell(breach.value)
        too_often = self.strikes.count(who, breaches, allowed=self.max_count)
        if too_often:
            self._tell("restarting")
        return too_often

    def _tell(self, word: str) -> None:
        self.statsd.increment(f"_resource_watcher.{self.watcher}.{word}")
