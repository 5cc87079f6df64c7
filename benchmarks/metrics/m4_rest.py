"""M4: what it costs when nothing happens: processor time, wake-ups, memory."""

import time
from contextlib import nullcontext

from benchmarks import procs
from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["measure", "measure_figures"]

_MIB = 1024 * 1024


def _rest(run: Run, plan: Plan) -> tuple[float, int]:
    looks: list[tuple[float, int]] = []
    while len(looks) < plan.looks and not (looks and looks[-1][1] == 0):
        looks.append(_look(run, plan.rest))
    return min(looks, key=lambda look: look[1])


def _look(run: Run, seconds: float) -> tuple[float, int]:
    pids = run.pids()
    before, began = procs.usage(pids), time.monotonic()
    time.sleep(seconds)
    used, took = procs.usage(pids) - before, time.monotonic() - began
    return 100 * used.cpu / took, used.switches


def measure(run: Run, plan: Plan) -> Figures:
    """Of all processes of the supervisor together."""
    time.sleep(plan.settle)
    cpu, switches = _rest(run, plan)
    return {"rest_cpu_percent": cpu, "rest_switches": switches, "uss_mib": procs.uss(run.pids()) / _MIB}


def measure_figures(run: Run, plan: Plan) -> Figures:
    """Of a supervisor that publishes figures of its processes: without anybody who listens, and with one."""
    time.sleep(plan.settle)
    unwatched, switches = _rest(run, plan)
    with run.peer.watches(run.job) or nullcontext():
        time.sleep(plan.settle)
        watched, _ = _rest(run, plan)
    return {
        "stats_unwatched_percent": unwatched,
        "stats_unwatched_switches": switches,
        "stats_watched_percent": watched,
    }
