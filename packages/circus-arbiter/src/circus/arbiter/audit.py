"""The last changes that were asked for, and by whom: a bounded list in memory, a line each in the log."""

from collections import deque
from dataclasses import asdict, dataclass
from logging import getLogger
from typing import Any, final

__all__ = ["Audit", "AuditEntry"]

log = getLogger("circus.audit")


@final
@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request that changes something.

    Args:
        time: wall-clock seconds since the epoch.
        who: the peer, in words.
        command: what was asked for.
        subject: the watcher it was asked of, or an empty string.
        allowed: whether it was.
    """

    time: float
    who: str
    command: str
    subject: str
    allowed: bool


@final
class Audit:
    """Remembers the last `size` entries."""

    def __init__(self, size: int = 1000) -> None:
        self._entries: deque[AuditEntry] = deque(maxlen=size)

    def record(self, entry: AuditEntry) -> None:
        """Remember and log one."""
        self._entries.append(entry)
        subject = f" {entry.subject}" if entry.subject else ""
        if entry.allowed:
            log.info("%s: %s%s", entry.who, entry.command, subject)
        else:
            log.warning("%s: %s%s refused", entry.who, entry.command, subject)

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last ones, oldest first."""
        return [asdict(entry) for entry in list(self._entries)[-count:]] if count else []
