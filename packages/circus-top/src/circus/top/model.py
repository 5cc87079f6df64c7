"""What is known of the daemons that are watched, and how news changes it. Pure: no I/O, no clock.

Theory. A `World` holds one `Daemon` an endpoint, and a daemon its watchers, sockets and own processes. News comes as
frames of circusd-stats (a table a watcher; or, from older ones, a frame a process), as events, and as answers to commands; each
`apply_*` takes one kind, and skips what it cannot make sense of. What a daemon does not tell is None, and shown as such.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final, final

from circus.top.process import Process, fits, process_of, text_of, whole_of
from circus.top.shape import as_list, is_list, is_mapping

__all__ = [
    "HISTORY",
    "Daemon",
    "Detail",
    "Happening",
    "Socket",
    "Watcher",
    "World",
    "apply_description",
    "apply_frame",
    "apply_table",
    "expire",
    "hide_helpers",
]

_FIELDS: Final = Process._fields
HISTORY: Final = 40
"""Ticks of CPU history that are kept of each process."""
_EVENTS: Final = 500
_HELPERS: Final = frozenset({"circusd-stats", "circushttpd"})


@final
@dataclass(slots=True)
class Watcher:
    """One watcher and its workers."""

    name: str
    status: str | None = None
    restarts: int = 0
    processes: list[Process] = field(default_factory=list[Process])
    history: bytes = b""
    note: str = ""
    """What the daemon says about its status, in words."""
    totals: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    """Sums that were asked for, until `put` or `changed`."""

    def put(self, processes: list[Process]) -> None:
        """Take these in place of what was there."""
        self.processes = processes
        self.totals.clear()

    def total(self, what: str) -> float | None:
        """The sum of a field over the workers; None if nothing is known of any."""
        if what not in self.totals:
            index = _FIELDS.index(what)
            values: list[Any] = [process[index] for process in self.processes]
            try:
                total: float | None = sum(values)
            except TypeError:
                known = [value for value in values if isinstance(value, (int, float))]
                total = sum(known) if known else None
            self.totals[what] = total
        return self.totals[what]


@final
@dataclass(frozen=True, slots=True)
class Socket:
    """One listening socket."""

    fd: int
    address: str
    name: str | None = None
    reads: int | None = None
    """New connections in the last tick."""
    queue: int | None = None
    connections: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Happening:
    """An event, in words."""

    wall: float
    """Seconds since the epoch."""
    daemon: str
    watcher: str
    text: str
    is_bad: bool = False


@final
@dataclass(slots=True)
class Detail:
    """What is shown of one watcher on request."""

    options: Mapping[str, Any] | None = None
    exits: Sequence[Mapping[str, Any]] | None = None
    """None if the daemon does not keep them."""
    lines: Sequence[Mapping[str, Any]] | None = None
    """None if the daemon does not keep output."""
    why_no_lines: str = ""
    error: str = ""


@final
@dataclass(slots=True)
class Daemon:
    """One circusd, reached through an endpoint."""

    endpoint: str
    trouble: str | None = "connecting"
    """Why there is nothing (new) to see; None if all is well."""
    advice: str | None = None
    """What to do about it."""
    can_act: bool = False
    version: str | None = None
    pid: int | None = None
    uptime: float | None = None
    memory: int | None = None
    cpus: int | None = None
    watchers: dict[str, Watcher] = field(default_factory=dict[str, Watcher])
    own: dict[int, Process] = field(default_factory=dict[int, Process])
    sockets: dict[int, Socket] = field(default_factory=dict[int, Socket])
    seen: dict[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])
    """When a frame of a process came last, for those that come one by one."""
    has_figures: bool = False
    figures_at: float | None = None
    """Monotonic seconds of the last figures."""
    history: dict[int, bytes] = field(default_factory=dict[int, bytes])
    details: dict[str, Detail] = field(default_factory=dict[str, Detail])
    options: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def watcher(self, name: str) -> Watcher:
        """The watcher of that name, made if it is new."""
        found = self.watchers.get(name)
        if found is None:
            found = self.watchers[name] = Watcher(name)
        return found


@final
@dataclass(slots=True)
class World:
    """All that is watched."""

    daemons: list[Daemon] = field(default_factory=list[Daemon])
    events: deque[Happening] = field(default_factory=lambda: deque[Happening](maxlen=_EVENTS))
    wall: float = 0.0
    """Seconds since the epoch, to be shown."""


def apply_table(daemon: Daemon, frame: Mapping[str, Any], *, now: float) -> None:
    """Take a table of circusd-stats: all workers of one watcher."""
    name, count, columns = frame.get("watcher"), frame.get("count"), frame.get("columns")
    if not isinstance(name, str) or not isinstance(count, int) or not is_mapping(columns):
        return
    columns = {**columns, "age": _ages(columns.get("started"), frame.get("uptime"))}
    sources = [_column(field, columns.get(field), count) for field in _FIELDS]
    processes = list(map(Process._make, zip(*sources, strict=False)))
    if len(processes) != count or not isinstance(columns.get("pid"), (list, int)):
        return
    watcher = daemon.watcher(name)
    watcher.put(processes)
    status, restarts = frame.get("status"), frame.get("restarts")
    watcher.status = status if isinstance(status, str) else watcher.status
    watcher.restarts = restarts if isinstance(restarts, int) else watcher.restarts
    _remember_all(daemon.history, watcher, processes)
    daemon.has_figures = True
    daemon.figures_at = now


def _remember_all(history: dict[int, bytes], watcher: Watcher, processes: list[Process]) -> None:
    """As `_remember`, for many: this runs for each process at each tick."""
    own, tree = _FIELDS.index("cpu"), _FIELDS.index("tree_cpu")
    for process in processes:
        cpu: Any = process[tree]
        if cpu is None:
            cpu = process[own] or 0.0
        pid = process[0]
        if cpu >= 1 or pid in history:
            history[pid] = (history.get(pid, b"") + _LEVELS[int(cpu) if cpu < 255 else 255])[-HISTORY:]
    watcher.history = (watcher.history + _level(watcher.total("tree_cpu")))[-HISTORY:]


def _ages(started: Any, uptime: Any) -> Any:
    """When they started, and what time it is, both in seconds since boot, as ages: a column, or one for all."""
    if not fits("age", (uptime,)) or uptime is None:
        return None
    if not is_list(started):
        return max(uptime - started, 0.0) if started is not None and fits("age", (started,)) else None
    if not fits("age", started):
        return None
    return [None if at is None else max(uptime - at, 0.0) for at in started]


def _column(name: str, values: Any, count: int) -> Iterable[Any]:
    """One value for each row; what cannot stand there is not known."""
    if is_list(values):
        return values if fits(name, values) else repeat(None, count)
    return repeat(values if fits(name, (values,)) else None, max(count, 0))


def _level(cpu: object) -> bytes:
    return _LEVELS[max(0, min(int(cpu), 255))] if isinstance(cpu, (int, float)) else b"\0"


_LEVELS: Final = [bytes((level,)) for level in range(256)]


def apply_frame(daemon: Daemon, group: str, frame: Mapping[str, Any], *, now: float) -> None:
    """Take a frame of one process, of one watcher's sum, or of a socket.

    Args:
        daemon: whose.
        group: the watcher's name, ``circus`` or ``sockets``.
        frame: what was published.
        now: monotonic seconds.
    """
    subtopic = frame.get("subtopic")
    daemon.figures_at = now
    daemon.has_figures = True
    if group == "sockets":
        if isinstance(subtopic, int):
            known = daemon.sockets.get(subtopic)
            daemon.sockets[subtopic] = Socket(
                subtopic,
                str(frame.get("address", "")),
                text_of(frame.get("name")) or (known.name if known else None),
                whole_of(frame.get("reads")),
                whole_of(frame.get("queue")),
                whole_of(frame.get("connections")),
            )
        return
    if group == "circus":
        _apply_own(daemon, frame, now=now)
        return
    if group in _HELPERS:
        return
    if isinstance(subtopic, int):
        _put_process(daemon, group, process_of(subtopic, frame), now=now)
        return
    watcher = daemon.watcher(group)
    status, restarts = text_of(frame.get("status")), whole_of(frame.get("restarts"))
    watcher.status = status or watcher.status
    watcher.restarts = watcher.restarts if restarts is None else restarts
    watcher.history = (watcher.history + _level(watcher.total("cpu")))[-HISTORY:]


def _apply_own(daemon: Daemon, frame: Mapping[str, Any], *, now: float) -> None:
    pid = frame.get("subtopic")
    if isinstance(pid, int):
        process = process_of(pid, frame)
        daemon.own[process.pid] = process
        daemon.seen["circus", process.pid] = now
        _remember(daemon, process)
        if process.name == "circusd":
            daemon.pid = process.pid
            daemon.uptime = process.age
        return
    daemon.memory = whole_of(frame.get("memory")) or daemon.memory
    daemon.cpus = whole_of(frame.get("cpus")) or daemon.cpus
    daemon.version = text_of(frame.get("version")) or daemon.version
    pids = frame.get("pid")
    if isinstance(pids, list):
        daemon.own = {pid: process for pid, process in daemon.own.items() if pid in pids}


def apply_description(watcher: Watcher, reply: Mapping[str, Any], used: Mapping[str, Any]) -> None:
    """Take what circusd itself tells, where there is no circusd-stats.

    Args:
        watcher: whose.
        reply: of `describe`.
        used: of `stats`: by pid, what a process uses; empty if it was not asked.
    """
    processes: list[Process] = []
    for worker in as_list(reply.get("workers")):
        pid = worker.get("pid") if is_mapping(worker) else None
        if isinstance(pid, int):
            facts = used.get(str(pid))
            known = process_of(pid, {**(facts if is_mapping(facts) else {}), **worker})
            processes.append(known)
    watcher.put(processes)
    restarts = whole_of(reply.get("restarts"))
    watcher.restarts = watcher.restarts if restarts is None else restarts


def _put_process(daemon: Daemon, name: str, process: Process, *, now: float) -> None:
    watcher = daemon.watcher(name)
    processes = watcher.processes
    watcher.totals.clear()
    daemon.seen[name, process.pid] = now
    for position, other in enumerate(processes):
        if other.pid == process.pid:
            processes[position] = process
            break
    else:
        processes.append(process)
    _remember(daemon, process)


def _remember(daemon: Daemon, process: Process) -> None:
    """Add to its history; who never did anything has none."""
    cpu = process.cpu if process.tree_cpu is None else process.tree_cpu
    history = daemon.history
    if process.pid in history:
        history[process.pid] = (history[process.pid] + _level(cpu))[-HISTORY:]
    elif cpu is not None and cpu >= 1:
        history[process.pid] = _level(cpu)


def expire(daemon: Daemon, *, now: float, after: float) -> None:
    """Drop processes whose frames stopped coming; tables replace themselves.

    Args:
        daemon: whose.
        now: monotonic seconds.
        after: seconds of silence.
    """
    gone = {key for key, at in daemon.seen.items() if now - at > after}
    for key in gone:
        del daemon.seen[key]
        daemon.own.pop(key[1], None) if key[0] == "circus" else None
    for name in {name for name, _ in gone} & daemon.watchers.keys():
        watcher = daemon.watchers[name]
        watcher.put([process for process in watcher.processes if (name, process.pid) not in gone])
    living = {
        process.pid for watcher in daemon.watchers.values() for process in watcher.processes
    } | daemon.own.keys()
    if len(daemon.history) > len(living) + 256:
        daemon.history = {pid: line for pid, line in daemon.history.items() if pid in living}


def hide_helpers(names: Sequence[str]) -> list[str]:
    """Without the watchers that are shown as the daemon's own processes."""
    return [name for name in names if name not in _HELPERS]
