"""One model an event, and the topics they are published under. Pure.

An event is two frames: the topic ``watcher.<name>.<event>`` and a JSON object. The name is lower-cased and blanks
become underscores, as in the reference; `watcher` holds the real one. Live output is published under
``log.<name>.<wid>.<stream>`` while somebody subscribes to a topic that starts with ``log.``.
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from circus.protocol.topics import log_topic, topic_name, watcher_topic

__all__ = [
    "EVENTS",
    "ArbiterEvent",
    "Event",
    "log_topic",
    "topic_name",
    "watcher_topic",
]


class Event(BaseModel):
    """What all events have in common."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    event: ClassVar[str]

    time: float
    """Wall-clock seconds since the epoch."""
    watcher: str | None = None
    """The real name of the watcher."""
    seq: int | None = None
    """Counts up by one with each event of this daemon: a gap tells a subscriber that it was too slow."""


class ArbiterEvent(Event):
    """The daemon itself: topic ``arbiter.<event>``."""


class Start(Event):
    """A watcher was started."""

    event = "start"


class Stop(Event):
    """A watcher was stopped: nothing of it runs any more."""

    event = "stop"
    why: str | None = None


class Spawn(Event):
    """A worker was started."""

    event = "spawn"
    process_pid: int
    wid: int | None = None
    why: str | None = None
    """start, scale, crash, exit, max_age, reload, restart, command, on_demand"""


class Reap(Event):
    """A worker ended."""

    event = "reap"
    process_pid: int
    exit_code: int | None = None
    """Its exit code, or minus the signal that ended it."""
    wid: int | None = None
    signal: str | None = None
    why: str | None = None
    """crash, exit, command, max_age, reload, restart, scale, stop, shutdown"""
    lifetime: float | None = None
    """Seconds that it ran."""


class Kill(Event):
    """A signal is sent to a worker to end it."""

    event = "kill"
    process_pid: int
    wid: int | None = None
    signal: str | None = None


class Reload(Event):
    """The workers of a watcher were replaced."""

    event = "reload"


class Updated(Event):
    """Options of a watcher were set."""

    event = "updated"
    options: list[str] | None = None
    """Names of the options that changed; none when they already were as they were set."""


class Add(Event):
    """A watcher was added."""

    event = "add"


class Remove(Event):
    """A watcher was removed."""

    event = "remove"


class HookSuccess(Event):
    """A hook returned."""

    event = "hook_success"
    name: str
    result: Any = None


class HookFailure(Event):
    """A hook raised."""

    event = "hook_failure"
    name: str
    error: str


class Backoff(Event):
    """A worker died too soon, again; the next try waits."""

    event = "backoff"
    wid: int | None = None
    attempt: int
    wait: float = Field(description="seconds until the next try")
    reason: str
    """The last exit, or what a start failed at."""


class Failed(Event):
    """A watcher used up its restarts and is left alone."""

    event = "failed"
    reason: str
    last_lines: list[str] = Field(default_factory=list[str])
    retry_at: float | None = None
    """Wall-clock time of the next slow try, if there is one."""


class Stuck(Event):
    """A worker was killed and will not die: it waits in the kernel. It is watched, and blocks nothing."""

    event = "stuck"
    process_pid: int
    wid: int | None = None
    pids: list[int] = Field(default_factory=list[int], description="who of its tree is left")


class OutputLost(Event):
    """Output of a worker could not be written; what was dropped is counted."""

    event = "output_lost"
    process_pid: int | None = None
    stream: str
    dropped: int
    """Bytes, since the last event of this kind."""
    error: str


class OutputResumed(Event):
    """Output is written again."""

    event = "output_resumed"
    process_pid: int | None = None
    stream: str
    dropped: int


EVENTS: dict[str, type[Event]] = {
    model.event: model
    for model in (
        Add,
        Backoff,
        Failed,
        HookFailure,
        HookSuccess,
        Kill,
        OutputLost,
        OutputResumed,
        Reap,
        Reload,
        Remove,
        Spawn,
        Start,
        Stop,
        Stuck,
        Updated,
    )
}
"""Every event of a watcher by its word."""
