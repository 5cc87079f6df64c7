"""Worker ids: the lowest free one first, each in logarithmic time whatever their number."""

from heapq import heappop, heappush
from typing import final

__all__ = ["Slots"]


@final
class Slots:
    """Hands out worker ids (1, 2, ...); the lowest that is free comes first, as ``$(circus.wid)`` users expect."""

    __slots__ = ("_free", "_top", "_used")

    def __init__(self) -> None:
        self._free: list[int] = []
        self._top = 0
        self._used: set[int] = set()

    def __len__(self) -> int:
        return len(self._used)

    def take(self) -> int:
        """The lowest free id, now in use."""
        if self._free:
            wid = heappop(self._free)
        else:
            self._top += 1
            wid = self._top
        self._used.add(wid)
        return wid

    def give_back(self, wid: int) -> None:
        """Free an id.

        Raises:
            KeyError: it was not in use.
        """
        self._used.remove(wid)
        heappush(self._free, wid)
