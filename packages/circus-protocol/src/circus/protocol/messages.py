"""One model a request. Pure.

On the wire a request is ``{"id": ..., "command": "stop", "properties": {"name": "web"}, "msg_type": "dealer"}``;
here it is `Stop(name="web")`. Properties that a command does not know are ignored, as in the reference.

`waiting` tells two promises apart: without it a reply says that the request was accepted, with it that it is done.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from circus.protocol.values import Args, Boolean, Seconds, SignalNumber

__all__ = [
    "REQUESTS",
    "Add",
    "Audit",
    "Decr",
    "Describe",
    "Dstats",
    "Get",
    "GlobalOptions",
    "Incr",
    "Ipython",
    "Kill",
    "List",
    "ListSockets",
    "Listen",
    "Logs",
    "NumProcessesOf",
    "NumWatchers",
    "OptionsOf",
    "Quit",
    "Reload",
    "ReloadConfig",
    "ReopenLogs",
    "Request",
    "Restart",
    "Rm",
    "Schema",
    "Set",
    "Signal",
    "Start",
    "Stats",
    "Status",
    "Stop",
    "Version",
]

Name = Annotated[str, Field(min_length=1, description="name of a watcher")]
Match = Annotated[
    Literal["simple", "glob", "regex"],
    Field(description="how the name is matched against those of the watchers"),
]
Count = Annotated[int, Field(description="how many", ge=0, le=1_000_000)]


def _pid(value: object) -> object:
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


Pid = Annotated[int, BeforeValidator(_pid), Field(gt=0, le=2**31 - 1, description="process id")]


class Request(BaseModel):
    """What all requests have in common."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    command: ClassVar[str]
    """Its word on the wire."""
    reads_only: ClassVar[bool] = False
    """Whether it changes nothing."""
    discloses: ClassVar[bool] = False
    """Whether the answer is what workers wrote, which may hold secrets."""

    @property
    def open_to_all(self) -> bool:
        """Whether it may be answered to those who may only look."""
        return self.reads_only and not self.discloses

    @property
    def waits(self) -> bool:
        """Whether the reply is to come when the work is done."""
        return bool(getattr(self, "waiting", False))


class _Waiting(Request):
    waiting: Boolean = Field(False, description="answer when it is done, not when it is accepted")


class _Many(_Waiting):
    name: Name | None = Field(None, description="name or pattern; without it, all")
    match: Match = "glob"


class Add(_Waiting):
    """Add a watcher to the running daemon."""

    command = "add"
    name: Name
    cmd: Annotated[str, Field(min_length=1)]
    args: Args | None = None
    options: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="watcher options, flat or nested"
    )
    start: Boolean = Field(False, description="start it at once")


class Rm(_Waiting):
    """Remove a watcher; its workers are stopped unless `nostop` is set."""

    command = "rm"
    name: Name
    nostop: Boolean = Field(False, description="leave its workers running, unwatched")


class Start(_Many):
    """Start watchers."""

    command = "start"


class Stop(_Many):
    """Stop watchers: afterwards nothing of their process trees runs."""

    command = "stop"


class Restart(_Many):
    """Stop watchers, then start them; without a name, everything, sockets included."""

    command = "restart"


class Reload(_Waiting):
    """Replace workers gracefully; without a name those of all watchers, about a quarter at a time."""

    command = "reload"
    name: Name | None = None
    graceful: Boolean = Field(True, description="start new workers before old ones stop; false: stop first")
    sequential: Boolean = Field(False, description="one worker after the other")


class ReloadConfig(_Waiting):
    """Read the configuration file again and apply what differs, all or nothing."""

    command = "reloadconfig"
    dry_run: Boolean = Field(False, description="only answer with the plan")


class Quit(_Waiting):
    """Stop everything, then the daemon."""

    command = "quit"


class Incr(_Waiting):
    """Keep more workers."""

    command = "incr"
    name: Name
    nb: Count = 1


class Decr(_Waiting):
    """Keep fewer workers."""

    command = "decr"
    name: Name
    nb: Count = 1


class Set(_Waiting):
    """Change options of a watcher."""

    command = "set"
    name: Name
    options: dict[str, Any] = Field(description="option names and new values, flat or nested")


