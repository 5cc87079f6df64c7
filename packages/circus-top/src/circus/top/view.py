"""What the user looks at, and what a key does to it. Pure: a key gives a new `View` and a list of effects.

Theory. The list on the screen is one sequence of `Row`s, whatever they show; the cursor is the *identity* of a row and not a
position, so that an action never hits what just moved under it. Looking is lower case, acting is upper case (and ``+``, ``-``),
and every action asks first, in a sentence that names what will happen.
"""

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import itemgetter
from typing import Any, Final, NamedTuple, assert_never, final

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
        pid = Process._fields.index("pid")

        def key(process: Process) -> tuple[float, int]:
            value: Any = process[index]
            value = process[fall_back] if value is None else value
            known = isinstance(value, (int, float))
            return (float(value) if known else -1.0), (process[pid] if not down else -process[pid])

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
    by_name = sorted(watchers, key=lambda watcher: watcher.name.lower(), reverse=view.sort is Sort.NAME and view.reverse)
    down = (view.sort in _BIG_FIRST) is not view.reverse
    return by_name if view.sort is Sort.NAME else sorted(by_name, key=lambda w: _watcher_key(w, view), reverse=down)


def _matches(process: Process, needle: str) -> bool:
    return (
        needle in str(process.pid)
        or needle in (process.command or "").lower()
        or needle in (process.state or "")
        or needle in (process.username or "").lower()
    )


def _watcher_rows(daemon: Daemon, watcher: Watcher, view: View) -> list[Row]:
    endpoint, name = daemon.endpoint, watcher.name
    needle = view.filter.lower()
    processes = watcher.processes
    if needle and needle not in name.lower() and needle != (watcher.status or "").lower():
        processes = [process for process in processes if _matches(process, needle)]
        if not processes:
            return []
    head = Row(RowKind.WATCHER, endpoint, name, daemon, watcher)
    if head[:3] in view.folded:
        return [head]
    kind = RowKind.PROCESS
    return [
        head,
        *(
            Row(kind, endpoint, (name, process.pid), daemon, watcher, process)
            for process in _sorted_processes(processes, view)
        ),
    ]


def rows_of(world: World, view: View) -> list[Row]:
    """The list, in its order, as sorted, filtered and folded."""
    rows: list[Row] = []
    for daemon in world.daemons:
        endpoint = daemon.endpoint
        if len(world.daemons) > 1:
            head = Row(RowKind.DAEMON, endpoint, "", daemon)
            rows.append(head)
            if head[:3] in view.folded:
                continue
        if daemon.trouble is not None:
            rows.append(Row(RowKind.TROUBLE, endpoint, "", daemon))
            if daemon.advice is not None:
                rows.append(Row(RowKind.TROUBLE, endpoint, "advice", daemon))
        for watcher in _sorted_watchers(daemon.watchers.values(), view):
            rows += _watcher_rows(daemon, watcher, view)
        rows += _socket_rows(daemon, view)
        rows += _own_rows(daemon, view)
    return rows


def _socket_rows(daemon: Daemon, view: View) -> list[Row]:
    needle = view.filter.lower()
    sockets = [
        socket
        for socket in daemon.sockets.values()
        if not needle or needle in socket.address.lower() or needle in (socket.name or "").lower()
    ]
    if not sockets:
        return []
    head = Row(RowKind.SOCKETS, daemon.endpoint, "", daemon)
    if head[:3] in view.folded:
        return [head]
    sockets.sort(key=lambda socket: (-(socket.reads or 0), socket.address))
    return [head, *(Row(RowKind.SOCKET, daemon.endpoint, s.fd, daemon, socket=s) for s in sockets)]


def _own_rows(daemon: Daemon, view: View) -> list[Row]:
    needle = view.filter.lower()
    own = [
        process
        for process in daemon.own.values()
        if not needle or needle in (process.name or "").lower() or needle in str(process.pid)
    ]
    if not own:
        return []
    head = Row(RowKind.OWN, daemon.endpoint, "", daemon)
    if head[:3] in view.folded:
        return [head]
    own.sort(key=lambda process: (process.name or "", process.pid))
    return [head, *(Row(RowKind.OWN_PROCESS, daemon.endpoint, p.pid, daemon, process=p) for p in own)]


