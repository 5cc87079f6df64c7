"""When a file is full or old, what its predecessors are called and which of them go. Pure.

Two policies stand beside "never": by size (``app.log.1`` is the newest of the old ones) and by time
(``app.log.20240131``). Three properties hold: a line is never split unless it alone is longer than a file may be; no
file is deleted or overwritten that the policy does not count as an old one of this very log; and nothing here
asks what time it is.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import assert_never, final

from circus.stream.lines import character_cut
from circus.stream.model import OutputError

__all__ = ["BySize", "ByTime", "Never", "Rotation", "When", "fit", "hard_cut"]

_DAY = 86_400


def fit(data: bytes, room: int, *, start: int = 0, end: int | None = None) -> int:
    """How many bytes of ``data[start:end]`` go into ``room`` bytes without splitting a line; 0 if no line does."""
    count = (len(data) if end is None else end) - start
    if count <= room:
        return count
    newline = data.rfind(b"\n", start, start + max(room, 0))
    return newline + 1 - start if newline >= 0 else 0


def hard_cut(data: bytes, room: int, *, start: int = 0) -> int:
    """The same for a line that no file can hold: at least one byte, cut between characters where possible."""
    return max(character_cut(data, start + max(room, 1)) - start, 1)


@final
@dataclass(frozen=True, slots=True)
class Never:
    """The file grows: nobody but an external tool rotates it."""


@final
@dataclass(frozen=True, slots=True)
class BySize:
    """Before a file would grow over a size.

    Args:
        max_bytes: how large a file may be.
        backup_count: how many old files are kept.
    """

    max_bytes: int
    backup_count: int

    def oldest(self, path: str) -> str:
        """The one that goes, before the others move up."""
        return f"{path}.{self.backup_count}"

    def renames(self, path: str) -> list[tuple[str, str]]:
        """What is renamed to what, in this order; a missing one is skipped."""
        numbered = [path, *(f"{path}.{n}" for n in range(1, self.backup_count + 1))]
        return [(numbered[n - 1], numbered[n]) for n in range(self.backup_count, 0, -1)]


class When(Enum):
    """The unit of a rotation by time; the value is the suffix of the old files."""

    SECOND = "S"
    MINUTE = "M"
    HOUR = "H"
    DAY = "D"
    MIDNIGHT = "MIDNIGHT"
    WEEKDAY = "W"


_SECONDS = {When.SECOND: 1, When.MINUTE: 60, When.HOUR: 3600, When.DAY: _DAY}
_SUFFIX = {When.SECOND: "%Y%m%d%H%M%S", When.MINUTE: "%Y%m%d%H%M", When.HOUR: "%Y%m%d%H"}
_OLD = re.compile(r"\.(\d{8}(?:\d{2}){0,3})(?:\.(\d+))?")


@final
@dataclass(frozen=True, slots=True)
class ByTime:
    """Every so often, or at midnight, or at the end of a weekday.

    Args:
        when: the unit.
        interval: how many of them.
        weekday: 0 (Monday) to 6, for `When.WEEKDAY`: the file is closed when that day ends.
        backup_count: how many old files are kept; 0 keeps all.
        utc: count days and name files in UTC instead of local time.
    """

    when: When
    interval: int = 1
    weekday: int = 0
    backup_count: int = 0
    utc: bool = False

    @classmethod
    def parse(cls, when: str | None, *, interval: int, backup_count: int, utc: bool) -> "ByTime":
        """From ``S M H D midnight W0..W6`` in any case.

        Raises:
            OutputError: it is none of these, or the interval is not positive.
        """
        word = (when or "").strip().upper()
        if interval < 1:
            raise OutputError(f"rotate_interval: {interval} is not a whole number above 0")
        if re.fullmatch("W[0-6]", word):
            weekday = int(word[1])
            return cls(When.WEEKDAY, interval, weekday, backup_count=backup_count, utc=utc)
        try:
            unit = When(word)
        except ValueError:
            unit = When.WEEKDAY
        if unit is When.WEEKDAY:
            raise OutputError(
                f"rotate_when: {when!r} is not one of S, M, H, D, midnight, W0 (Monday) to W6 (Sunday)"
            )
        return cls(unit, interval, backup_count=backup_count, utc=utc)

    def next_after(self, now: float) -> float:
        """When a file begun (or last written) at ``now`` is to be rotated; seconds since the epoch, as ``now``."""
        match self.when:
            case When.SECOND | When.MINUTE | When.HOUR | When.DAY:
                return now + _SECONDS[self.when] * self.interval
            case When.MIDNIGHT:
                return self._midnight(now, self.interval)
            case When.WEEKDAY:
                day = (time.gmtime(now) if self.utc else time.localtime(now)).tm_wday
                return self._midnight(now, (self.weekday - day) % 7 + 1 + 7 * (self.interval - 1))
            case _:
                assert_never(self.when)

    def _midnight(self, now: float, days: int) -> float:
        if self.utc:
            return (now // _DAY + days) * _DAY
        day = time.localtime(now)
        # mktime normalises the day of the month and knows about days of 23 and 25 hours.
        return time.mktime((day.tm_year, day.tm_mon, day.tm_mday + days, 0, 0, 0, 0, 0, -1))

    def suffix(self, began: float) -> str:
        """What is put behind the name of a file whose time began at ``began``: ``.20240131``."""
        moment = time.gmtime(began) if self.utc else time.localtime(began)
        return "." + time.strftime(_SUFFIX.get(self.when, "%Y%m%d"), moment)

    def free_name(self, name: str, began: float, taken: Iterable[str]) -> str:
        """The name for the old file; never one that is taken: what is there already is not overwritten."""
        wanted, others = name + self.suffix(began), set(taken)
        if wanted not in others:
            return wanted
        number = 1
        while f"{wanted}.{number}" in others:
            number += 1
        return f"{wanted}.{number}"

    def expired(self, name: str, present: Iterable[str]) -> list[str]:
        """Which of the files in the same directory are old ones of ``name`` and too many; base names, oldest first."""
        if self.backup_count < 1:
            return []
        old = sorted(
            (match[1], int(match[2] or 0), other)
            for other in present
            if other.startswith(name) and (match := _OLD.fullmatch(other, len(name)))
        )
        return [other for _, _, other in old[: max(len(old) - self.backup_count, 0)]]


Rotation = Never | BySize | ByTime
