"""The screens beside the list: one watcher in detail, the events, the help. Pure."""

import json
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from circus.top.lines import Line
from circus.top.model import Daemon, Detail, Watcher, World
from circus.top.process import Process
from circus.top.shape import is_list, is_mapping
from circus.top.view import Row
from circus.top.words import clean, count, duration, number, percent, size

__all__ = ["detail_lines", "event_lines", "help_lines"]


def _time(wall: object, zone: tzinfo | None) -> str:
    if not isinstance(wall, (int, float)):
        return "-"
    return datetime.fromtimestamp(wall, tz=UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _heading(text: str) -> list[Line]:
    return [[], [(text, "key")]]


def detail_lines(row: Row | None, width: int, zone: tzinfo | None) -> list[Line]:
    """One watcher: its processes, exits, last output, sockets, options.

    Args:
        row: what the cursor is on.
        width: of the screen.
        zone: for times.
    """
    if row is None or row.watcher is None:
        return [[("this watcher is gone; esc goes back", "wait")]]
    daemon, watcher = row.daemon, row.watcher
    detail = daemon.details.get(watcher.name)
    lines: list[Line] = [
        [
            (clean(watcher.name), "title"),
            (
                f"  {clean(watcher.status or '-')}",
                {"active": "good", "failed": "bad"}.get(watcher.status or "", "wait"),
            ),
            (
                f"  {count(len(watcher.processes), 'process', 'processes')}, {count(watcher.restarts, 'restart')}",
                "",
            ),
        ]
    ]
    if watcher.note:
        lines.append([(f"  {clean(watcher.note)}", "wait")])
    if row.process is not None:
        lines += _process_lines(row.process)
    if detail is None:
        return [*lines, [], [("asking circusd ...", "dim")]]
    if detail.error:
        lines += [[], [(detail.error, "bad")]]
    lines += _exit_lines(daemon, watcher, detail, zone)
    lines += _output_lines(row, detail, width)
    lines += _socket_lines(daemon, detail)
    return lines + _option_lines(detail)


def _process_lines(process: Process) -> list[Line]:
    facts = [
        ("pid", str(process.pid)),
        ("worker", number(process.wid)),
        ("state", process.state or "-"),
        ("user", process.username or "-"),
        ("age", duration(process.age)),
        ("cpu", f"{percent(process.cpu)}%"),
        ("memory", f"{size(process.rss)} ({percent(process.mem)}%)"),
        (
            "tree",
            f"{count(process.tree_size, 'process', 'processes')}, {percent(process.tree_cpu)}%, {size(process.tree_rss)}",
        ),
        ("threads", number(process.threads)),
        ("descriptors", number(process.fds)),
        ("disk", f"reads {size(process.read_rate)}/s, writes {size(process.write_rate)}/s"),
        ("command", process.command or "-"),
    ]
    return [[(f"  {name:<12}", "dim"), (clean(text), "")] for name, text in facts]


def _exit_lines(daemon: Daemon, watcher: Watcher, detail: Detail, zone: tzinfo | None) -> list[Line]:
    lines = _heading("last exits, and why")
    if detail.exits is None:
        return [*lines, [("  this circusd does not keep them; press e for the events that were seen", "dim")]]
    if not detail.exits:
        return [*lines, [(f"  none since {clean(watcher.name)} was added", "dim")]]
    del daemon
    for item in list(detail.exits)[-10:][::-1]:
        why, how = str(item.get("why", "")), str(item.get("exit", item.get("exit_code", "")))
        ran = f", ran {duration(item.get('lifetime'))}" if item.get("lifetime") is not None else ""
        text = f"worker {item.get('wid', '-')} pid {item.get('pid', '-')}: {how} ({why}){ran}"
        style = "bad" if why == "crash" else ""
        lines.append([(f"  {_time(item.get('time'), zone)}  ", "dim"), (clean(text), style)])
    return lines


def _output_lines(row: Row, detail: Detail, width: int) -> list[Line]:
    lines = _heading("last output")
    if detail.lines is None:
        return [*lines, [(f"  {detail.why_no_lines}", "dim")]]
    wanted = [
        line for line in detail.lines if row.process is None or line.get("pid") in {None, row.process.pid}
    ] or list(detail.lines)
    if not wanted:
        return [*lines, [("  nothing was written yet", "dim")]]
    for line in wanted[-20:]:
        mark = f"  {line.get('wid', '-')} "
        is_error = line.get("stream") == "stderr"
        text = clean(str(line.get("data", "")).rstrip("\n").expandtabs(4))
        lines.append([(mark, "dim"), (text[: max(width - len(mark), 1)], "wait" if is_error else "")])
    return lines


def _socket_lines(daemon: Daemon, detail: Detail) -> list[Line]:
    uses: Any = (detail.options or {}).get("use_sockets")
    lines = _heading("sockets")
    if not uses or str(uses).lower() in {"false", "0"}:
        return [*lines, [("  none: use_sockets is off", "dim")]]
    named = {str(name).lower() for name in uses} if is_list(uses) else None
    sockets = [s for s in daemon.sockets.values() if named is None or (s.name or "").lower() in named]
    if not sockets:
        return [*lines, [("  circusd has none", "dim")]]
    return lines + [
        [
            (f"  {clean(s.name or '-')}  {clean(s.address)}  fd {s.fd}", ""),
            (f"  {number(s.reads)} hits", "dim"),
        ]
        for s in sockets
    ]


def _option_lines(detail: Detail) -> list[Line]:
    lines = _heading("options")
    if not detail.options:
        return [*lines, [("  -", "dim")]]
    return lines + [
        [(f"  {clean(str(name)):<24}", "dim"), (clean(_option_text(value)), "")]
        for name, value in sorted(detail.options.items())
    ]


_SECRET: Final = ("PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL")


def _option_text(value: object) -> str:
    """Values as they are written in the configuration; secrets of the environment stay hidden: people look over shoulders."""
    if value is None:
        return "-"
    if is_mapping(value):
        shown = [
            f"{key}={'***' if any(word in str(key).upper() for word in _SECRET) else text}"
            for key, text in value.items()
        ]
        return " ".join(shown)
    if is_list(value):
        return " ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)


def event_lines(world: World, zone: tzinfo | None) -> list[Line]:
    """All events that are remembered, the newest first."""
    if not world.events:
        return [[("none since circus-top was started", "dim")]]
    many = len(world.daemons) > 1
    return [
        [
            (f"{_time(event.wall, zone)}  ", "dim"),
            (f"{event.daemon}  " if many else "", "dim"),
            (f"{event.watcher}  ", "bold"),
            (event.text, "bad" if event.is_bad else ""),
        ]
        for event in reversed(world.events)
    ]


_HELP: Final = (
    (
        "move",
        (("up down j k", "one row"), ("PgUp PgDn Home End", "further"), ("enter", "details of a watcher")),
    ),
    (
        "look",
        (
            ("c m a", "sort by CPU, memory, age"),
            ("i n r", "sort by pid, name, restarts"),
            ("v", "reverse the order"),
            ("/", "filter: name, pid, command, user, state; esc clears"),
            ("space left right", "fold and unfold; f folds all"),
            ("t", "figures of whole process trees, or of the workers alone"),
            ("e", "events"),
            ("p", "pause the figures"),
        ),
    ),
    (
        "act, after a question that names what will happen",
        (
            ("S T R L", "start, stop (terminate), restart, reload the watcher"),
            ("K G", "kill, or signal, the process; on a watcher's row all of them"),
            ("+ -", "one process more, one less"),
        ),
    ),
    ("leave", (("q", "quit"), ("^Z", "suspend; fg resumes"))),
    (
        "what the columns say",
        (
            ("CPU%", "of one core, over the last second, of the worker and its children"),
            ("MEM% RSS", "resident memory of the same; shared pages count for each"),
            ("own% own", "the same of the worker alone, after t"),
            ("pid +2", "two more processes are in its tree"),
            ("RST", "exits that nobody asked for"),
            ("hits", "connections that arrived in the last second, as far as can be seen"),
        ),
    ),
)


def help_lines() -> list[Line]:
    """Keys and columns."""
    lines: list[Line] = []
    for title, items in _HELP:
        lines += _heading(title) if lines else [[(title, "key")]]
        lines += [[(f"  {keys:<20}", "bold"), (text, "")] for keys, text in items]
    return lines