def follow(view: View, rows: Sequence[Row], height: int) -> View:
    """The view with its cursor on a row that exists, and that row on the screen.

    Args:
        view: as it was.
        rows: as they are now.
        height: rows that fit the screen.
    """
    if not rows:
        return replace(view, cursor=None, position=0, top=0)
    position = min(max(view.position, 0), len(rows) - 1)
    if view.cursor is not None and rows[position][:3] != view.cursor:
        cursor = view.cursor
        position = next((index for index, row in enumerate(rows) if row[:3] == cursor), position)
    top = min(view.top, max(0, len(rows) - height))
    if position < top:
        top = position
    elif position >= top + height:
        top = position - height + 1
    return replace(view, cursor=rows[position][:3], position=position, top=max(top, 0))


def selected(view: View, rows: Sequence[Row]) -> Row | None:
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


def press(view: View, key: str, rows: Sequence[Row], *, height: int) -> tuple[View, list[Effect]]:
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


def _press_page(view: View, key: str, rows: Sequence[Row], height: int) -> tuple[View, list[Effect]]:
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -height, "pgdn": height, "space": height, "home": -(10**6)}
    if key in steps:
        return replace(view, top=max(0, view.top + steps[key])), []
    if view.mode is Mode.DETAIL and key in _ACTIONS:
        return _propose(view, _ACTIONS[key], rows)
    if key in {"q", "esc", "enter", "?", "e", "left", "h", "backspace"}:
        return replace(view, mode=Mode.LIST, top=0), []
    return view, []


def _press_list(view: View, key: str, rows: Sequence[Row], height: int) -> tuple[View, list[Effect]]:
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -height, "pgdn": height, "home": -(10**6), "end": 10**6}
    row = selected(view, rows)
    if key in steps:
        position = min(max(view.position + steps[key], 0), max(len(rows) - 1, 0))
        cursor = rows[position][:3] if rows else None
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
            return replace(view, mode=Mode.DETAIL, top=0), [Ask(row.endpoint, row.watcher.name)]
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


def _fold(view: View, row: Row, rows: Sequence[Row], key: str) -> View:
    head = _head_of(row)
    folds = {"left": True, "right": False}.get(key, head not in view.folded)
    folded = view.folded | {head} if folds else view.folded - {head}
    position = next((index for index, other in enumerate(rows) if other[:3] == head), view.position)
    if not folds:
        return replace(view, folded=folded)
    return replace(view, folded=folded, cursor=head, position=position)


def _fold_all(view: View, rows: Sequence[Row]) -> View:
    heads = frozenset(row[:3] for row in rows if row.kind in {RowKind.WATCHER, RowKind.SOCKETS, RowKind.OWN})
    if heads <= view.folded:
        return replace(view, folded=frozenset())
    row = selected(view, rows)
    cursor = _head_of(row) if row is not None else None
    return replace(view, folded=view.folded | heads, cursor=cursor)


# -- acting ------------------------------------------------------------------------------------------------------------


def _propose(view: View, action: Action, rows: Sequence[Row]) -> tuple[View, list[Effect]]:
    row = selected(view, rows)
    if row is None or row.watcher is None:
        what = "circusd itself" if row is not None and row.kind in {RowKind.OWN, RowKind.OWN_PROCESS} else "this row"
        return replace(view, message=f"{action.value} acts on watchers and their processes, not on {what}"), []
    if not row.daemon.can_act:
        text = f"{action.value} needs circusd, and only its figures are within reach: give --endpoint of circusd itself"
        return replace(view, message=text), []
    if action is Action.SIGNAL:
        prompt = Prompt(PromptKind.SIGNAL, action=action, row=row)
    else:
        prompt = Prompt(PromptKind.CONFIRM, action=action, row=row)
    return replace(view, prompt=prompt), [Ask(row.endpoint, row.watcher.name)]


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
