"""When an exit that nobody asked for leads to a new start: at once, after a pause, or never. Pure.

Theory. A worker that ran for `stable_after` seconds has started well: it is replaced at once. One that dies sooner is
replaced at once the first time, since a single early death says little; from the second in a row on it waits, each time
twice as long, up to a cap. Pauses are jittered so that a thousand workers with one cause do not come back as one. A start
that fails is retried by the same clock. Beside that the watcher as a whole may have an *intensity*: so many restarts
within a window, and no more.
"""

from collections import deque
from dataclasses import dataclass
from typing import final

__all__ = ["Intensity", "Policy", "is_stable", "pause_after_death", "pause_after_failed_start"]

_JITTER = 0.25


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The figures of the restart policy; times in seconds.

    Args:
        stable_after: a worker that ran this long has started well.
        backoff_initial: the first pause.
        backoff_max: the longest pause, jitter included.
        max_restarts: unasked restarts within the window before the watcher gives up; None: no limit.
        restart_window: the window in which they count.
        retry_after: a watcher that gave up tries again after this; 0: not by itself.
        max_retry: tries of one failing start before giving up; -1: no limit.
    """

    stable_after: float = 1.0
    backoff_initial: float = 0.1
    backoff_max: float = 30.0
    max_restarts: int | None = None
    restart_window: float = 60.0
    retry_after: float = 0.0
    max_retry: int = 5


def is_stable(policy: Policy, lifetime: float) -> bool:
    """Whether a worker that lived that long had started well."""
    return lifetime >= policy.stable_after


def _pause(policy: Policy, step: int, jitter: float) -> float:
    """The pause of the nth step (from 1): doubling, times 0.75 to 1.25 by ``jitter`` in [0, 1), capped."""
    if policy.backoff_initial <= 0:
        return 0.0
    base = policy.backoff_max if step > 64 else policy.backoff_initial * 2.0 ** (step - 1)
    return min(policy.backoff_max, base * (1 - _JITTER + 2 * _JITTER * jitter))


def pause_after_death(policy: Policy, failures: int, jitter: float) -> float:
    """How long to wait before replacing a worker.

    Args:
        policy: the figures.
        failures: early deaths in a row, this one included; 0 after a stable run.
        jitter: a random number in [0, 1).
    """
    return 0.0 if failures <= 1 else _pause(policy, failures - 1, jitter)


def pause_after_failed_start(policy: Policy, tries: int, jitter: float) -> float | None:
    """How long to wait before the next try of a start that failed ``tries`` times (1 or more); None: give up."""
    if policy.max_retry != -1 and tries >= policy.max_retry:
        return None
    return _pause(policy, tries, jitter)


@final
class Intensity:
    """The unasked restarts of one watcher within its window. Constant cost; memory bounded by the limit."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def admit(self, policy: Policy, now: float) -> bool:
        """Whether one more restart is within the limit; counts it if so."""
        limit = policy.max_restarts
        if limit is None:
            return True
        while self._times and (self._times[0] <= now - policy.restart_window or len(self._times) > limit):
            self._times.popleft()
        if len(self._times) >= limit:
            return False
        self._times.append(now)
        return True

    def reset(self) -> None:
        """Forget the past: an operator started the watcher anew."""
        self._times.clear()
