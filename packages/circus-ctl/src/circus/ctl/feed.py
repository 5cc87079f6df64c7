"""Published messages as lines: events for people, log lines for both. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

__all__ = ["LogLine", "event_line", "log_line", "log_topic_prefix", "topic_name"]

Document = dict[str, Any]

_SHOWN_ELSEWHERE: Final = frozenset({"time", "watcher", "seq"})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a worker wrote."""

    watcher: str
    wid: int
    stream: str
    time: float
    data: str
    pid: int | None = None

    @property
    def label(self) -> str:
        return f"{self.watcher}.{self.wid}"

    def document(self) -> Document:
        """As one JSON object."""
        return {
            "watcher": self.watcher,
            "wid": self.wid,
            "pid": self.pid,
            "stream": self.stream,
            "time": self.time,
            "data": self.data,
        }


def topic_name(watcher: str) -> str:
    """A watcher's name as it stands in topics; that of circus.protocol.events, without loading the models."""
    return watcher.lower().replace(" ", "_")


def log_topic_prefix(watcher: str) -> str:
    """What the topics of a watcher's live output start with."""
    return f"log.{topic_name(watcher)}."


def log_line(watcher: str, document: Document) -> LogLine:
    """A line out of a reply or a publication.

    Raises:
        ValueError: it is none.
    """
    try:
        return LogLine(
            watcher,
            int(document["wid"]),
            str(document.get("stream", "stdout")),
            float(document["time"]),
            str(document["data"]).rstrip("\r\n"),
            document.get("pid"),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a log line: {error}") from error


def event_line(topic: bytes, message: bytes) -> tuple[str, str, str, str]:
    """Time, subject, event and details of a published event; never raises."""
    words = topic.decode("utf-8", "replace")
    prefix, _, rest = words.partition(".")
    subject, _, event = rest.rpartition(".") if prefix == "watcher" else ("", "", words)
    try:
        document = json.loads(message)
    except ValueError:
        document = {"data": message.decode("utf-8", "replace")}
    if not isinstance(document, dict):
        document = {"data": document}
    fields = cast("Document", document)
    wall = fields.get("time")
    when = ""
    if isinstance(wall, (int, float)):
        when = datetime.fromtimestamp(wall).astimezone().strftime("%H:%M:%S.%f")[:-3]
    details = " ".join(
        f"{key.removeprefix('process_')}={_short(value)}"
        for key, value in fields.items()
        if key not in _SHOWN_ELSEWHERE and value is not None
    )
    return when, str(fields.get("watcher") or subject or prefix), event, details


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value if value and " " not in value else json.dumps(value)
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
