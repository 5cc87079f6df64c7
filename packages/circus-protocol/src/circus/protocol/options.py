"""Every option, once: type, default, unit, doc, and what changing it on a running daemon takes. Pure.

These models feed the ini and TOML readers, the wire (`add`, `set`, `options`), the command line, the manual
and the JSON Schema. An instance is frozen: a change makes a new one.

Illegal states: a singleton with more than one process; `copy_path` without `copy_env`; a socket with both a
path and a port asked for; a file mode or signal that is still text.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from circus.protocol.endpoints import DEFAULT_ENDPOINT, DEFAULT_PUBSUB_ENDPOINT, DEFAULT_STATS_ENDPOINT
from circus.protocol.values import (
    Args,
    Boolean,
    EnvMapping,
    IntegerText,
    LimitValue,
    Mode,
    NumProcesses,
    Principal,
    Seconds,
    SeparatedWords,
    SignalNumber,
    SocketConstant,
    UseSockets,
    parse_bool,
)

__all__ = [
    "FLAPPING_OPTIONS",
    "HOOK_NAMES",
    "IGNORED_HOOK_FAILURES",
    "OBSOLETE_OPTIONS",
    "ArbiterOptions",
    "Change",
    "HookOptions",
    "PluginOptions",
    "SocketOptions",
    "StreamOptions",
    "WatcherOptions",
    "change_of",
    "is_watcher_option",
    "nest",
]

HOOK_NAMES = (
    "before_start",
    "after_start",
    "before_spawn",
    "after_spawn",
    "before_stop",
    "after_stop",
    "before_signal",
    "after_signal",
    "before_reap",
    "after_reap",
    "extended_stats",
)
"""Every hook, in the order of a worker's life."""

IGNORED_HOOK_FAILURES = frozenset(
    {"before_stop", "after_stop", "before_signal", "after_signal", "extended_stats"}
)
"""Hooks whose failure never holds anything up, whatever their flag says."""

OBSOLETE_OPTIONS: Mapping[str, str] = {
    "stream_backend": "output needs no backend any more",
    "prereload_fn": "use the before_spawn hook",
    "retry_in": "the pause between tries follows from backoff_initial and backoff_max",
    "refresh_time": "output is moved when it arrives",
    "check_flapping": "a crash loop backs off by itself; see max_restarts",
}
"""Options of old configurations that are accepted, warned about and without effect."""

FLAPPING_OPTIONS = frozenset(
    f"flapping.{name}" for name in ("attempts", "window", "retry_in", "max_retry", "active")
)
"""Options of a watcher that the plugin of that name reads."""


class Change(Enum):
    """What it takes for a new value of an option to hold."""

    LIVE = "live"
    """At once; running workers stay."""
    RELOAD = "reload"
    """Workers are replaced gracefully."""
    RESTART = "restart"
    """The daemon has to be restarted."""


def _option(change: Change, default: Any, doc: str, *, unit: str | None = None, **more: Any) -> Any:
    extra: dict[str, Any] = {"change": change.value}
    if unit is not None:
        extra["unit"] = unit
    return Field(default, description=doc, json_schema_extra=extra, **more)


def live(default: Any, doc: str, *, unit: str | None = None, **more: Any) -> Any:
    """An option whose new value holds at once."""
    return _option(Change.LIVE, default, doc, unit=unit, **more)


def reload(default: Any, doc: str, *, unit: str | None = None, **more: Any) -> Any:
    """An option whose new value needs new workers."""
    return _option(Change.RELOAD, default, doc, unit=unit, **more)


def restart(default: Any, doc: str, *, unit: str | None = None, **more: Any) -> Any:
    """An option that is read once, at start."""
    return _option(Change.RESTART, default, doc, unit=unit, **more)


