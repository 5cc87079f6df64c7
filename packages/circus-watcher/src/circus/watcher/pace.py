"""Fair shares of the event loop for whoever does much in a row: a mass start never keeps others waiting.

Theory. Between two rounds of the loop, in which it looks for requests, only so much may happen. What one spawn or one awakened
watcher costs, depends on the machine and on what else runs there: a spawn waits until the new process runs its program, 0.3 ms
at rest and 10 ms where processors are scarce. So the number admitted to a round follows from what the last round took.
"""

import asyncio
from collections import deque
from typing import final

__all__ = ["Pace", "allowance"]

_SHORT = 0.005
_LONG = 0.01


def allowance(last: int, took: float, *, least: int, most: int) -> int:
    """How many are admitted to a round. Pure.

    Args:
        last: how many were to the last one.
        took: seconds that the last round took, with all that happened in it.
        least: not fewer.
        most: not more.
    """
    if took > _LONG:
        return max(least, last // 2)
    return min(most, last + 1) if took < _SHORT else last


@final
class _Gate:
    """Admits so many between two rounds of the loop, in the order of asking."""

    def __init__(self, *, least: int, most: int) -> None:
        self._least, self._most = least, most
        self._allowed = self._left = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False
        self._began = 0.0

    def admits(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is a place left in this round, which is then taken."""
        if not self._scheduled:
            self._scheduled, self._began = True, loop.time()
            loop.call_soon(self._next_round, loop)
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def queue(self, future: "asyncio.Future[None]") -> None:
        """Set it when its turn has come."""
        self._waiting.append(future)

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._allowed = allowance(self._allowed, now - self._began, least=self._least, most=self._most)
        self._began, self._left = now, self._allowed
        while self._waiting and self._left > 0:
            future = self._waiting.popleft()
            if not future.done():
                self._left -= 1
                future.set_result(None)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            loop.call_soon(self._next_round, loop)


@final
class Pace:
    """Shared by all watchers of a daemon."""

    def __init__(self) -> None:
        self._spawns = _Gate(least=1, most=4)
        self._wakes = _Gate(least=8, most=64)

    async def turn(self) -> None:
        """Wait for one's turn to spawn; does not wait where there is one left in this round."""
        loop = asyncio.get_running_loop()
        if not self._spawns.admits(loop):
            future: asyncio.Future[None] = loop.create_future()
            self._spawns.queue(future)
            await future

    def wake(self, sleeper: "asyncio.Future[None]") -> None:
        """Wake an owner: at once, or in its turn where a thousand are to be awakened together."""
        if self._wakes.admits(sleeper.get_loop()):
            sleeper.set_result(None)
        else:
            self._wakes.queue(sleeper)
