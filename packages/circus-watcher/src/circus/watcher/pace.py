"""Fair shares of the event loop for whoever does much in a row: a mass start never keeps others waiting."""

import asyncio
from collections import deque
from typing import final

__all__ = ["Pace"]


@final
class Pace:
    """Admits so many turns between two rounds of the event loop, to everybody who shares it, in the order of asking.

    Args:
        per_round: turns a round; each is a spawn, so some 0.1 to 1 ms.
    """

    def __init__(self, per_round: int = 4) -> None:
        self._per_round = per_round
        self._left = per_round
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    async def turn(self) -> None:
        """Wait for one's turn; does not wait where there is one left in this round."""
        loop = asyncio.get_running_loop()
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._next_round, loop)
        if self._left > 0:
            self._left -= 1
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        await future

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = self._per_round
        while self._waiting and self._left > 0:
            future = self._waiting.popleft()
            if not future.done():
                self._left -= 1
                future.set_result(None)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            loop.call_soon(self._next_round, loop)
