"""The clocks. The wall clock is for what people and programs outside read (events, `started`, file names): it can be set
back. Everything that is measured, compared or waited for uses the monotonic one. No other module reads the wall clock.
"""

import time

__all__ = ["monotonic", "wall"]

monotonic = time.monotonic


def wall() -> float:
    """Seconds since the epoch, for display and publishing only; it may jump in either direction."""
    return time.time()  # noqa: TID251 - this is the owner of the ban
