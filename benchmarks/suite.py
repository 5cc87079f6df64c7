"""What is run, in which order, and what is kept of it. Runs of all peers take turns, so that the machine's moods hit all alike."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import final

from benchmarks import native, procs
from benchmarks.board import Timeout
from benchmarks.metrics import (
    Figures,
    m1_replace,
    m2_start,
    m3_stop,
    m4_rest,
    m5_storm,
    m6_control,
    m7_logs,
    m8_reload,
)
from benchmarks.peers import PEERS, Missing, Peer
from benchmarks.plan import Plan
from benchmarks.run import running

__all__ = ["Results", "Suite", "install"]


@final
@dataclass
class Results:
    """Samples by peer, by where they come from (``1000``, ``1000x1``, ``logs`` …), by name.

    Attributes:
        versions: of the peers that were measured.
        missing: why others were not.
        samples: what was measured.
        failures: what could not be.
    """

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, peer: str, scene: str, figures: Figures) -> None:
        """Keep what one run gave."""
        kept = self.samples.setdefault(peer, {}).setdefault(scene, {})
        for name, value in figures.items():
            kept.setdefault(name, []).append(round(value, 6))


def install(names: Iterable[str], results: Results) -> list[Peer]:
    """The peers of these names that can be had; why others cannot is noted."""
    native.build()
    usable: list[Peer] = []
    for kind in PEERS:
        if kind.name not in names:
            continue
        peer = kind()
        try:
            peer.install()
            results.versions[peer.name] = peer.version()
        except Missing as error:
            results.missing[peer.name] = str(error)
            _say(f"{peer.name} is left out: {error}")
            continue
        usable.append(peer)
    return usable


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


@final
class Suite:
    """Args:
    peers: those that are installed.
    plan: how much.
    results: what is measured goes there.
    keep: called whenever there is more, so that a run that is ended early has not been in vain.
    """

    def __init__(
        self, peers: Sequence[Peer], plan: Plan, results: Results, keep: Callable[[], object]
    ) -> None:
        self._keep = keep
        self._peers = peers
        self._plan = plan
        self._results = results
        procs.adopt_orphans()

    def run(self, metrics: Sequence[str]) -> None:
        """Measure these: ``fleet`` (M1 to M6), ``large``, ``stats``, ``logs``, ``reload``."""
        plan = self._plan
        for repeat in range(plan.repeats):
            if "fleet" in metrics:
                self._each("control", repeat, lambda peer: _bare(peer, plan))
                for workers in plan.fleets:
                    self._each(str(workers), repeat, partial(self._fleet, workers=workers))
            if "large" in metrics and plan.large and repeat < max(1, plan.repeats // 2):
                self._each(str(plan.large), repeat, partial(self._large, workers=plan.large))
            if "stats" in metrics:
                self._each("stats", repeat, self._stats)
            if "logs" in metrics:
                for measure in (m7_logs.measure, m7_logs.measure_prefixed, m7_logs.measure_requests):
                    self._each("logs", repeat, partial(measure, plan=plan))
            if "reload" in metrics:
                self._each("reload", repeat, lambda peer: _reload(peer, plan))

    def grow(self, sizes: Sequence[int]) -> None:
        """The same at several sizes, one watcher of N and N watchers of one."""
        for repeat in range(self._plan.repeats):
            for size in sizes:
                self._each(str(size), repeat, partial(self._large, workers=size))
                if size > 1:
                    self._each(f"{size}x1", repeat, partial(self._large, workers=size, one_each=True))

    def _each(self, scene: str, repeat: int, measure: Callable[[Peer], Figures]) -> None:
        turn = repeat % len(self._peers) if self._peers else 0
        for peer in (*self._peers[turn:], *self._peers[:turn]):
            try:
                figures = measure(peer)
            except (Timeout, OSError, ValueError, RuntimeError) as error:
                self._results.failures.append(f"{peer.name} {scene}: {error}")
                _say(f"  {peer.name} {scene}: FAILED: {error}")
                continue
            if figures:
                self._results.add(peer.name, scene, figures)
                self._keep()
                _say(
                    f"  {peer.name} {scene} #{repeat + 1}: "
                    + ", ".join(f"{k} {v:.4g}" for k, v in figures.items())
                )

    def _fleet(self, peer: Peer, workers: int) -> Figures:
        if workers > peer.most_workers:
            return {}
        plan = self._plan
        with running(peer, workers=workers) as run:
            steps = (m2_start, m4_rest, m1_replace, m6_control, m5_storm, m3_stop)
            return _all(step.measure(run, plan) for step in steps)

    def _large(self, peer: Peer, workers: int, *, one_each: bool = False) -> Figures:
        if workers > peer.most_workers:
            return {}
        plan = self._plan
        with running(peer, workers=workers, one_each=one_each) as run:
            steps = (m2_start, m4_rest, m1_replace, m5_storm, m3_stop)
            return _all(step.measure(run, plan) for step in steps)

    def _stats(self, peer: Peer) -> Figures:
        workers = max(self._plan.fleets)
        if not peer.publishes_figures:
            return {}
        with running(peer, workers=workers, stats=True) as run:
            run.started(self._plan.timeout)
            return m4_rest.measure_figures(run, self._plan)


def _all(figures: Iterable[Figures]) -> Figures:
    return {name: value for one in figures for name, value in one.items()}


def _bare(peer: Peer, plan: Plan) -> Figures:
    return m6_control.bare(plan.requests) if peer.name == "floor" else {}


def _reload(peer: Peer, plan: Plan) -> Figures:
    return m8_reload.measure(peer, plan) if peer.gives_sockets else {}
