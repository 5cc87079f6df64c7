"""Decides which of many like log lines are written: the first of a kind, then one for all that follow within a while. Pure.

Theory: whoever can cause a line can fill a disk. A kind is a key, such as a peer and a cause; the first line of a kind is
written as it is, further ones are counted, and told as a number when the while is over. Kinds are bounded, too: those beyond
are one kind together.

Properties: of n notes of a kind within a while one is written; each note is written or counted, and each count is told once.
"""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol, final

__all__ = ["KINDS", "WHILE", "Sparing", "SparingLog", "Told", "clipped"]

WHILE: Final = 60.0
"""Seconds."""
KINDS: Final = 64
_OTHERS: Final = ("others",)
_LONGEST: Final = 500


def clipped(text: str) -> str:
    """A text of somebody else's as a log line may hold it: of bounded length, and nothing that moves a cursor.

    >>> clipped("a" * 600)[-4:], clipped("two" + chr(10) + "lines")
    ('a...', 'two lines')
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST])
    return line if len(text) <= _LONGEST else line + "..."


@final
@dataclass(frozen=True, slots=True)
class Told:
    """What is to be written about a kind: `count` more than were written before, the last of which was `text`."""

    text: str
    count: int


@final
@dataclass(slots=True)
class _Kind:
    until: float
    text: str = ""
    count: int = 0


@final
class Sparing:
    """The kinds of one log.

    Args:
        seconds: how long the while is.
        kinds: how many are told apart.
    """

    def __init__(self, *, seconds: float = WHILE, kinds: int = KINDS) -> None:
        self._seconds = seconds
        self._most = kinds
        self._kinds: dict[Hashable, _Kind] = {}

    def note(self, key: Hashable, text: str, now: float) -> bool:
        """Something happens: whether it is written now; otherwise it is counted for `due`."""
        if key not in self._kinds and len(self._kinds) >= self._most:
            key = _OTHERS
        kind = self._kinds.get(key)
        if kind is None:
            self._kinds[key] = _Kind(now + self._seconds)
            return True
        kind.text = text
        kind.count += 1
        return False

    def due(self, now: float) -> list[Told]:
        """What is to be written about those whose while is over; who was silent for it is forgotten."""
        told: list[Told] = []
        for key, kind in list(self._kinds.items()):
            if now < kind.until:
                continue
            if not kind.count:
                del self._kinds[key]
                continue
            told.append(Told(kind.text, kind.count))
            kind.until, kind.count = now + self._seconds, 0
        return told

    def next_due(self) -> float | None:
        """When `due` has something to do; None while there is no kind."""
        return min((kind.until for kind in self._kinds.values()), default=None)


class _Timer(Protocol):
    def cancel(self) -> None: ...


@final
class SparingLog:
    """A logger whose lines of a kind are bounded.

    Args:
        log: where they go.
        level: of all of them.
        later: calls something after so many seconds; None where there is no loop to do that.
        clock: monotonic seconds.
        seconds: how long the while is.
    """

    def __init__(
        self,
        log: logging.Logger,
        *,
        level: int = logging.WARNING,
        later: Callable[[float, Callable[[], None]], _Timer | None],
        clock: Callable[[], float],
        seconds: float = WHILE,
    ) -> None:
        self._log = log
        self._level = level
        self._later = later
        self._clock = clock
        self._sparing = Sparing(seconds=seconds)
        self._timer: _Timer | None = None

    def write(self, key: Hashable, text: str) -> None:
        """Write a line, or count it for the line that tells how many there were."""
        if self._sparing.note(key, text, self._clock()):
            self._log.log(self._level, "%s", text)
        self._wait()

    def close(self) -> None:
        """Tell what is still only counted. May be called any number of times."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._tell(float("inf"))

    def _tell(self, now: float) -> None:
        for told in self._sparing.due(now):
            self._log.log(self._level, "%s (and so %d times since the last such line)", told.text, told.count)

    def _wait(self) -> None:
        due = self._sparing.next_due()
        if due is not None and self._timer is None:
            self._timer = self._later(max(0.0, due - self._clock()), self._is_due)

    def _is_due(self) -> None:
        self._timer = None
        self._tell(self._clock())
        self._wait()
