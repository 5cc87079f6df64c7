"""The shapes of what the API answers, for its OpenAPI document and for clients that want types.

Answers are written from plain dicts; the tests hold them against these models.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Action",
    "BulkReply",
    "BulkRequest",
    "ConnectRequest",
    "DaemonDetail",
    "DaemonView",
    "EndpointView",
    "EventView",
    "ExitSeen",
    "Figures",
    "HealthView",
    "Nothing",
    "OptionView",
    "Problem",
    "SessionView",
    "SignInRequest",
    "SocketSeen",
    "WatcherDetail",
    "WatcherRow",
    "WorkerRow",
]

Number = float | None
Figures = tuple[Number, Number, Number]
"""CPU in per cent of one core, memory in bytes, memory in per cent of the machine; null where nothing is known."""


class View(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(View):
    """Why a request was not done."""

    reason: str
    errno: int | None = Field(
        None, description="the daemon's error number, if it was the daemon that refused"
    )


class SignInRequest(View):
    """A token, or a name and a password."""

    token: str | None = Field(None, max_length=512)
    name: str | None = Field(None, max_length=256)
    password: str | None = Field(None, max_length=1024)


class Nothing(BaseModel):
    """A request without properties."""


class SessionView(View):
    """Who is signed in."""

    name: str
    role: Literal["viewer", "operator"]
    version: str


class ConnectRequest(View):
    """A daemon to follow."""

    endpoint: str = Field(max_length=1024, pattern=r"^(tcp|ipc)://\S+$")


class EndpointView(View):
    """An address that may be connected to."""

    id: str
    endpoint: str
    connected: bool


class DaemonView(View):
    """One daemon."""

    id: str
    endpoint: str
    state: Literal["connecting", "alive", "dead"]
    reason: str
    since: float = Field(description="wall-clock seconds since the epoch")
    version: str | None
    pid: int | None
    uptime: float | None
    offers_logs: bool
    offers_plan: bool
    stats: bool = Field(description="whether it publishes CPU and memory")
    check_delay: float | None
    pubsub_endpoint: str | None
    stats_endpoint: str | None


class ExitSeen(BaseModel):
    """How and why a process ended."""

    model_config = ConfigDict(frozen=True, extra="allow")

    time: float | None = None
    pid: int | None = None
    wid: int | None = None
    why: str | None = None
    exit: str | None = None
    exit_code: int | None = None
    lifetime: float | None = None


class WatcherRow(View):
    """One watcher."""

    name: str
    kind: Literal["watcher", "plugin", "system"]
    state: str
    level: Literal["good", "warn", "bad", "off", "unknown"]
    why: str
    wanted: int | None
    running: int
    restarts: int
    last_exit: ExitSeen | None
    cmd: str
    singleton: bool
    use_sockets: bool | str | list[str]
    captured: bool


class WorkerRow(View):
    """One process of a watcher."""

    pid: int | None
    wid: int | None
    state: str
    age: float | None
    restarts: int
    last_exit: ExitSeen | None
    why: str | None = Field(description="why it was started, where the daemon says so")
    error: str = Field(description="why it could not be started; empty if it could")
    cpu: float | None
    memory: int | None
    percent: float | None
    cmdline: str | None
    username: str | None
    history: dict[str, list[float | None]] | None = Field(
        None, description="cpu and memory, one a second, the last one now; null where nothing is known"
    )


class WatcherDetail(View):
    """One watcher with its processes and exits."""

    name: str
    workers: list[WorkerRow]
    exits: list[ExitSeen]
    lost_bytes: int = Field(description="of output, so far")
    output_error: str = Field(description="why output was lost last; empty if none was")
    history: dict[str, list[float | None]] | None = Field(
        None, description="cpu and memory, one a second, the last one now; null where nothing is known"
    )
    row: WatcherRow
    figures: Figures


class SocketSeen(BaseModel):
    """One socket that a daemon holds."""

    model_config = ConfigDict(frozen=True, extra="allow")

    fd: int
    name: str
    users: list[str] = Field(description="watchers that are handed it")
    hits: int | None = Field(description="connections within the last interval, where it is known")


class EventView(View):
    """One event."""

    number: int
    time: float | None
    watcher: str | None
    event: str
    text: str
    fields: dict[str, Any]


class DaemonDetail(DaemonView):
    """One daemon with its watchers."""

    watchers: list[WatcherRow]
    figures: dict[str, Figures]


class BulkRequest(View):
    """One command for many watchers."""

    command: Literal["start", "stop", "restart", "reload", "incr", "decr", "rm"]
    names: list[str] = Field(min_length=1, max_length=10_000)
    properties: dict[str, Any] = Field(default_factory=dict[str, Any])


class BulkReply(View):
    """What became of each."""

    done: list[str]
    refused: dict[str, str]


class Action(View):
    """One line of the audit list."""

    number: int
    time: float
    who: str
    role: str
    address: str
    endpoint: str
    command: str
    properties: dict[str, Any]
    outcome: Literal["ok", "refused"]
    reason: str


class OptionView(View):
    """One option of watchers."""

    name: str
    type: str
    default: Any
    doc: str
    change: str
    unit: str | None = None


class HealthView(View):
    """Whether all is well."""

    status: Literal["ok", "failing"]
    daemons: int
    problems: int
    reasons: list[str] | None = Field(None, description="for those who are signed in")
