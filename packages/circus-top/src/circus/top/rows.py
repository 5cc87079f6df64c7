"""The list: what is in it, in which order, and where the cursor is. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final, assert_never, final, overload

from circus.top.model import Daemon, Watcher, World
from circus.top.process import Process
from circus.top.view import Identity, Row, RowKind, Sort, View

__all__ = ["Rows", "follow", "rows_of", "selected"]


def _sort_field(view: View) -> str:
    match view.sort:
        case Sort.CPU:
            return "tree_cpu" if view.whole_trees else "cpu"
        case Sort.MEMORY:
            return "tree_rss" if view.whole_trees else "rss"
        case Sort.AGE:
            return "age"
        case Sort.PID:
            return "pid"
        case Sort.NAME:
            return "wid"
        case Sort.RESTARTS:
            return "restarts"
        case _:
            assert_never(view.sort)


_FALL_BACK: Final = {"tree_cpu": "cpu", "tree_rss": "rss"}
_BIG_FIRST: Final = frozenset({Sort.CPU, Sort.MEMORY, Sort.AGE, Sort.RESTARTS})


def _sorted_processes(processes: list[Process], view: View) -> list[Process]:
    name = _sort_field(view)
    index = Process._fields.index(name)
    down = (view.sort in _BIG_FIRST) is not view.reverse
    try:
        return sorted(processes, key=itemgetter(index), reverse=down)
    except TypeError:  # something is not known of some
        fall_back = Process._fields.index(_FALL_BACK.get(name, name))

        def key(process: Process) -> tuple[float, int]:
            value: Any = process[index]
            if value is None:
                value = process[fall_back]
            known = float(value) if isinstance(value, (int, float)) else -1.0
            return known, -process.pid if down else process.pid

        return sorted(processes, key=key, reverse=down)


def _watcher_key(watcher: Watcher, view: View) -> float:
    match view.sort:
        case Sort.CPU:
            return _figure(watcher, "tree_cpu", "cpu", view)
        case Sort.MEMORY:
            return _figure(watcher, "tree_rss", "rss", view)
        case Sort.AGE:
            return max((process.age or 0.0 for process in watcher.processes), default=0.0)
        case Sort.PID:
            return min((process.pid for process in watcher.processes), default=1 << 40)
        case Sort.NAME:
            return 0.0
        case Sort.RESTARTS:
            return watcher.restarts
        case _:
            assert_never(view.sort)


def _figure(watcher: Watcher, tree: str, own: str, view: View) -> float:
    value = watcher.total(tree) if view.whole_trees else None
    value = watcher.total(own) if value is None or (value == 0 and not view.whole_trees) else value
    return round(value or 0.0, 1)


def _sorted_watchers(watchers: Iterable[Watcher], view: View) -> list[Watcher]:
    by_name = sorted(
        watchers, key=lambda watcher: watcher.name.lower(), reverse=view.sort is Sort.NAME and view.reverse
    )
    down = (view.sort in _BIG_FIRST) is not view.reverse
    return (
        by_name
        if view.sort is Sort.NAME
        else sorted(by_name, key=lambda w: _watcher_key(w, view), reverse=down)
    )


def _matches(process: Process, needle: str) -> bool:
    return (
        needle in str(process.pid)
        or needle in (process.command or "").lower()
        or needle in (process.state or "")
        or needle in (process.username or "").lower()
    )


@final
class Rows(Sequence[Row]):
    """The list, in its order. Rows of processes are made when they are looked at: few of 5,000 ever are."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._parts: list[tuple[Row, list[Process]]] = []
        self._length = 0

    def add(self, head: Row, processes: list[Process] | None = None) -> None:
        """A row, and those of a watcher's processes below it."""
        self._starts.append(self._length)
        self._parts.append((head, processes or []))
        self._length += 1 + len(processes or ())

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._length))]
        if index < 0:
            index += self._length
        if not 0 <= index < self._length:
            raise IndexError(index)
        part = bisect_right(self._starts, index) - 1
        head, processes = self._parts[part]
        below = index - self._starts[part]
        return _process_row(head, processes[below - 1]) if below else head

    def heads(self) -> frozenset[Identity]:
        """Of what can be folded, daemons left out."""
        kinds = {RowKind.WATCHER, RowKind.SOCKETS, RowKind.OWN}
        return frozenset(head[:3] for head, _ in self._parts if head.kind in kinds)

    def find(self, identity: Identity) -> int | None:
        """Where the row of that identity is."""
        kind, endpoint, key = identity
        for start, (head, processes) in zip(self._starts, self._parts, strict=True):
            if head[:3] == identity:
                return start
            if kind is RowKind.PROCESS and isinstance(key, tuple) and (endpoint, key[0]) == head[1:3]:
                pid = key[1]
                for below, process in enumerate(processes):
                    if process.pid == pid:
                        return start + 1 + below
        return None


