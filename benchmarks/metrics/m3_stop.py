"""M3: a request to stop → all workers and the daemon are gone."""

from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["measure"]


def measure(run: Run, plan: Plan) -> Figures:
    """Seconds; the run is over afterwards."""
    return {"stop_s": run.stop(plan.timeout)}
