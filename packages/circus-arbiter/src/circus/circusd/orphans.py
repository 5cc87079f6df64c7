"""Reaping the orphans that circusd adopts as a subreaper, without looking for them all the time.

Theory: SIGCHLD says that some child ended. Most are workers, whose handles reap them at once; so a moment later one
system call tells whether a zombie is left at all (waitid(2) with WNOWAIT), and only then is the process table looked at.
"""

import asyncio
import os
from typing import final

from circus.process.clock import monotonic
from circus.process.forest import Forest
from circus.process.subreaper import OrphanReaper

__all__ = ["OrphanDuty"]

_SOON = 1.0
_LATER = 10.0


@final
class OrphanDuty:
    """Reaps what nobody else does; on the running loop.

    Args:
        forest: whose workers' orphans.
    """

    def __init__(self, forest: Forest) -> None:
        self._reaper = OrphanReaper(forest)
        self._timer: asyncio.TimerHandle | None = None

    def child_ended(self) -> None:
        """Some child ended: SIGCHLD."""
        self._look_in(_SOON)

    def end(self) -> None:
        """A last sweep."""
        if self._timer is not None:
            self._timer.cancel()
            self._sweep()

    def _look_in(self, seconds: float) -> None:
        """Look then, or sooner where that was planned already."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        try:
            left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if left is None:
            return
        self._reaper.sweep(monotonic())
        again = self._reaper.again_in
        if again is not None:
            self._look_in(min(_LATER, max(_SOON, again)))
