"""The frames that circusd-stats publishes. Pure.

Topics: ``stat.<watcher>.<pid>`` a worker, ``stat.<watcher>`` its sum, ``stat.circus.<pid>`` the daemon and its
helpers, ``stat.sockets.<fd>`` a socket, ``table.<watcher>`` all workers of a watcher in one message, for displays of many.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["ProcessFrame", "SocketFrame", "TableFrame", "WatcherFrame", "stat_topic", "table_topic"]


def stat_topic(group: str, subtopic: int | None = None) -> bytes:
    """The topic of a frame."""
    text = f"stat.{group}" if subtopic is None else f"stat.{group}.{subtopic}"
    return text.encode("utf-8", "backslashreplace")


def table_topic(watcher: str) -> bytes:
    """The topic of a table."""
    return f"table.{watcher}".encode("utf-8", "backslashreplace")


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    name: str | None = None


class ProcessFrame(_Frame):
    """One process, one tick."""

    pid: int
    cpu: float | str
    """Per cent of one core."""
    mem: float | str
    """Per cent of the machine's memory."""
    age: float
    """Seconds."""
    wid: int | None = None
    subtopic: int | None = None


class WatcherFrame(_Frame):
    """The sum over one watcher's workers."""

    pid: list[int]
    cpu: float | str
    mem: float | str
    age: float


class SocketFrame(_Frame):
    """One socket."""

    address: str
    fd: int
    reads: int


class TableFrame(BaseModel):
    """All workers of one watcher, one tick."""

    model_config = ConfigDict(frozen=True, extra="allow")

    watcher: str
    status: str
    restarts: int
    time: float
    """Wall-clock seconds since the epoch."""
    uptime: float
    """Seconds since boot; less the column `started`, it is the age of each."""
    count: int
    """Rows."""
    columns: dict[str, list[Any] | Any]
    """By name: a value for each row, or one for all; names and units are those of `ProcessFrame` and its extra keys."""
