"""What happens in a watcher, as values: the domain events that its owner publishes. Pure.

They carry no wall-clock time: whoever turns them into messages stamps them as they come, which is at once.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import final

from circus.process.exits import ExitStatus

__all__ = [
    "BackedOff",
    "Event",
    "Failed",
    "HookFailed",
    "HookSucceeded",
    "Killed",
    "OutputLost",
    "OutputResumed",
    "Reaped",
    "Reloaded",
    "Spawned",
    "Started",
    "Stopped",
    "Stuck",
    "Updated",
    "Why",
]


class Why(Enum):
    """The reason of a spawn, a stop or an exit."""

    CRASH = "crash"
    """It ended by itself with a code other than 0, or by a signal that we did not send."""
    EXIT = "exit"
    """It ended by itself with code 0."""
    COMMAND = "command"
    """An operator asked: start, stop, restart, kill."""
    MAX_AGE = "max_age"
    RELOAD = "reload"
    SCALE = "scale"
    """The number of wanted workers changed."""
    HOOK = "hook"
    """A hook returned False."""
    SPAWN_FAILED = "spawn_failed"
    """An earlier try to start it failed."""
    DAEMON_STOP = "daemon_stop"
    ON_DEMAND = "on_demand"
    """Somebody connected to its socket."""
    RETRY = "retry"
    """It had given up and tries again after `retry_after`."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The watcher is up: every worker that was wanted at first has been started."""

    watcher: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Nothing of the watcher runs any more (but for what is listed as stuck)."""

    watcher: str
    why: Why
    stuck: tuple[int, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A worker was started. ``restarts`` is how many times this slot was filled again so far."""

    watcher: str
    pid: int
    wid: int
    why: Why
    restarts: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """A worker ended. ``lifetime`` in seconds."""

    watcher: str
    pid: int
    wid: int
    exit: ExitStatus
    why: Why
    lifetime: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A signal that is to end it was sent to a process: a worker, or (``wid`` the same) one of its descendants."""

    watcher: str
    pid: int
    wid: int
    signal: int
    why: Why


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """All workers run by the present configuration. ``by_hup``: they were told so by SIGHUP."""

    watcher: str
    by_hup: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """Options changed."""

    watcher: str
    options: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HookSucceeded:
    """A hook returned; ``result`` is how its value counts."""

    watcher: str
    hook: str
    result: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HookFailed:
    """A hook raised, could not be found, or did not return in time."""

    watcher: str
    hook: str
    error: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BackedOff:
    """A worker that fails again and again waits before the next try.

    Args:
        watcher: its watcher.
        wid: its slot.
        attempt: failures in a row so far.
        wait: seconds until the next try.
        last_exit: how it ended last; None if it could not even be started.
        error: why it could not be started, if so.
    """

    watcher: str
    wid: int
    attempt: int
    wait: float
    last_exit: ExitStatus | None = None
    error: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A worker is not tried any more: the watcher is failed.

    Args:
        watcher: its watcher.
        wid: its slot.
        reason: in words.
        last_exit: how it ended last; None if it could not be started.
        output: the last lines that it wrote, where they are captured.
        retry_in: seconds until it is tried again; None: not by itself.
    """

    watcher: str
    wid: int
    reason: str
    last_exit: ExitStatus | None = None
    output: tuple[str, ...] = field(default=())
    retry_in: float | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Killed processes that do not die (as a rule in an uninterruptible system call). They are not waited for."""

    watcher: str
    wid: int
    pids: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLost:
    """Output is being lost, and counted, since now; ``dropped`` bytes went first."""

    watcher: str
    stream: str
    error: str
    dropped: int = 0
    pid: int | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OutputResumed:
    """Output goes on; ``dropped`` bytes were lost in between."""

    watcher: str
    stream: str
    dropped: int
    pid: int | None = None


Event = (
    Started
    | Stopped
    | Spawned
    | Reaped
    | Killed
    | Reloaded
    | Updated
    | HookSucceeded
    | HookFailed
    | BackedOff
    | Failed
    | Stuck
    | OutputLost
    | OutputResumed
)
