"""The topics that events are published under; apart from the models, which the daemon itself does not need. Pure."""

__all__ = ["log_topic", "topic_name", "watcher_topic"]


def topic_name(watcher: str) -> str:
    """The name of a watcher as it stands in topics."""
    return watcher.lower().replace(" ", "_")


def watcher_topic(watcher: str, event: str) -> bytes:
    """The topic of a watcher's event."""
    return f"watcher.{topic_name(watcher)}.{event}".encode("utf-8", "backslashreplace")


def log_topic(watcher: str, wid: int, stream: str) -> bytes:
    """The topic of a worker's live output."""
    return f"log.{topic_name(watcher)}.{wid}.{stream}".encode("utf-8", "backslashreplace")
