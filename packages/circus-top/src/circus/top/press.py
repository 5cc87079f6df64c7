"""What a key does: a new `View`, and a list of effects. Pure.

Looking is lower case, acting is upper case (and ``+``, ``-``), and every action asks first, in a sentence that names what will
happen.
"""

import signal
from dataclasses import replace
from typing import Any, Final, assert_never

from circus.top.rows import Rows, selected
from circus.top.view import (
    Action,
    Ask,
    Effect,
    Identity,
    Mode,
    Perform,
    Prompt,
    PromptKind,
    Quit,
    Row,
    RowKind,
    Sort,
    View,
)

__all__ = ["parse_signal", "press"]

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
