"""The words that users see. One function says them, from counts alone."""

from enum import Enum
from typing import assert_never

__all__ = ["Phase", "Status", "shown_status"]


class Phase(Enum):
    """Where a watcher as a whole is in its life."""

    DOWN = "down"
    PRESTART = "prestart"
    """Before its first worker: the `before_start` hook runs."""
    RISING = "rising"
    RUNNING = "running"
    PRESTOP = "prestop"
    """Workers still run: the `before_stop` hook runs."""
    FALLING = "falling"
    CLOSING = "closing"
    """No worker is left; output is drained, the `after_stop` hook runs."""


class Status(Enum):
    """What is shown: the words of old, and two new ones."""

    STOPPED = "stopped"
    STARTING = "starting"
    ACTIVE = "active"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    """At least one worker fails again and again, and waits before its next try."""
    FAILED = "failed"
    """At least one worker is not tried any more."""


def shown_status(phase: Phase, *, backing_off: int, given_up: int) -> Status:
    """The status to show.

    Args:
        phase: of the watcher.
        backing_off: how many workers wait before another try.
        given_up: how many are not tried any more.
    """
    match phase:
        case Phase.DOWN:
            return Status.STOPPED
        case Phase.PRESTOP | Phase.FALLING | Phase.CLOSING:
            return Status.STOPPING
        case Phase.PRESTART | Phase.RISING | Phase.RUNNING:
            if given_up:
                return Status.FAILED
            if backing_off:
                return Status.BACKOFF
            return Status.ACTIVE if phase is Phase.RUNNING else Status.STARTING
        case _:
            assert_never(phase)
