"""What a call can fail with, beside `CallError` and `NotRunning` of circus.exc. Light: imports nothing else."""

from circus.exc import CallError, NotRunning

__all__ = ["AccessDenied", "CallError", "NotRunning", "TimedOut", "TunnelError", "WentAway"]


class TimedOut(CallError):  # noqa: N818 - says it best
    """Somebody listens, and no answer came in time. Its text is exactly ``Timed out.``, as programs match it."""

    def __init__(self) -> None:
        super().__init__("Timed out.")


class AccessDenied(CallError):  # noqa: N818 - says it best
    """The daemon refuses this client: its keys, its user, or that it has none."""


class WentAway(NotRunning):
    """The daemon ended, or the connection broke, before the answer came. The request may have been carried out."""


class TunnelError(CallError):
    """ssh did not make the tunnel."""
