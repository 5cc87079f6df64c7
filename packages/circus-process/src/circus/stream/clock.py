"""The two clocks, in one place: monotonic for deadlines, wall for what people read."""

import time

__all__ = ["monotonic", "wall"]

monotonic = time.monotonic


def wall() -> float:
    """Seconds since the epoch; it may jump, so it is shown and never compared."""
    return time.clock_gettime(time.CLOCK_REALTIME)
