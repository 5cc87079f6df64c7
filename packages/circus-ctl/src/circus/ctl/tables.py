"""Replies as tables, for a terminal. Pure; loads rich.

Every state has a word beside its colour. Text of users is never read as markup.
"""

from collections.abc import Iterable
from typing import Any, Final, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from circus.ctl import describe as plain_describe
from circus.ctl.plain import option_text

__all__ = [
    "STATE_STYLES",
    "audit",
    "describe",
    "dstats",
    "env",
    "listing",
    "options",
    "sockets",
    "stats",
    "status",
    "version",
]

Reply = dict[str, Any]

STATE_STYLES: Final = {
    "active": "green",
    "up": "green",
    "starting": "cyan",
    "stopping": "yellow",
    "stopped": "dim",
    "backoff": "yellow",
    "failed": "bold red",
    "stuck": "bold red",
    "error": "bold red",
}

_RIGHT: Final = frozenset(
    {"PID", "WID", "FD", "CPU%", "MEM%", "RSS", "VIRT", "NICE", "AGE", "TIME", "RESTARTS"}
)


def _table(*columns: str) -> Table:
    long = {"COMMAND", "VALUE", "WHAT"}.intersection(columns)
    # Where the width does not suffice, the long column gives way and the others keep theirs.
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), expand=bool(long))
    for column in columns:
        is_long = column in long
        table.add_column(
            column,
            justify="right" if column in _RIGHT else "left",
            no_wrap=not is_long or column == "COMMAND",
            overflow="ellipsis" if column == "COMMAND" else "fold",
            ratio=1 if is_long else None,
        )
    return table


def _cells(values: Iterable[Any]) -> list[Text]:
    return [
        value if isinstance(value, Text) else Text("" if value is None else str(value)) for value in values
    ]


def _state(state: str) -> Text:
    return Text(state, STATE_STYLES.get(state.lower(), ""))


def _nothing(what: str) -> Text:
    return Text(f"no {what}", "dim")


def status(reply: Reply, *, wide: bool) -> RenderableType:
    if "statuses" not in reply:
        return _state(str(reply["status"]))
    statuses: dict[str, str] = reply["statuses"]
    if not statuses:
        return _nothing("watchers")
    details: dict[str, Reply] = reply.get("details", {})
    if not wide or not details:
        table = _table("WATCHER", "STATUS")
        for name, state in sorted(statuses.items()):
            table.add_row(*_cells([name, _state(state)]))
        return table
    table = _table("WATCHER", "STATUS", "WORKERS", "RESTARTS", "LAST EXIT")
    for name, state in sorted(statuses.items()):
        detail = details.get(name, {})
        workers: list[Reply] = detail.get("workers", [])
        running, wanted = detail.get("running", ""), detail.get("wanted")
        count = f"{running}/{wanted}" if wanted is not None else running
        restarts = sum(worker.get("restarts", 0) for worker in workers) if workers else ""
        exits: list[Reply] = detail.get("exits", [])
        last = plain_describe.exit_text(exits[-1]) if exits else ""
        table.add_row(*_cells([name, _state(state), count, restarts, last]))
    return table