class Get(Request):
    """Read some options of a watcher."""

    command = "get"
    reads_only = True
    name: Name
    keys: list[str]


class OptionsOf(Request):
    """Read all options of a watcher."""

    command = "options"
    reads_only = True
    name: Name


class GlobalOptions(Request):
    """Read options of the daemon."""

    command = "globaloptions"
    reads_only = True
    option: str | None = None


class List(Request):
    """Names of the watchers, or pids of one watcher's workers."""

    command = "list"
    reads_only = True
    name: Name | None = None


class ListSockets(Request):
    """The sockets that the daemon holds."""

    command = "listsockets"
    reads_only = True


class NumProcessesOf(Request):
    """How many workers run."""

    command = "numprocesses"
    reads_only = True
    name: Name | None = None


class NumWatchers(Request):
    """How many watchers there are."""

    command = "numwatchers"
    reads_only = True


class Status(Request):
    """The state of one watcher, or of all."""

    command = "status"
    reads_only = True
    name: Name | None = None


class Stats(Request):
    """CPU, memory and more of workers."""

    command = "stats"
    reads_only = True
    name: Name | None = None
    process: Pid | None = Field(None, description="one worker only")
    extended: Boolean = Field(False, description="with what the extended_stats hook adds")


class Dstats(Request):
    """The same of the daemon itself."""

    command = "dstats"
    reads_only = True


class Signal(Request):
    """Send a signal to workers."""

    command = "signal"
    name: Name
    signum: SignalNumber
    pid: Pid | None = Field(None, description="one worker only")
    childpid: Pid | None = Field(None, description="this child of the worker `pid`")
    children: Boolean = Field(False, description="to the children of the workers, not to the workers")
    recursive: Boolean = Field(False, description="to all descendants, too")


class Kill(_Waiting):
    """Stop workers with a signal and SIGKILL after the grace; they are replaced."""

    command = "kill"
    name: Name
    pid: Pid | None = Field(None, description="one worker only")
    signum: SignalNumber | None = Field(None, description="in place of stop_signal")
    graceful_timeout: Seconds | None = Field(None, description="in place of the watcher's")


class Listen(Request):
    """Not a command: subscribe to the pubsub endpoint."""

    command = "listen"
    reads_only = True


class Ipython(Request):
    """Not offered: it would let every peer run code in the daemon."""

    command = "ipython"


class Describe(Request):
    """Everything about one watcher: state, workers, exits and their reasons, counters."""

    command = "describe"
    reads_only = True
    name: Name


class Logs(Request):
    """The last lines that captured workers wrote."""

    command = "logs"
    reads_only = True
    discloses = True
    name: Name
    pid: Pid | None = Field(None, description="one worker only")
    stream: Literal["stdout", "stderr"] | None = Field(None, description="one stream only")
    lines: Annotated[int, Field(ge=0, le=100_000)] = 50
    since: Annotated[float, Field(ge=0)] | None = Field(
        None, description="wall-clock seconds since the epoch"
    )


class ReopenLogs(_Waiting):
    """Open the files of output streams anew, after an external rotation."""

    command = "reopenlogs"
    name: Name | None = None


class Audit(Request):
    """The last changes that were asked for, and by whom."""

    command = "audit"
    reads_only = True
    lines: Annotated[int, Field(ge=0, le=10_000)] = 50


class Version(Request):
    """Version, pid, endpoints and uptime of the daemon."""

    command = "version"
    reads_only = True


class Schema(Request):
    """The JSON Schema of the protocol and of all options."""

    command = "schema"
    reads_only = True


REQUESTS: dict[str, type[Request]] = {
    model.command: model
    for model in (
        Add,
        Audit,
        Decr,
        Describe,
        Dstats,
        Get,
        GlobalOptions,
        Incr,
        Ipython,
        Kill,
        List,
        Listen,
        ListSockets,
        Logs,
        NumProcessesOf,
        NumWatchers,
        OptionsOf,
        Quit,
        Reload,
        ReloadConfig,
        ReopenLogs,
        Restart,
        Rm,
        Schema,
        Set,
        Signal,
        Start,
        Stats,
        Status,
        Stop,
        Version,
    )
}
"""Every command by its word."""
