"""The last changes that were asked for, and by whom: a bounded list in memory, a line each in the log."""

import heapq
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from logging import getLogger
from operator import attrgetter
from typing import Any, final

__all__ = ["Audit", "AuditEntry", "log"]

log = getLogger("circus.audit")


@final
@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request that changes something, or that was refused.

    Args:
        time: wall-clock seconds since the epoch.
        who: the peer, in words.
        command: what was asked for.
        subject: the watcher it was asked of, clipped, or an empty string.
        allowed: whether it was.
    """

    time: float
    who: str
    command: str
    subject: str
    allowed: bool


@final
class Audit:
    """Remembers the last `size` changes, and apart from them as many refusals: who is refused cannot push changes out.

    Args:
        size: how many of each.
        warn: writes a refusal into the log, by its kind; None: every one is written.
    """

    def __init__(self, size: int = 1000, *, warn: Callable[[Hashable, str], None] | None = None) -> None:
        self._warn = warn or _write
        self._changes: deque[AuditEntry] = deque(maxlen=size)
        self._refusals: deque[AuditEntry] = deque(maxlen=size)

    def record(self, entry: AuditEntry) -> None:
        """Remember and log one."""
        subject = f" {entry.subject}" if entry.subject else ""
        if entry.allowed:
            self._changes.append(entry)
            log.info("%s: %s%s", entry.who, entry.command, subject)
        else:
            self._refusals.append(entry)
            self._warn((entry.who, entry.command), f"{entry.who}: {entry.command}{subject} refused")

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last ones, oldest first."""
        entries = heapq.merge(self._changes, self._refusals, key=attrgetter("time"))
        return [asdict(entry) for entry in list(entries)[-count:]] if count else []


def _write(_kind: Hashable, text: str) -> None:
    log.warning("%s", text)
