"""What a watcher can be told to do, and what it truthfully answers. Pure.

A command sets a goal; it never blocks the owner's queue and is never refused because another one runs. Its outcome comes when
the goal is reached, can not be reached, or was overridden by a later command, and says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from circus.watcher.events import Why
from circus.watcher.spec import WatcherSpec

__all__ = [
    "Change",
    "Command",
    "Configure",
    "Kill",
    "Outcome",
    "Release",
    "Reload",
    "ReopenLogs",
    "Restart",
    "Scale",
    "SetCount",
    "Shutdown",
    "SignalWorkers",
    "Start",
    "Stop",
]


@final
@dataclass(frozen=True, slots=True)
class Start:
    """Run. While it runs: try waiting and failed workers again at once, and replace missing ones. While it stops: start again
    afterwards. An on-demand watcher waits for a connection first. Done when every wanted worker was started or failed to.
    """

    why: Why = Why.COMMAND


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """Stop; wins over everything. Done when nothing of the watcher runs.

    Args:
        graceful_timeout: seconds between the stop signal and SIGKILL; None: as configured.
        why: the reason that events give.
    """

    graceful_timeout: float | None = None
    why: Why = Why.COMMAND


@final
@dataclass(frozen=True, slots=True)
class Shutdown:
    """Stop for good: the owner ends when everything is gone, and `run` returns."""

    graceful_timeout: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Release:
    """Let go: nobody is replaced, stopped or killed any more. What runs goes on, and its output, too, until it ends or we do;
    the owner ends, and `run` returns, when the last worker has ended or at `Shutdown`, which then leaves the rest alone.
    """


@final
@dataclass(frozen=True, slots=True)
class Restart:
    """Stop, then start."""


@final
@dataclass(frozen=True, slots=True)
class Reload:
    """Replace every worker.

    Args:
        graceful: start new ones first and let the old go as those are up (or SIGHUP, with ``send_hup``); else `Restart`.
        sequential: one after the other; always so for a singleton.
    """

    graceful: bool = True
    sequential: bool = False


@final
@dataclass(frozen=True, slots=True)
class Scale:
    """Change the number of wanted workers by ``delta``; not below 0."""

    delta: int


@final
@dataclass(frozen=True, slots=True)
class SetCount:
    """Set the number of wanted workers."""

    count: int


@final
@dataclass(frozen=True, slots=True)
class Configure:
    """Run by a new specification: at once where the change is live, by a graceful reload where it is not."""

    spec: WatcherSpec


@final
@dataclass(frozen=True, slots=True)
class Change:
    """Lay new values of options over those that hold when its turn comes, then as `Configure`: of many changes at once none
    is lost, whether they are of other options or of the number of workers.
    """

    options: Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWorkers:
    """Send a signal.

    Args:
        signum: which.
        pid: to this worker alone; None: to all.
        childpid: to this descendant of ``pid``.
        children: to the direct children instead.
        recursive: to the worker and all of its descendants.
    """

    signum: int
    pid: int | None = None
    childpid: int | None = None
    children: bool = False
    recursive: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """End workers: the signal, then SIGKILL at the deadline. They are replaced as long as the watcher runs.

    Args:
        pid: this one; None: all.
        signum: in place of the stop signal.
        graceful_timeout: in place of the configured one, in seconds.
    """

    pid: int | None = None
    signum: int | None = None
    graceful_timeout: float | None = None


@final
@dataclass(frozen=True, slots=True)
class ReopenLogs:
    """Close and open the output files again, after something else has moved them."""


Command = (
    Start
    | Stop
    | Shutdown
    | Release
    | Restart
    | Reload
    | Scale
    | SetCount
    | Configure
    | Change
    | SignalWorkers
    | Kill
    | ReopenLogs
)

_NO_FAILURES: Mapping[str, str] = {}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command came to.

    Args:
        started: pids that were started on its behalf and since.
        kept: pids that ran before and still do; told for start, restart and reload.
        stopped: pids that ended.
        killed: those of them that had to be killed.
        signalled: pids that a signal was sent to.
        stuck: pids that SIGKILL did not end.
        failures: what failed (``web.2``, ``before_start``, ``numprocesses``) to the reason.
        count: the number of wanted workers afterwards.
        superseded_by: the later command that overrode this one; empty if none did.
        waits_for: sockets that an on-demand watcher now waits for.
    """

    started: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    stopped: tuple[int, ...] = ()
    killed: tuple[int, ...] = ()
    signalled: tuple[int, ...] = ()
    stuck: tuple[int, ...] = ()
    failures: Mapping[str, str] = field(default_factory=lambda: _NO_FAILURES)
    count: int = 0
    superseded_by: str = ""
    waits_for: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that was asked for happened."""
        return not (self.failures or self.stuck or self.superseded_by)
