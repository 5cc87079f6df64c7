"""The books of one output: every byte that was read is taken, dropped or still on its way, and nothing else.

Kept under a lock, because the thread that reads a pipe and the thread that runs a stream class both write in
them, and anybody may read them. A change between "all is well" and "bytes are being lost" is told once each way.
"""

from collections.abc import Callable
from threading import Lock
from typing import final

from circus.stream.model import OutputTrouble, Source, TroubleKind

__all__ = ["Account"]


@final
class Account:
    """Counters of one output.

    Args:
        source: whose they are.
        tell: called with each `OutputTrouble`, on whichever thread it happens; it must return at once.
    """

    def __init__(self, source: Source, tell: Callable[[OutputTrouble], None]) -> None:
        self.source = source
        self._tell = tell
        self._lock = Lock()
        self.taken = 0
        self.dropped = 0
        self.pending = 0
        self.last_error: str | None = None
        self.ended = False
        self._spell = 0
        self._degraded: str | None = None

    def queued(self, count: int) -> None:
        """``count`` bytes are on their way to a sink that runs elsewhere."""
        with self._lock:
            self.pending += count

    def took(self, count: int, *, queued: bool = False) -> None:
        """The sink has ``count`` bytes; where they had been queued, they no longer are."""
        with self._lock:
            self.taken += count
            self.pending -= count if queued else 0
            if not self._spell or not count:
                return
            spell, self._spell = self._spell, 0
            error = self.last_error or "unknown"
        self._tell(OutputTrouble(self.source, TroubleKind.RECOVERED, error, spell))

    def gave_back(self, count: int) -> None:
        """The sink had ``count`` bytes, and gave them back for another one to take."""
        with self._lock:
            self.taken -= count

    def lost(self, count: int, error: str, *, queued: bool = False, taken: int = 0) -> None:
        """``count`` bytes are gone for good; ``taken`` bytes before them were still taken."""
        with self._lock:
            self.taken += taken
            self.dropped += count
            self.pending -= count if queued else 0
            self.last_error = error
            first = not self._spell
            self._spell += count
            spell = self._spell
        if first and count:
            self._tell(OutputTrouble(self.source, TroubleKind.LOSING, error, spell))

    def degraded(self, error: str | None) -> None:
        """Something is not as asked for, though nothing is lost; None when it is over. Told once a cause."""
        if error == self._degraded:
            return
        self._degraded = error
        if error is not None:
            self.last_error = error
            self._tell(OutputTrouble(self.source, TroubleKind.DEGRADED, error, 0))
