"""Calls something again and again, on the running loop; one call at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, final

__all__ = ["PeriodicCallback"]


@final
class PeriodicCallback:
    """Calls a function each so many milliseconds, the first time after one period.

    A call that takes longer than a period, or returns something to wait for that does, delays the next one; calls
    that were missed are not made up for. An exception goes to the loop's handler, and the calls go on.

    Args:
        callback: takes no argument; may be a coroutine function.
        callback_time: the period in milliseconds, as tornado's class of this name has it.

    Raises:
        ValueError: the period is not above 0.
    """

    def __init__(self, callback: Callable[[], Any], callback_time: float) -> None:
        if callback_time <= 0:
            raise ValueError(f"a period must be above 0 ms, not {callback_time:g}")
        self.callback = callback
        self.callback_time = callback_time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin, on the running loop; idempotent.

        Raises:
            RuntimeError: no loop runs here.
        """
        if self.is_running():
            return
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        self._schedule()

    def stop(self) -> None:
        """Call no more; idempotent. A call that is under way goes on to its end."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._loop = None

    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._loop is not None

    def _schedule(self) -> None:
        if self._loop is None:
            return
        period = self.callback_time / 1000
        self._due = max(self._loop.time(), self._due + period)
        self._timer = self._loop.call_at(self._due, self._call)

    def _call(self) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            result = self.callback()
        except Exception as error:  # noqa: BLE001 - user code: whatever it raises is told, and the calls go on
            self._tell(loop, error)
            self._schedule()
            return
        if asyncio.iscoroutine(result):
            self._task = loop.create_task(self._wait(loop, result))
        else:
            self._schedule()

    async def _wait(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - see above
            self._tell(loop, error)
        self._task = None
        self._schedule()

    def _tell(self, loop: asyncio.AbstractEventLoop, error: Exception) -> None:
        loop.call_exception_handler({"message": f"in {self.callback!r}", "exception": error})
