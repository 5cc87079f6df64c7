"""M2: the daemon is executed → all workers are in ``main()``."""

from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["measure"]


def measure(run: Run, plan: Plan) -> Figures:
    """Seconds until the first and until the last worker began."""
    began = sorted(one.began for one in run.started(plan.timeout)[: run.job.workers])
    return {"first_s": began[0] - run.began, "start_s": began[-1] - run.began}
