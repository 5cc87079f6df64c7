"""What a `Picture` is made of: watchers, their workers, and readings of processes. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from circus.web.series import Series

__all__ = ["KEPT_EXITS", "Reading", "Watcher", "Worker", "sum_of", "worker_of"]

KEPT_EXITS = 50


@dataclass(slots=True)
class Reading:
    """CPU and memory of one process at one time."""

    at: float
    cpu: float
    percent: float | None
    memory: int | None
    facts: dict[str, Any]
    series: Series


@dataclass(slots=True)
class Worker:
    """One process of a watcher."""

    pid: int
    wid: int | None = None
    state: str = "up"
    born: float | None = None
    """Monotonic time of its start, if known."""
    restarts: int = 0
    last_exit: dict[str, Any] | None = None
    why: str | None = None
    """Why it was started."""
    error: str = ""
    """Why it could not be started."""


@dataclass(slots=True)
class Watcher:
    """One watcher."""

    name: str
    state: str = "unknown"
    wanted: int | None = None
    workers: dict[int, Worker] = field(default_factory=dict[int, Worker])
    empty: list[Worker] = field(default_factory=list[Worker])
    """Slots without a process; their pid is 0."""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    exits: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_EXITS))
    unasked: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    killed: set[int] = field(default_factory=set[int])
    restarts: int = 0
    reason: str | None = None
    """Why it failed, or waits."""
    stuck: tuple[int, ...] = ()
    """Processes that SIGKILL did not end."""
    lost: tuple[int, str] = (0, "")
    """Bytes of output that were lost so far, and why."""
    described: bool = False
    captured: bool = True
    series: Series = field(default_factory=Series)


def worker_of(item: Mapping[str, Any], *, now: float) -> Worker:
    """A worker as `describe` tells of it."""
    age = item.get("age")
    return Worker(
        pid=item.get("pid") or 0,
        wid=item.get("wid"),
        state=str(item.get("state", "up")),
        born=now - age if isinstance(age, (int, float)) else None,
        restarts=int(item.get("restarts") or 0),
        last_exit=item.get("last_exit"),
        why=item.get("why"),
        error=str(item.get("error") or ""),
    )


def sum_of(figures: Iterable[list[float | None]]) -> list[float | None]:
    """Each of them added up; None where nothing is known."""
    total: list[float | None] = [None, None, None]
    for figure in figures:
        for place, value in enumerate(figure):
            if value is not None:
                total[place] = round((total[place] or 0) + value, 2)
    return total
