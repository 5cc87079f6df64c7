"""What a plugin makes of the two frames of an event. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

__all__ = ["HELPERS", "WatcherEvent", "is_helper", "split_topic"]

HELPERS = ("circusd-stats", "circushttpd")


def is_helper(watcher: str) -> bool:
    """Whether circusd runs this watcher for itself: a plugin, the statistics, the console."""
    return watcher.lower().startswith("plugin:") or watcher.lower() in HELPERS


def split_topic(topic: str) -> tuple[str, str]:
    """The watcher, as topics have it, and the event of ``watcher.NAME.EVENT``; the name may hold dots.

    Raises:
        ValueError: it is no such topic.
    """
    kind, _, rest = topic.partition(".")
    name, dot, event = rest.rpartition(".")
    if not kind or not dot:
        raise ValueError(f"{topic!r} is not the topic of an event")
    return name, event


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherEvent:
    """An event of a watcher.

    Args:
        watcher: its real name; as the topic has it, where the message does not say.
        name: ``spawn``, ``reap``, ...
        payload: the message.
    """

    watcher: str
    name: str
    payload: dict[str, Any]

    @classmethod
    def read(cls, data: Sequence[bytes]) -> "WatcherEvent":
        """The event in what `handle_recv` is given.

        Raises:
            ValueError: it is none.
        """
        topic, message = data[0], data[1]
        named, event = split_topic(topic.decode("utf-8", "replace"))
        payload: Any = json.loads(message)
        if not isinstance(payload, dict):
            raise ValueError(f"the message of an event is a JSON object, not {message[:60]!r}")  # noqa: TRY004
        return cls(watcher=str(payload.get("watcher") or named), name=event, payload=payload)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]

    @property
    def pid(self) -> int | None:
        """The worker's pid, where the event is about one."""
        pid = self.payload.get("process_pid")
        return pid if isinstance(pid, int) else None
