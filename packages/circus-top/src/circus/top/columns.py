"""The columns of the list: which fit a width, and what stands in them. Pure."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never, final

from circus.top.model import Watcher
from circus.top.process import Process
from circus.top.view import Row, RowKind, Sort, View
from circus.top.words import clean, duration, number, percent, size, spark

__all__ = ["Column", "cells", "columns_for", "plain_text", "title_of"]


@final
@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        key: what stands in it.
        title: above it.
        width: in cells.
        left: whether it is aligned to the left.
        sort: the order that its title is marked for.
    """

    key: str
    title: str
    width: int
    left: bool = False
    sort: Sort | None = None


_ALL: Final = (
    (0, Column("name", "WATCHER / PID", 0, left=True, sort=Sort.NAME)),
    (66, Column("wid", "WID", 4)),
    (0, Column("cpu", "CPU%", 6, sort=Sort.CPU)),
    (0, Column("mem", "MEM%", 5, sort=Sort.MEMORY)),
    (0, Column("rss", "RSS", 5)),
    (48, Column("age", "AGE", 6, sort=Sort.AGE)),
    (76, Column("restarts", "RST", 4, sort=Sort.RESTARTS)),
    (76, Column("threads", "THR", 3)),
    (56, Column("state", "STATE", 8, left=True)),
    (78, Column("history", "HISTORY", 8, left=True)),
    (100, Column("fds", "FDS", 5)),
    (112, Column("read", "READ/s", 6)),
    (112, Column("write", "WRITE/s", 7)),
    (124, Column("user", "USER", 8, left=True)),
    (140, Column("command", "COMMAND", 0, left=True)),
)
"""From which width on, and what."""
_NAME: Final = (16, 32)
"""The least and the most that the name gets."""


@lru_cache(maxsize=16)
def columns_for(width: int) -> list[Column]:
    """The columns that fit."""
    chosen = [column for least, column in _ALL if width >= least]
    room = width - sum(column.width + 1 for column in chosen) + 1
    has_command = chosen[-1].key == "command"
    name = max(_NAME[0], min(room, _NAME[1]) if has_command else room)
    if width >= 180:
        wider = (room - name) // 4 if has_command else 0
        chosen = [
            _with(column, min(column.width + wider, 40)) if column.key == "history" else column
            for column in chosen
        ]
        room = width - sum(column.width + 1 for column in chosen) + 1
    return [
        _with(column, name)
        if column.key == "name"
        else _with(column, max(room - name, 0))
        if not column.width
        else column
        for column in chosen
    ]


def _with(column: Column, width: int) -> Column:
    return Column(column.key, column.title, width, column.left, column.sort)


def title_of(column: Column, view: View) -> str:
    """Its title, with a mark if the list is ordered by it."""
    title = column.title
    if column.key in {"cpu", "rss"} and not view.whole_trees:
        title = {"cpu": "own%", "rss": "own"}[column.key]
    is_sorted = column.sort is view.sort or (column.key == "name" and view.sort is Sort.PID)
    mark = "^" if view.reverse else "v"
    return f"{title}{mark}" if is_sorted else title


Cell = tuple[str, str]


def cells(row: Row, view: View, columns: list[Column], ascii_only: bool) -> list[Cell]:  # noqa: FBT001 - hot path
    """What stands in each column of a row."""
    match row.kind:
        case RowKind.WATCHER:
            assert row.watcher is not None
            values = _watcher_cells(row, row.watcher, view)
            history = row.watcher.history
        case RowKind.PROCESS | RowKind.OWN_PROCESS:
            assert row.process is not None
            values = _process_cells(row, row.process, view)
            history = row.daemon.history.get(row.process.pid, b"")
        case RowKind.SOCKETS | RowKind.SOCKET | RowKind.OWN | RowKind.DAEMON | RowKind.TROUBLE:
            raise AssertionError("these have no columns")
        case _:
            assert_never(row.kind)
    if columns[-1].key == "command" and row.kind is RowKind.PROCESS and row.process is not None:
        values["name"] = (values["name"][0].removesuffix(f" {clean(row.process.command or '')}"), "")
    return [
        (spark(history, column.width, ascii_only=ascii_only), "spark")
        if column.key == "history"
        else values.get(column.key, ("", ""))
        for column in columns
    ]


