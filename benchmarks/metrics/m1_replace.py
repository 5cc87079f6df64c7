"""M1: ``kill -9`` a worker → its replacement is in ``main()``."""

import os
import signal
import statistics
import time

from benchmarks.board import Record
from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["measure"]

_PATIENCE = 15.0
_STABLE = 1.2  # every supervisor holds a worker that dies sooner for a faulty one


def measure(run: Run, plan: Plan) -> Figures:
    """The median over some deaths, each of the worker that has run for the longest time; fewer of who takes seconds for each."""
    began, samples = time.monotonic(), list[float]()
    while len(samples) < plan.deaths and not (samples and time.monotonic() - began > _PATIENCE):
        samples.append(_one(run, plan))
    return {"replace_ms": statistics.median(samples), "replace_worst_ms": max(samples)}


def _one(run: Run, plan: Plan) -> float:
    victim = _oldest(run)
    time.sleep(max(0.05, victim.began + _STABLE - time.monotonic()))
    before = run.board.drawn
    killed = time.monotonic()
    os.kill(victim.pid, signal.SIGKILL)
    return (run.board.wait_for(before + 1, plan.timeout)[before].began - killed) * 1e3


def _oldest(run: Run) -> Record:
    return min(run.living(), key=lambda one: one.began)
