"""M5: ``kill -9`` all workers at once → as many new ones are in ``main()``."""

import os
import signal
import time

from benchmarks.board import Timeout
from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["measure"]

_STABLE = 1.5


def measure(run: Run, plan: Plan) -> Figures:
    """Seconds from the first kill to the last ``main()``.

    Raises:
        Timeout: fewer, or more, than one replacement a death.
    """
    time.sleep(_STABLE)
    victims, before = run.living(), run.board.drawn
    began = time.monotonic()
    for one in victims:
        os.kill(one.pid, signal.SIGKILL)
    new = run.board.wait_for(before + len(victims), plan.timeout)[before:]
    if len(new) != run.job.workers:
        raise Timeout(f"{len(new)} replacements for {run.job.workers} deaths")
    return {"storm_s": max(one.began for one in new) - began}
