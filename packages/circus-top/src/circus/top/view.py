"""What the user looks at, and what a key does to it. Pure: a key gives a new `View` and a list of effects.

Theory. The list on the screen is one sequence of `Row`s, whatever they show; the cursor is the *identity* of a row and not a
position, so that an action never hits what just moved under it. Looking is lower case, acting is upper case (and ``+``, ``-``),
and every action asks first, in a sentence that names what will happen.
"""

import signal
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import itemgetter
from typing import Any, Final, NamedTuple, assert_never, final, overload

from circus.top.model import Daemon, Process, Socket, Watcher, World

__all__ = [
    "Action",
    "Ask",
    "Effect",
    "Mode",
    "Perform",
    "Prompt",
    "PromptKind",
    "Quit",
    "Row",
    "RowKind",
    "Rows",
    "Sort",
    "View",
    "follow",
    "press",
    "rows_of",
    "selected",
]


class Sort(Enum):
    """What the list is ordered by."""

    CPU = "cpu"
    MEMORY = "mem"
    AGE = "age"
    PID = "pid"
    NAME = "name"
    RESTARTS = "restarts"


class Mode(Enum):
    """Which screen is shown."""

    LIST = "list"
    DETAIL = "detail"
    EVENTS = "events"
    HELP = "help"


class RowKind(Enum):
    """What a row shows."""

    DAEMON = "daemon"
    TROUBLE = "trouble"
    WATCHER = "watcher"
    PROCESS = "process"
    SOCKETS = "sockets"
    SOCKET = "socket"
    OWN = "own"
    OWN_PROCESS = "own process"


@final
class Row(NamedTuple):
    """One row of the list. Its first three parts are its identity."""

    kind: RowKind
    endpoint: str
    key: str | int | tuple[str, int]
    daemon: Daemon
    watcher: Watcher | None = None
    process: Process | None = None
    socket: Socket | None = None


Identity = tuple[RowKind, str, str | int | tuple[str, int]]


