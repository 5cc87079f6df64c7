"""A subscriber to what circusd-stats publishes."""

import json
from collections.abc import Iterator
from typing import Any

import zmq

from circus.consumer import CircusConsumer
from circus.protocol.endpoints import DEFAULT_STATS_ENDPOINT

__all__ = ["StatsClient", "split_topic"]


def split_topic(topic: str, frame: dict[str, Any]) -> tuple[str, str | None]:
    """Watcher and subtopic (a pid, or a descriptor), whatever the watcher's name holds. Pure."""
    rest = topic.partition(".")[2]
    head, dot, tail = rest.rpartition(".")
    subtopic = frame.get("subtopic")
    if dot and subtopic is not None and tail == str(subtopic):
        return head, tail
    return rest, None


class StatsClient(CircusConsumer):
    """Iterates over ``(watcher, subtopic, stat)``: the subtopic is a pid as text, or None for the sum of a watcher.

    Args:
        endpoint: where circusd-stats publishes.
        ssh_server: ``user@host:port`` to go through.
        context: a ZeroMQ context; it stays the caller's.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_STATS_ENDPOINT,
        ssh_server: str | None = None,
        context: "zmq.Context[Any] | None" = None,
    ) -> None:
        super().__init__(["stat."], context, endpoint, ssh_server)

    def iter_messages(self) -> Iterator[tuple[str, str | None, dict[str, Any]]]:  # type: ignore[override]  # three, as in the reference
        """Until `stop`."""
        for topic, message in super().iter_messages():
            frame = json.loads(message)
            watcher, subtopic = split_topic(topic.decode("utf-8", "replace"), frame)
            yield watcher, subtopic, frame