def listing(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    pids = "pids" in reply
    items: list[Any] = reply["pids"] if pids else reply.get("watchers", [])
    if not items:
        return _nothing("workers" if pids else "watchers")
    table = _table("PID" if pids else "WATCHER")
    for item in items:
        table.add_row(*_cells([item]))
    return table


def sockets(reply: Reply, *, wide: bool) -> RenderableType:
    if not reply["sockets"]:
        return _nothing("sockets")
    table = _table("SOCKET", "ADDRESS", "FD", *(["BACKLOG"] if wide else []))
    for item in reply["sockets"]:
        address = item["path"] if "path" in item else f"{item['host']}:{item['port']}"
        table.add_row(*_cells([item["name"], address, item["fd"], *([item.get("backlog")] if wide else [])]))
    return table


def _pairs(pairs: Iterable[tuple[str, Any]], *, head: tuple[str, str] = ("OPTION", "VALUE")) -> Table:
    table = _table(*head)
    for key, value in pairs:
        table.add_row(Text(key, "cyan"), *_cells([value]))
    return table


def options(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    found: Reply = reply["options"]
    return _pairs((key, option_text(key, value)) for key, value in found.items())


def env(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    found: dict[str, str] = reply["options"].get("env") or {}
    if not found:
        return _nothing("variables of its own")
    return _pairs(sorted(found.items()), head=("VARIABLE", "VALUE"))


def _info_cells(info: Any, pid: Any, *, wide: bool, indent: str = "") -> list[Text]:
    if not isinstance(info, dict):
        return _cells([pid, "", "", "", "", *(["", ""] if wide else []), "", info])
    values = cast("Reply", info)
    cells = [
        values.get("pid", pid),
        values.get("username"),
        values.get("cpu"),
        values.get("mem"),
        values.get("mem_info1"),
        *([values.get("mem_info2"), values.get("nice")] if wide else []),
        plain_describe.age(values["age"]) if values.get("age") else values.get("ctime"),
        indent + str(values.get("cmdline", "")),
    ]
    return _cells(cells)


def _stats_table(*, wide: bool, group: bool) -> Table:
    columns = ["PID", "USER", "CPU%", "MEM%", "RSS", *(["VIRT", "NICE"] if wide else []), "AGE", "COMMAND"]
    return _table(*(["WATCHER"] if group else []), *columns)


def stats(reply: Reply, *, wide: bool) -> RenderableType:
    if "infos" in reply:
        groups: dict[str, Reply] = reply["infos"]
    elif "name" in reply:
        groups = {reply["name"]: reply.get("info", {})}
    else:
        groups = {"": {str(reply["process"]): reply["info"]}}
    table = _stats_table(wide=wide, group="" not in groups)
    for name, infos in groups.items():
        label = [Text(name, "bold")] if name else []
        for pid, info in (infos or {}).items():
            table.add_row(*label, *_info_cells(info, pid, wide=wide))
            children: list[Reply] = cast("Reply", info).get("children", []) if isinstance(info, dict) else []
            for child in children:
                table.add_row(*([Text("")] if label else []), *_info_cells(child, "", wide=wide, indent="└ "))
            label = [Text("")] if label else []
    return table if table.row_count else _nothing("workers")


def dstats(reply: Reply, *, wide: bool) -> RenderableType:
    info: Reply = reply["info"]
    table = _stats_table(wide=wide, group=False)
    table.add_row(*_info_cells(info, "", wide=wide))
    for child in info.get("children", []):
        table.add_row(*_info_cells(child, "", wide=wide, indent="└ "))
    return table


def describe(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    parts: list[RenderableType] = []
    head = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for key, value in plain_describe.facts(reply, without=plain_describe.LISTED_APART):
        head.add_row(Text(key, "cyan"), _state(value) if key == "state" else Text(value))
    parts.append(head)
    workers: list[Reply] = reply.get("workers", [])
    if workers:
        table = _table("WID", "PID", "STATE", "AGE", "RESTARTS", "LAST EXIT")
        for worker in workers:
            table.add_row(
                *_cells(
                    [
                        worker.get("wid"),
                        worker.get("pid"),
                        _state(str(worker.get("state"))),
                        plain_describe.age(worker.get("age")),
                        worker.get("restarts", 0),
                        plain_describe.exit_text(worker.get("last_exit")),
                    ]
                )
            )
        parts += [Text(), table]
    exits: list[Reply] = reply.get("exits", [])
    if exits:
        table = _table("EXITED AT", "WID", "PID", "WHAT")
        for item in exits:
            text = plain_describe.exit_text(item)
            table.add_row(
                *_cells([plain_describe.clock(item.get("time")), item.get("wid"), item.get("pid"), text])
            )
        parts += [Text(), table]
    return Group(*parts, Text())


def audit(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    entries = plain_describe.audit_entries(reply)
    if not entries:
        return _nothing("changes yet")
    table = _table("WHEN", "WHAT")
    for entry in entries:
        text = Text()
        for key, value in plain_describe.facts(entry):
            text.append(f"{key}=", "cyan").append(f"{value} ")
        table.add_row(Text(plain_describe.clock(entry.get("time"))), text)
    return table


def version(reply: Reply, *, wide: bool) -> RenderableType:
    del wide
    return _pairs(plain_describe.version_facts(reply), head=("CIRCUSD", "VALUE"))