class Action(Enum):
    """What can be done to a watcher or a process; the value is the command."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    KILL = "kill"
    SIGNAL = "signal"
    INCR = "incr"
    DECR = "decr"


class PromptKind(Enum):
    """What the last line asks for."""

    FILTER = "filter"
    CONFIRM = "confirm"
    SIGNAL = "signal"


@final
@dataclass(frozen=True, slots=True)
class Prompt:
    """A question on the last line."""

    kind: PromptKind
    text: str = ""
    """What was typed."""
    action: Action | None = None
    row: Row | None = None
    signum: int | None = None


@final
@dataclass(frozen=True, slots=True)
class View:
    """How the world is looked at."""

    mode: Mode = Mode.LIST
    sort: Sort = Sort.CPU
    reverse: bool = False
    filter: str = ""
    folded: frozenset[Identity] = field(default_factory=frozenset[Identity])
    cursor: Identity | None = None
    position: int = 0
    """Of the cursor, when its row was last seen."""
    top: int = 0
    """First row on the screen; or first line, of the other screens."""
    whole_trees: bool = True
    paused: bool = False
    prompt: Prompt | None = None
    message: str = ""

    def saying(self, text: str) -> "View":
        """The same, with this on its last line."""
        return replace(self, message=text)


@final
@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


@final
@dataclass(frozen=True, slots=True)
class Ask:
    """Get the details (or, for a prompt, just the options) of a watcher."""

    endpoint: str
    watcher: str


@final
@dataclass(frozen=True, slots=True)
class Perform:
    """Send a command.

    Args:
        endpoint: to which daemon.
        command: its word.
        properties: its properties.
        about: what it does, for the message that tells how it went.
    """

    endpoint: str
    command: str
    properties: dict[str, Any]
    about: str


Effect = Quit | Ask | Perform

# -- the rows ----------------------------------------------------------------------------------------------------------


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


# -- the keys ----------------------------------------------------------------------------------------------------------

_SORTS: Final = {
    "c": Sort.CPU,
    "m": Sort.MEMORY,
    "a": Sort.AGE,
    "i": Sort.PID,
    "n": Sort.NAME,
    "r": Sort.RESTARTS,
}
_ACTIONS: Final = {
    "S": Action.START,
    "T": Action.STOP,
    "R": Action.RESTART,
    "L": Action.RELOAD,
    "K": Action.KILL,
    "G": Action.SIGNAL,
    "+": Action.INCR,
    "=": Action.INCR,
    "-": Action.DECR,
}


def press(view: View, key: str, rows: Rows, *, height: int) -> tuple[View, list[Effect]]:
    """What a key does.

    Args:
        view: as it is.
        key: as `circus.top.keys.decode` names it.
        rows: what is listed.
        height: rows that fit the screen.
    """
    if key == "ctrl-c":
        return view, [Quit()]
    view = replace(view, message="")
    if view.prompt is not None:
        return _press_prompt(view, view.prompt, key)
    match view.mode:
        case Mode.LIST:
            return _press_list(view, key, rows, height)
        case Mode.DETAIL | Mode.EVENTS | Mode.HELP:
            return _press_page(view, key, rows, height)
        case _:
            assert_never(view.mode)


def _press_page(view: View, key: str, rows: Rows, height: int) -> tuple[View, list[Effect]]:
    steps = {
        "up": -1,
        "k": -1,
        "down": 1,
        "j": 1,
        "pgup": -height,
        "pgdn": height,
        "space": height,
        "home": -(10**6),
    }
    if key in steps:
        return replace(view, top=max(0, view.top + steps[key])), []
    if view.mode is Mode.DETAIL and key in _ACTIONS:
        return _propose(view, _ACTIONS[key], rows)
    if key in {"q", "esc", "enter", "?", "e", "left", "h", "backspace"}:
        return replace(view, mode=Mode.LIST, top=0), []
    return view, []


def _press_list(view: View, key: str, rows: Rows, height: int) -> tuple[View, list[Effect]]:
    steps = {
        "up": -1,
        "k": -1,
        "down": 1,
        "j": 1,
        "pgup": -height,
        "pgdn": height,
        "home": -(10**6),
        "end": 10**6,
    }
    row = selected(view, rows)
    if key in steps:
        position = min(max(view.position + steps[key], 0), max(len(rows) - 1, 0))
        cursor = rows[position][:3] if rows and key != "home" else None
        return replace(view, position=position, cursor=cursor), []
    if key in _SORTS:
        return replace(view, sort=_SORTS[key], reverse=False), []
    if key in _ACTIONS:
        return _propose(view, _ACTIONS[key], rows)
    match key:
        case "q":
            return view, [Quit()]
        case "v":
            return replace(view, reverse=not view.reverse), []
        case "t":
            return replace(view, whole_trees=not view.whole_trees), []
        case "p":
            return replace(view, paused=not view.paused), []
        case "/":
            return replace(view, prompt=Prompt(PromptKind.FILTER, view.filter)), []
        case "esc" if view.filter:
            return replace(view, filter=""), []
        case "?" | "h":
            return replace(view, mode=Mode.HELP, top=0), []
        case "e":
            return replace(view, mode=Mode.EVENTS, top=0), []
        case "enter" if row is not None and row.watcher is not None:
            return replace(view, mode=Mode.DETAIL, top=0, cursor=row[:3]), [
                Ask(row.endpoint, row.watcher.name)
            ]
        case "enter" | "space" | "left" | "right" if row is not None:
            return _fold(view, row, rows, key), []
        case "f":
            return _fold_all(view, rows), []
        case _:
            return view, []


def _head_of(row: Row) -> Identity:
    match row.kind:
        case RowKind.PROCESS:
            assert row.watcher is not None
            return RowKind.WATCHER, row.endpoint, row.watcher.name
        case RowKind.SOCKET:
            return RowKind.SOCKETS, row.endpoint, ""
        case RowKind.OWN_PROCESS:
            return RowKind.OWN, row.endpoint, ""
        case RowKind.DAEMON | RowKind.TROUBLE | RowKind.WATCHER | RowKind.SOCKETS | RowKind.OWN:
            return row[:3]
        case _:
            assert_never(row.kind)


def _fold(view: View, row: Row, rows: Rows, key: str) -> View:
    head = _head_of(row)
    folds = {"left": True, "right": False}.get(key, head not in view.folded)
    folded = view.folded | {head} if folds else view.folded - {head}
    found = rows.find(head)
    position = view.position if found is None else found
    if not folds:
        return replace(view, folded=folded)
    return replace(view, folded=folded, cursor=head, position=position)


def _fold_all(view: View, rows: Rows) -> View:
    heads = rows.heads()
    if heads <= view.folded:
        return replace(view, folded=frozenset())
    row = selected(view, rows)
    cursor = _head_of(row) if row is not None else None
    return replace(view, folded=view.folded | heads, cursor=cursor)


# -- acting ------------------------------------------------------------------------------------------------------------


def _propose(view: View, action: Action, rows: Rows) -> tuple[View, list[Effect]]:
    row = selected(view, rows)
    if row is None or row.watcher is None:
        what = (
            "circusd itself"
            if row is not None and row.kind in {RowKind.OWN, RowKind.OWN_PROCESS}
            else "this row"
        )
        return replace(
            view, message=f"{action.value} acts on watchers and their processes, not on {what}"
        ), []
    if not row.daemon.can_act:
        text = f"{action.value} needs circusd, and only its figures are within reach: give --endpoint of circusd itself"
        return replace(view, message=text), []
    if action is Action.SIGNAL:
        prompt = Prompt(PromptKind.SIGNAL, action=action, row=row)
    else:
        prompt = Prompt(PromptKind.CONFIRM, action=action, row=row)
    return replace(view, prompt=prompt, cursor=row[:3]), [Ask(row.endpoint, row.watcher.name)]


def _press_prompt(view: View, prompt: Prompt, key: str) -> tuple[View, list[Effect]]:
    match prompt.kind:
        case PromptKind.CONFIRM:
            if key in {"y", "Y"}:
                return replace(view, prompt=None), [_perform(prompt)]
            return replace(view, prompt=None, message="nothing was done"), []
        case PromptKind.FILTER:
            if key == "esc":
                return replace(view, prompt=None, filter=""), []
            if key == "enter":
                return replace(view, prompt=None), []
            prompt = replace(prompt, text=_edit(prompt.text, key))
            return replace(view, prompt=prompt, filter=prompt.text), []
        case PromptKind.SIGNAL:
            if key == "esc":
                return replace(view, prompt=None, message="nothing was done"), []
            if key != "enter":
                return replace(view, prompt=replace(prompt, text=_edit(prompt.text, key))), []
            signum = parse_signal(prompt.text)
            if signum is None:
                text = f"{prompt.text!r} is no signal; write a name such as HUP, or its number"
                return replace(view, prompt=None, message=text), []
            return replace(view, prompt=replace(prompt, kind=PromptKind.CONFIRM, signum=signum)), []
        case _:
            assert_never(prompt.kind)


def _edit(text: str, key: str) -> str:
    if key in {"backspace", "delete"}:
        return text[:-1]
    if key == "ctrl-u":
        return ""
    if key == "space":
        return text + " "
    return text + key if len(key) == 1 else text


def parse_signal(text: str) -> int | None:
    """The number of a signal that is written as a number or a name; None if there is none."""
    word = text.strip().upper()
    if word.isdigit():
        return int(word) if 0 < int(word) < signal.NSIG else None
    found = signal.Signals.__members__.get(word if word.startswith("SIG") else f"SIG{word}")
    return None if found is None else int(found)


def _perform(prompt: Prompt) -> Perform:
    row, action = prompt.row, prompt.action
    assert row is not None
    assert row.watcher is not None
    assert action is not None
    name = row.watcher.name
    properties: dict[str, Any] = {"name": name}
    about = f"{action.value} {name}"
    match action:
        case Action.START | Action.STOP | Action.RESTART:
            properties["match"] = "simple"
        case Action.KILL | Action.SIGNAL:
            if action is Action.SIGNAL:
                properties["signum"] = prompt.signum
            if row.process is not None:
                properties["pid"] = row.process.pid
                about = f"{about} pid {row.process.pid}"
        case Action.INCR | Action.DECR:
            properties["nb"] = 1
        case Action.RELOAD:
            pass
        case _:
            assert_never(action)
    return Perform(row.endpoint, action.value, properties, about)
