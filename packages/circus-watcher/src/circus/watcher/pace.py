"""Fair shares of the event loop for whoever does much in a row: a mass start never keeps others waiting.

Theory. Between two rounds of the loop, in which it looks for requests, only so much may happen. An owner that is awakened needs some
0.1 ms. What a spawn needs depends on the machine: it waits until the new process runs its program, 0.3 ms at rest and 10 ms
where processors are scarce; so the number of spawns a round follows from what the last ones took. What else a round took has no part
in it: else whatever keeps the loop busy would keep workers from being started.
"""

import asyncio
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import final

from circus.process import clock

__all__ = ["Pace", "spawns_a_round"]

_SHARE = 0.01
_LEAST, _MOST = 2, 4
_WAKES = 32
_MEMORY = 8


def spawns_a_round(cost: float) -> int:
    """How many spawns fit into a round, where one takes so many seconds. Pure."""
    return _MOST if cost * _MOST <= _SHARE else max(_LEAST, int(_SHARE / cost))


@final
class _Gate:
    """Admits so many between two rounds of the loop, in the order of asking."""

    def __init__(self, places: int) -> None:
        self.places = self._left = places
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    def admits(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is a place left in this round, which is then taken."""
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._next_round, loop)
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def queue(self, future: "asyncio.Future[None]") -> None:
        """Set it when its turn has come."""
        self._waiting.append(future)

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = self.places
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
        self._spawns = _Gate(_MOST)
        self._wakes = _Gate(_WAKES)
        self._cost = 0.0

    def line_up(self) -> "asyncio.Future[None] | None":
        """Ask for a turn to spawn.

        Returns:
            None: there was a place in this round, which is yours. Else what is set when there is; whoever sets it before leaves the
            line.
        """
        loop = asyncio.get_running_loop()
        if self._spawns.admits(loop):
            return None
        turn: asyncio.Future[None] = loop.create_future()
        self._spawns.queue(turn)
        return turn

    @contextmanager
    def spawning(self) -> Generator[None]:
        """Around a spawn: how long it takes counts for the next rounds."""
        began = clock.monotonic()
        yield
        self._cost += (clock.monotonic() - began - self._cost) / _MEMORY
        self._spawns.places = spawns_a_round(self._cost)

    def wake(self, sleeper: "asyncio.Future[None]") -> None:
        """Wake an owner: at once, or in its turn where a thousand are to be awakened together."""
        if self._wakes.admits(sleeper.get_loop()):
            sleeper.set_result(None)
        else:
            self._wakes.queue(sleeper)