class Options(BaseModel):
    """What all options have in common: frozen, and nothing unknown passes unless a model says so."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class HookOptions(Options):
    """One hook: what to call, and whether its failure is ignored."""

    target: Any = Field(description="dotted name of a callable, or (from the library) the callable itself")
    ignore_failure: Boolean = Field(
        False, description="go on when the hook fails; a hook that returns False is obeyed all the same"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """``pkg.mod.func``, ``pkg.mod.func,true``, (target, flag), or a callable."""
        if isinstance(value, str):
            target, _, flag = value.partition(",")
            return {"target": target.strip(), "ignore_failure": parse_bool(flag) if flag.strip() else False}
        if isinstance(value, (list, tuple)):
            parts: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
            if len(parts) in {1, 2}:
                return {"target": parts[0], "ignore_failure": parts[1] if len(parts) == 2 else False}
        return {"target": value, "ignore_failure": False} if callable(value) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    @field_validator("target")
    @classmethod
    def _is_callable_or_name(cls, value: Any) -> Any:
        if callable(value) or (isinstance(value, str) and "." in value.strip(".")):
            return value
        raise ValueError(f"{value!r} is neither callable nor the dotted name of a callable")


class StreamOptions(Options):
    """Where the output of workers goes. Keys that are not listed are keywords of the stream's class."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True, populate_by_name=True)

    class_: str | None = live(
        None,
        "FileStream, WatchedFileStream, TimedRotatingFileStream, QueueStream, StdoutStream, FancyStdoutStream,"
        " or the dotted name of a class",
        alias="class",
    )
    stream: Any = live(
        None, "from the library: a callable that is given {'data', 'pid', 'name'}", exclude=True
    )

    @property
    def keywords(self) -> dict[str, Any]:
        """What the stream's class is constructed with."""
        return dict(self.model_extra or {})

    @property
    def written(self) -> dict[str, Any]:
        """The mapping that it was made of."""
        own = {"class": self.class_, "stream": self.stream}
        return {**{name: value for name, value in own.items() if value is not None}, **self.keywords}

    @property
    def configured(self) -> bool:
        """Whether any stream is asked for at all."""
        return self.class_ is not None or self.stream is not None or bool(self.model_extra)


_NO_STREAM = StreamOptions()


