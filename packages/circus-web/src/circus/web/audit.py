"""What was asked through the console: by whom, and with what outcome. In memory for the page, in the log for good."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic_core import to_json

from circus.web.auth import Person

__all__ = ["AuditTrail", "without_secrets"]

log = logging.getLogger("circus.web.audit")
KEPT = 1000
HIDDEN = "(hidden)"


def without_secrets(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Values of environment variables do not belong into a list that is kept and shown.

    >>> without_secrets({"options": {"env": {"KEY": "s3cret"}}})
    {'options': {'env': {'KEY': '(hidden)'}}}
    """
    shown: dict[str, Any] = {}
    for name, value in properties.items():
        if name == "env" and value:
            pairs: dict[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
            shown[name] = dict.fromkeys(pairs, HIDDEN) if pairs else HIDDEN
        elif name.startswith("env."):
            shown[name] = HIDDEN
        elif isinstance(value, dict):
            shown[name] = without_secrets(cast("dict[str, Any]", value))
        else:
            shown[name] = value
    return shown


class AuditTrail:
    """The last actions, newest first.

    Args:
        wall: the wall clock, for what is shown.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:  # noqa: TID251 - shown, not measured
        self._wall = wall
        self._number = 0
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.listeners: list[Callable[[dict[str, Any]], None]] = []

    def note(
        self,
        person: Person,
        *,
        address: str,
        endpoint: str,
        command: str,
        properties: Mapping[str, Any],
        outcome: str,
        reason: str = "",
    ) -> dict[str, Any]:
        """Write one line, and give it back."""
        self._number += 1
        entry = {
            "number": self._number,
            "time": self._wall(),
            "who": person.name,
            "role": person.role.value,
            "address": address,
            "endpoint": endpoint,
            "command": command,
            "properties": without_secrets(properties),
            "outcome": outcome,
            "reason": reason,
        }
        self._entries.appendleft(entry)
        log.info("%s", to_json(entry, fallback=str).decode("utf-8", "replace"))
        for listener in self.listeners:
            listener(entry)
        return entry

    def last(self, count: int = 200) -> list[dict[str, Any]]:
        """Newest first."""
        return list(self._entries)[:count]
