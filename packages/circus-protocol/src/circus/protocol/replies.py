"""One model a reply, for clients that want types. Pure.

A daemon writes replies from plain dicts (encoding them is then four times cheaper); the tests hold each of them
against these models. Keys beside the listed ones are kept.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "REPLIES",
    "DescribeReply",
    "DstatsReply",
    "ErrorReply",
    "ExitView",
    "ListPidsReply",
    "ListSocketsReply",
    "ListWatchersReply",
    "LogLine",
    "LogsReply",
    "NumProcessesReply",
    "NumWatchersReply",
    "OkReply",
    "OptionsReply",
    "ProcessInfo",
    "ProcessStatsReply",
    "Reply",
    "SocketView",
    "StatsReply",
    "StatusReply",
    "StatusesReply",
    "VersionReply",
    "WatcherStatsReply",
    "WorkerView",
]


class Reply(BaseModel):
    """What all replies have in common."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    status: str
    """``ok`` or ``error``; for `status` of one watcher, its state."""
    time: float | None = None
    """Wall-clock seconds since the epoch."""
    id: Any = None


class ErrorReply(Reply):
    """A request that was refused, or failed."""

    status: str = Field("error", pattern="^error$")
    reason: str
    tb: str | None = None
    """Always null here; the traceback is in the daemon's log."""
    errno: int = 0


class OkReply(Reply):
    """Accepted; or, with `waiting`, done."""

    status: str = Field("ok", pattern="^ok$")
    info: Any = None
    """With `waiting`: what was done, as pids by watcher."""


class ListWatchersReply(OkReply):
    watchers: list[str]


class ListPidsReply(OkReply):
    pids: list[int]


class NumProcessesReply(OkReply):
    numprocesses: int
    watcher_name: str | None = None


class NumWatchersReply(OkReply):
    numwatchers: int


class OptionsReply(OkReply):
    options: dict[str, Any]


class StatusReply(Reply):
    """The state of one watcher: active, starting, stopping, stopped, backoff or failed."""


class StatusesReply(OkReply):
    statuses: dict[str, str]


class ProcessInfo(BaseModel):
    """CPU, memory and more of one process, as the reference formats them."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    pid: int
    cmdline: str
    username: str
    nice: int
    mem_info1: str
    mem_info2: str
    cpu: float | str
    mem: float | str
    ctime: str
    create_time: float | str
    age: float = 0.0
    children: list["ProcessInfo"] = Field(default_factory=list["ProcessInfo"])


class StatsReply(OkReply):
    infos: dict[str, dict[str, ProcessInfo | str]]


class WatcherStatsReply(OkReply):
    name: str
    info: dict[str, ProcessInfo | str] = Field(default_factory=dict[str, ProcessInfo | str])


class ProcessStatsReply(OkReply):
    process: int


class DstatsReply(OkReply):
    info: ProcessInfo | None = None


class SocketView(BaseModel):
    """One bound socket."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    fd: int
    name: str
    backlog: int
    host: str | None = None
    port: int | None = None
    path: str | None = None


class ListSocketsReply(OkReply):
    sockets: list[SocketView]


class ExitView(BaseModel):
    """How and why one worker ended."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    time: float
    pid: int | None = None
    wid: int
    why: str
    exit: str
    exit_code: int | None = None
    lifetime: float | None = None


class WorkerView(BaseModel):
    """One slot of a watcher and what is in it."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    wid: int
    pid: int | None = None
    state: str
    age: float | None = None
    restarts: int = 0
    last_exit: ExitView | None = None


class DescribeReply(OkReply):
    """Everything about one watcher."""

    name: str
    state: str
    wanted: int
    running: int
    workers: list[WorkerView]
    exits: list[ExitView]


class LogLine(BaseModel):
    """One line that a worker wrote."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    time: float
    wid: int
    pid: int
    stream: Literal["stdout", "stderr"]
    data: str


class LogsReply(OkReply):
    lines: list[LogLine]


class VersionReply(OkReply):
    version: str
    pid: int
    uptime: float
    endpoint: str
    pubsub_endpoint: str
    stats_endpoint: str | None = None
    curve_endpoint: str | None = None
    curve_pubsub_endpoint: str | None = None


REPLIES: dict[str, tuple[type[Reply], ...]] = {
    "list": (ListWatchersReply, ListPidsReply),
    "numprocesses": (NumProcessesReply,),
    "numwatchers": (NumWatchersReply,),
    "options": (OptionsReply,),
    "get": (OptionsReply,),
    "globaloptions": (OptionsReply,),
    "status": (StatusesReply, StatusReply),
    "stats": (StatsReply, WatcherStatsReply, ProcessStatsReply),
    "dstats": (DstatsReply,),
    "listsockets": (ListSocketsReply,),
    "describe": (DescribeReply,),
    "logs": (LogsReply,),
    "version": (VersionReply,),
}
"""What the reply to a command can be; `OkReply` for those that are not listed, `ErrorReply` for all."""