def _heat(cpu: object) -> str:
    if not isinstance(cpu, (int, float)):
        return "dim"
    return "hot" if cpu >= 90 else "warm" if cpu >= 50 else ""


def _mark(row: Row, view: View) -> str:
    return "▸" if row[:3] in view.folded else "▾"


def _process_cells(row: Row, process: Process, view: View) -> dict[str, Cell]:
    cpu, rss, mem = process.cpu, process.rss, process.mem
    extra = ""
    if process.tree_size is not None and process.tree_size > 1:
        extra = f" +{process.tree_size - 1}"
    if view.whole_trees and process.tree_cpu is not None:
        cpu, rss = process.tree_cpu, process.tree_rss
        if row.daemon.memory and rss is not None:
            mem = rss / row.daemon.memory * 100
    name = f"  {process.pid}{extra}"
    if process.name:
        name = f"  {clean(process.name)} {process.pid}"
    elif process.command:
        name = f"{name} {clean(process.command)}"
    return {
        "name": (name, ""),
        "wid": (number(process.wid), ""),
        "cpu": (percent(cpu), _heat(cpu)),
        "mem": (percent(mem), ""),
        "rss": (size(rss), ""),
        "age": (duration(process.age), ""),
        "restarts": (number(process.restarts), "wait" if process.restarts else ""),
        "threads": (number(process.threads), ""),
        "state": (clean(process.state or "-")[:8], "good" if process.state == "running" else ""),
        "fds": (number(process.fds), ""),
        "read": (size(process.read_rate), ""),
        "write": (size(process.write_rate), ""),
        "user": (clean(process.username or ""), ""),
        "command": (clean(process.command or ""), ""),
    }


def _watcher_cells(row: Row, watcher: Watcher, view: View) -> dict[str, Cell]:
    processes = watcher.processes
    cpu = _total(watcher, "tree_cpu", "cpu", view)
    rss = _total(watcher, "tree_rss", "rss", view)
    mem = rss / row.daemon.memory * 100 if rss is not None and row.daemon.memory else watcher.total("mem")
    ages = [process.age for process in processes if process.age is not None]
    if not processes:  # nothing is not zero
        cpu = rss = mem = None
    status = clean(watcher.status or "-")
    style = {"active": "good", "stopped": "off", "failed": "bad"}.get(status, "wait")
    threads, fds, read, write = (
        watcher.total(what) if processes else None for what in ("threads", "fds", "read_rate", "write_rate")
    )
    return {
        "name": (f"{_mark(row, view)} {clean(watcher.name)}", "bold"),
        "wid": (f"x{len(processes)}", "dim"),
        "cpu": (percent(cpu), _heat(cpu) if cpu is None or cpu < 0.05 else "bold"),
        "mem": (percent(mem), "bold" if processes else "dim"),
        "rss": (size(rss), "bold" if processes else "dim"),
        "age": (duration(max(ages)) if ages else "-", ""),
        "restarts": (number(watcher.restarts), "wait" if watcher.restarts else "dim"),
        "threads": (number(threads), "" if processes else "dim"),
        "state": (status[:8], style),
        "fds": (number(fds), ""),
        "read": (size(read), "dim"),
        "write": (size(write), "dim"),
        "command": (clean(watcher.note), style),
    }


def _total(watcher: Watcher, tree: str, own: str, view: View) -> float | None:
    value = watcher.total(tree) if view.whole_trees else None
    return watcher.total(own) if value is None else value


def plain_text(row: Row, view: View) -> Cell:
    """Headings and sockets: a text over all columns."""
    socket = row.socket
    match row.kind:
        case RowKind.OWN:
            return f"{_mark(row, view)} circus itself", "bold"
        case RowKind.SOCKETS:
            reads = sum(s.reads or 0 for s in row.daemon.sockets.values())
            return f"{_mark(row, view)} sockets{reads:>25,} hits", "bold"
        case _:
            assert socket is not None
            name = clean(socket.name) if socket.name else f"fd {socket.fd}"
            text = f"  {name:<20} {number(socket.reads):>11} hits"
            if socket.connections is not None:
                text += f"{socket.connections:>7} open{number(socket.queue):>5} waiting"
            return f"{text}  {clean(socket.address)}", ""