class WatcherOptions(Options):
    """The options of one watcher: ``[watcher:NAME]``, `add`, `set`, and the keywords of `Watcher`.

    Options that are not listed are kept as they came and can be read back.
    """

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)

    cmd: str = reload(
        "", "the program to run; $(circus.wid), $(circus.sockets.NAME) and $(circus.env.NAME) are replaced"
    )
    args: Args | None = reload(None, "arguments for cmd, as text to be split like a shell does, or as a list")
    executable: str | None = reload(
        None, "the file to run in place of the first word of cmd, which stays its argv[0]"
    )
    numprocesses: NumProcesses = live(1, "how many workers to keep; auto is one a CPU that we may use")
    warmup_delay: Seconds = live(0.0, "pause between the starts of two workers", unit="s")
    working_dir: str | None = reload(None, "the working directory of the workers; default: that of circusd")
    shell: Boolean = reload(False, "run cmd through /bin/sh -c")
    shell_args: Args | None = reload(None, "words for the shell after the command: $0, $1, ...")
    uid: Principal = reload(None, "user name or number to run as")
    gid: Principal = reload(None, "group name or number to run as")
    env: EnvMapping = reload({}, "environment variables of the workers")
    copy_env: Boolean = reload(False, "start from the environment of circusd; env is put on top")
    copy_path: Boolean = reload(False, "hand Python's sys.path down as PYTHONPATH; needs copy_env")
    virtualenv: str | None = reload(None, "a virtual environment whose programs and packages come first")
    virtualenv_py_ver: str | None = reload(None, "Python version of that environment, such as 3.11")
    rlimits: dict[str, LimitValue] = reload({}, "limits as setrlimit(2), soft and hard: rlimit_nofile = 1024")
    stdout_stream: StreamOptions = live(
        _NO_STREAM, "where standard output goes; default: where circusd's own goes"
    )
    stderr_stream: StreamOptions = live(
        _NO_STREAM, "where standard error goes; default: where circusd's own goes"
    )
    stdin_socket: str | None = reload(None, "the name of a socket to hand down as standard input")
    close_child_stdin: Boolean = reload(True, "standard input is /dev/null")
    close_child_stdout: Boolean = reload(False, "standard output is /dev/null")
    close_child_stderr: Boolean = reload(False, "standard error is /dev/null")
    send_hup: Boolean = live(False, "reload by SIGHUP to the workers, not by new ones")
    stop_signal: SignalNumber = live(15, "the signal that asks a worker to stop")
    stop_children: Boolean = live(False, "send that signal to all of the worker's descendants, too")
    graceful_timeout: Seconds = live(30.0, "time between stop_signal and SIGKILL for what is left", unit="s")
    max_retry: IntegerText = live(
        5, "tries of one failing start before the watcher is failed; -1: no limit", ge=-1
    )
    respawn: Boolean = live(True, "replace a worker that exits")
    autostart: Boolean = live(True, "start with circusd")
    on_demand: Boolean = live(False, "start when somebody connects to one of its sockets")
    priority: IntegerText = live(0, "watchers start from the highest to the lowest, and stop the other way")
    singleton: Boolean = live(False, "never more than one worker")
    use_sockets: UseSockets = reload(False, "hand down the sockets: all of them, or those named")
    max_age: Seconds = live(0.0, "replace a worker at this age; 0: never", unit="s")
    max_age_variance: Seconds = live(30.0, "a random time up to this is added to max_age", unit="s")
    hooks: dict[str, HookOptions] = live(
        {}, "functions to call: hooks.before_start = package.module.function"
    )
    stable_after: Seconds = live(1.0, "a worker that ran this long has started well", unit="s")
    backoff_initial: Seconds = live(0.1, "first pause of a crash loop; it doubles at each try", unit="s")
    backoff_max: Seconds = live(30.0, "longest pause of a crash loop", unit="s")
    max_restarts: Annotated[int | None, Field(ge=0)] = live(
        None,
        "restarts that nobody asked for within restart_window before the watcher is failed; default: no limit",
    )
    restart_window: Seconds = live(60.0, "the time in which max_restarts counts", unit="s")
    retry_after: Seconds = live(0.0, "try a failed watcher again after this; 0: not by itself", unit="s")
    on_failure: Literal["keep", "shutdown"] = live(
        "keep", "when the watcher is failed: keep circusd running, or shut it down with a non-zero exit"
    )
    parent_death_signal: SignalNumber | None = reload(
        None, "the signal that workers get when circusd dies (Linux)"
    )
    tail_lines: Annotated[IntegerText, Field(ge=0, le=100_000)] = live(
        200, "last lines of each captured worker that are kept in memory"
    )

    @field_validator("numprocesses")
    @classmethod
    def _check_count(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{value} is not a number of processes; write 0 or more, or auto")
        if isinstance(value, str) and value != "auto":
            raise ValueError(f"{value!r} is not a number of processes; write a number, or auto")
        return value

    @field_validator("stdout_stream", "stderr_stream", mode="before")
    @classmethod
    def _stream_from(cls, value: Any) -> Any:
        if value is None:
            return StreamOptions()
        return {"stream": value} if callable(value) else value

    @field_validator("hooks", "rlimits", "env", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("hooks")
    @classmethod
    def _known_hooks(cls, value: dict[str, HookOptions]) -> dict[str, HookOptions]:
        for name in value:
            if name not in HOOK_NAMES:
                raise ValueError(f"there is no hook {name!r}; hooks are {', '.join(HOOK_NAMES)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.singleton and isinstance(self.numprocesses, int) and self.numprocesses > 1:
            raise ValueError(f"a singleton watcher has one process, not {self.numprocesses}")
        if self.copy_path and not self.copy_env:
            raise ValueError("copy_path needs copy_env: set both to true")
        return self

    @property
    def unknown(self) -> dict[str, Any]:
        """Options that are not ours: kept, shown, given to hooks and plugins."""
        return dict(self.model_extra or {})

    @property
    def given(self) -> dict[str, Any]:
        """What was written, unknown options included, and nothing that is a mere default."""
        return {**{name: getattr(self, name) for name in self.model_fields_set}, **self.unknown}

    def changed(self, changes: Mapping[str, Any]) -> "WatcherOptions":
        """These options with new values laid over them.

        Args:
            changes: by name, flat (``stdout_stream.filename``) or nested; a flat name changes one key of a stream, of
                the hooks or of the limits, and leaves the others. Text is converted as everywhere.

        Raises:
            pydantic.ValidationError: a value is not allowed.
        """
        merged = self.given
        for name, value in nest(changes).items():
            whole = name in changes
            if not whole and name in {"hooks", "rlimits"}:
                merged[name] = {**merged.get(name, {}), **value}
            elif not whole and name in {"stdout_stream", "stderr_stream"}:
                merged[name] = {**getattr(self, name).written, **value}
            else:
                merged[name] = value
        return WatcherOptions.model_validate(merged)


class SocketOptions(Options):
    """The options of one socket: ``[socket:NAME]``. It is bound by circusd and handed down to workers."""

    host: str | None = restart(None, "address or name to bind to; default: localhost")
    port: Annotated[int | None, Field(ge=0, le=65535)] = restart(
        None, "port to bind to; 0 lets the system choose; default: 8080"
    )
    path: str | None = restart(None, "path of a unix socket, in place of host and port")
    family: Annotated[int | None, SocketConstant("AF_")] = restart(
        None, "AF_INET, AF_INET6 or AF_UNIX; default: AF_INET"
    )
    type: Annotated[int | None, SocketConstant("SOCK_")] = restart(
        None, "SOCK_STREAM, SOCK_DGRAM, ...; default: SOCK_STREAM"
    )
    proto: Annotated[IntegerText | None, Field(ge=0)] = restart(None, "protocol number; default: 0")
    interface: str | None = restart(None, "network interface to bind to (Linux)")
    umask: Mode | None = restart(None, "file mode creation mask for a unix socket, in octal")
    replace: Boolean = restart(False, "remove a left-over file at path before binding")
    so_reuseport: Boolean = restart(False, "each worker binds a socket of its own with SO_REUSEPORT")
    blocking: Boolean = restart(False, "leave the socket in blocking mode")
    backlog: Annotated[IntegerText, Field(ge=0)] = restart(
        2048, "length of the queue of connections not yet accepted"
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.path is not None and self.port is not None:
            raise ValueError("a socket has a path, or a host and a port, not both")
        return self


class PluginOptions(Options):
    """The options of one plugin: ``[plugin:NAME]``. Those that are not listed are handed to the plugin as text."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)

    use: str = restart(..., "dotted name of the plugin's class")
    priority: IntegerText = restart(1, "when it is started among the watchers")

    @property
    def config(self) -> dict[str, Any]:
        """What is handed to the plugin."""
        return dict(self.model_extra or {})


class ArbiterOptions(Options):
    """The options of the daemon: ``[circus]``."""

    endpoint: str = restart(DEFAULT_ENDPOINT, "where commands are received")
    pubsub_endpoint: str = restart(DEFAULT_PUBSUB_ENDPOINT, "where events are published")
    stats_endpoint: str | None = restart(
        None, f"where statistics are published; default: {DEFAULT_STATS_ENDPOINT}"
    )
    multicast_endpoint: str | None = restart(
        None, "udp:// address at which discovery is answered; default: not at all"
    )
    endpoint_owner: str | None = restart(None, "a user who may command this daemon, beside its own and root")
    auth: Literal["local", "legacy"] = restart(
        "local",
        "who may command: circusd's own user and root; or, as in old versions, everybody who can connect",
    )
    allow_remote: Boolean = restart(
        False, "listen on an address that other machines can reach, and obey everybody there, without keys"
    )
    curve_endpoint: str | None = restart(
        None, "where commands of those with a key are received (CURVE); may be reached from other machines"
    )
    curve_pubsub_endpoint: str | None = restart(
        None, "where events are published to those with a key (CURVE)"
    )
    curve_dir: str | None = restart(
        None,
        "folder of the keys, made by circusctl auth init; default: /etc/circus/keys for root,"
        " ~/.config/circus/keys for others",
    )
    check_delay: float = live(5.0, "accepted for compatibility; nothing waits for it", unit="s")
    warmup_delay: Seconds = live(0.0, "pause between the starts of two watchers", unit="s")
    statsd: Boolean = restart(False, "run circusd-stats")
    statsd_close_outputs: Boolean = restart(False, "send the output of circusd-stats to /dev/null")
    httpd: Boolean = restart(False, "run circushttpd, the web console")
    httpd_host: str = restart("localhost", "address of the web console")
    httpd_port: Annotated[IntegerText, Field(ge=0, le=65535)] = restart(8080, "port of the web console")
    httpd_close_outputs: Boolean = restart(False, "send the output of circushttpd to /dev/null")
    include: SeparatedWords = live((), "more configuration files; patterns allowed; relative to this file")
    include_dir: SeparatedWords = live((), "folders whose *.ini files are read, too")
    pidfile: str | None = restart(None, "file that holds the pid of circusd")
    umask: Mode | None = restart(None, "file mode creation mask of circusd, in octal")
    loglevel: str | None = restart(None, "debug, info, warning, error or critical")
    logoutput: str | None = restart(None, "a file, - for standard error, or syslog://HOST:PORT?FACILITY")
    loggerconfig: Any = restart(
        None, "file with a logging configuration: ini, JSON or YAML; from the library: a mapping"
    )
    debug: Boolean = restart(False, "log more, and show the output of circusd's own helpers")
    debug_gc: Boolean = restart(
        False,
        "let the garbage collector of Python report what it finds, to standard error; it keeps all garbage then",
    )
    fqdn_prefix: str | None = restart(None, "prefix of this daemon's name, before an @ and the host's name")
    proc_name: str = restart("circusd", "name of this daemon in what it tells of itself: `version`")
    ssh_server: str | None = restart(None, "user@host:port through which circusd's own helpers reach it")
    capture: Boolean = restart(False, "capture the output of workers without a stream, and pass it on")


def change_of(model: type[Options], name: str) -> Change:
    """What it takes for a new value of an option to hold; unknown and dotted names are judged by their head.

    >>> change_of(WatcherOptions, "cmd").value
    'reload'
    >>> change_of(WatcherOptions, "stdout_stream.filename").value
    'live'
    """
    head = name.split(".", 1)[0]
    if name.startswith("rlimit_"):
        head = "rlimits"
    info = model.model_fields.get(head)
    extra = info.json_schema_extra if info is not None else None
    return Change(cast("dict[str, str]", extra)["change"]) if isinstance(extra, dict) else Change.LIVE


def is_watcher_option(name: str) -> bool:
    """Whether a flat or nested name is an option of watchers that we know.

    >>> is_watcher_option("stdout_stream.filename"), is_watcher_option("rlimit_nofile"), is_watcher_option("color")
    (True, True, False)
    """
    head, dot, rest = name.partition(".")
    if dot:
        return (head in {"stdout_stream", "stderr_stream"} and bool(rest)) or (
            head == "hooks" and rest in HOOK_NAMES
        )
    if name.startswith("rlimit_"):
        return True
    return name in WatcherOptions.model_fields or name in OBSOLETE_OPTIONS


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The nested form of flat option names: ``stdout_stream.class``, ``hooks.before_start``, ``rlimit_nofile``.

    What is already nested stays, and flat names are laid over it.
    """
    nested: dict[str, Any] = {
        name: dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for name, value in flat.items()
        if _group_of(name) is None
    }
    for name, value in flat.items():
        group = _group_of(name)
        if group is not None:
            head, rest = group
            if not isinstance(nested.get(head), dict):
                nested[head] = {}
            nested[head][rest] = value
    return nested


def _group_of(name: str) -> tuple[str, str] | None:
    """The mapping that a flat name belongs into, and its key there."""
    if name.startswith("rlimit_"):
        return "rlimits", name.removeprefix("rlimit_")
    head, dot, rest = name.partition(".")
    return (head, rest) if dot and head in {"stdout_stream", "stderr_stream", "hooks"} else None
