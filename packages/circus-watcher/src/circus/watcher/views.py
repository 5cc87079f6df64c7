"""What can be seen of a watcher from outside, without asking its queue. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

from circus.process.exits import ExitStatus
from circus.watcher.events import Why
from circus.watcher.machine import State, Worker
from circus.watcher.status import Phase, Status

__all__ = ["LastExit", "Waiting", "WatcherSnapshot", "WorkerView", "view_of", "waiting_of"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LastExit:
    """How some worker ended.

    Args:
        wid: its slot.
        pid: its process id.
        exit: code or signal.
        why: the reason.
        at: when, as seconds since the epoch.
        lifetime: how long it had run, in seconds.
    """

    wid: int
    pid: int
    exit: ExitStatus
    why: Why
    at: float
    lifetime: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The latest pause of a crash loop.

    Args:
        wid: the slot that waits.
        attempt: failures in a row so far.
        wait: the whole pause, in seconds.
        left: what is left of it.
        reason: the last exit, or why it could not be started.
    """

    wid: int
    attempt: int
    wait: float
    left: float
    reason: str


@final
class WatcherSnapshot(NamedTuple):
    """A watcher at one moment. A tuple, since `status` makes one of every watcher.

    Attributes:
        name: as the user wrote it.
        status: the word to show.
        phase: the inner one.
        wanted: how many workers it is to have.
        running: processes that were started and have not ended.
        up: workers that are up.
        restarts: workers started since that nobody asked for.
        exits: how many ended, by reason.
        last_exit: the latest of them; None if there was none.
        waiting: the latest pause, while one lasts.
        failure: why it is failed; empty if it is not.
        stuck: pids that SIGKILL did not end.
        reloading: workers of an earlier configuration that are still to be replaced.
        waits_for: sockets that it waits for, on demand.
        lost_bytes: output lost so far.
        output_error: why it was lost last; empty if none was.
    """

    name: str
    status: Status
    phase: Phase
    wanted: int
    running: int
    up: int
    restarts: int
    exits: Mapping[Why, int]
    last_exit: LastExit | None
    waiting: Waiting | None
    failure: str
    stuck: tuple[int, ...]
    reloading: int
    waits_for: tuple[str, ...]
    lost_bytes: int
    output_error: str = ""


@final
class WorkerView(NamedTuple):
    """One slot at one moment. ``pid``, ``started_at`` (seconds since the epoch) and ``age`` are None without a process.

    A tuple, since a thousand of them are made for one reply, and a frozen dataclass takes several times as long.
    """

    wid: int
    pid: int | None
    state: State
    started_at: float | None
    age: float | None
    restarts: int
    why: Why
    last_exit: ExitStatus | None
    error: str = ""


def view_of(worker: Worker, pid: int | None, *, now: float, wall: float) -> WorkerView:
    """How a worker looks.

    Args:
        worker: as it is.
        pid: of its running process.
        now: monotonic seconds.
        wall: the same moment as seconds since the epoch.
    """
    age = None if pid is None or worker.started_at is None else now - worker.started_at
    return WorkerView(
        wid=worker.wid,
        pid=pid,
        state=worker.state,
        started_at=None if age is None else wall - age,
        age=age,
        restarts=worker.restarts,
        why=worker.why,
        last_exit=worker.last_exit,
        error=worker.error,
    )


def waiting_of(worker: Worker | None, now: float) -> Waiting | None:
    """The pause that a worker is in; None if it is in none."""
    if worker is None or worker.state is not State.BACKOFF or worker.deadline is None:
        return None
    reason = worker.error or ("" if worker.last_exit is None else worker.last_exit.describe())
    return Waiting(
        wid=worker.wid,
        attempt=max(worker.failures, worker.tries),
        wait=worker.deadline - worker.since,
        left=max(0.0, worker.deadline - now),
        reason=reason,
    )