def _process_row(head: Row, process: Process) -> Row:
    assert head.watcher is not None
    key = (head.watcher.name, process.pid)
    return Row(RowKind.PROCESS, head.endpoint, key, head.daemon, head.watcher, process)


def _add_watcher(rows: Rows, daemon: Daemon, watcher: Watcher, view: View) -> None:
    needle = view.filter.lower()
    processes = watcher.processes
    if needle and needle not in watcher.name.lower() and needle != (watcher.status or "").lower():
        processes = [process for process in processes if _matches(process, needle)]
        if not processes:
            return
    head = Row(RowKind.WATCHER, daemon.endpoint, watcher.name, daemon, watcher)
    if head[:3] in view.folded:
        rows.add(head)
    else:
        rows.add(head, _sorted_processes(processes, view))


def rows_of(world: World, view: View) -> Rows:
    """The list, in its order, as sorted, filtered and folded."""
    rows = Rows()
    for daemon in world.daemons:
        endpoint = daemon.endpoint
        if len(world.daemons) > 1:
            head = Row(RowKind.DAEMON, endpoint, "", daemon)
            rows.add(head)
            if head[:3] in view.folded:
                continue
        if daemon.trouble is not None:
            rows.add(Row(RowKind.TROUBLE, endpoint, "", daemon))
            if daemon.advice is not None:
                rows.add(Row(RowKind.TROUBLE, endpoint, "advice", daemon))
        for watcher in _sorted_watchers(daemon.watchers.values(), view):
            _add_watcher(rows, daemon, watcher, view)
        _add_sockets(rows, daemon, view)
        _add_own(rows, daemon, view)
    return rows


def _add_sockets(rows: Rows, daemon: Daemon, view: View) -> None:
    needle = view.filter.lower()
    sockets = [
        socket
        for socket in daemon.sockets.values()
        if not needle or needle in socket.address.lower() or needle in (socket.name or "").lower()
    ]
    if not sockets:
        return
    head = Row(RowKind.SOCKETS, daemon.endpoint, "", daemon)
    rows.add(head)
    if head[:3] not in view.folded:
        for socket in sorted(sockets, key=lambda socket: (socket.name or "", socket.address)):
            rows.add(Row(RowKind.SOCKET, daemon.endpoint, socket.fd, daemon, socket=socket))


def _add_own(rows: Rows, daemon: Daemon, view: View) -> None:
    needle = view.filter.lower()
    own = [
        process
        for process in daemon.own.values()
        if not needle or needle in (process.name or "").lower() or needle in str(process.pid)
    ]
    if not own:
        return
    head = Row(RowKind.OWN, daemon.endpoint, "", daemon)
    rows.add(head)
    if head[:3] not in view.folded:
        for process in sorted(own, key=lambda process: (process.name or "", process.pid)):
            rows.add(Row(RowKind.OWN_PROCESS, daemon.endpoint, process.pid, daemon, process=process))


def follow(view: View, rows: Rows, height: int) -> View:
    """The view with its cursor on a row that exists, and that row on the screen. Until it is moved, it stays on the first row.

    Args:
        view: as it was.
        rows: as they are now.
        height: rows that fit the screen.
    """
    if not rows:
        return replace(view, cursor=None, position=0, top=0)
    position = min(max(view.position, 0), len(rows) - 1)
    if view.cursor is not None and rows[position][:3] != view.cursor:
        found = rows.find(view.cursor)
        position = position if found is None else found
    top = min(view.top, max(0, len(rows) - height))
    if position < top:
        top = position
    elif position >= top + height:
        top = position - height + 1
    cursor = None if view.cursor is None else rows[position][:3]
    return replace(view, cursor=cursor, position=position, top=max(top, 0))


def selected(view: View, rows: Rows) -> Row | None:
    """The row under the cursor."""
    return rows[view.position] if view.position < len(rows) else None
