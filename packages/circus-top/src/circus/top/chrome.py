"""What stands above and below the list: totals, ticker, hints, questions. Pure."""

from datetime import UTC, datetime, tzinfo
from typing import Final, assert_never

from rich.cells import cell_len

from circus.top.lines import Line, clip, fit, wrap
from circus.top.model import Daemon, Watcher, World
from circus.top.view import Mode, PromptKind, View
from circus.top.words import ask_text, clean, duration, percent, size

__all__ = ["daemon_text", "footer", "header", "page_title", "status_style", "ticker"]


def _clock(wall: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(wall, tz=UTC).astimezone(zone).strftime("%H:%M:%S")


def daemon_text(daemon: Daemon) -> str:
    parts = [clean(daemon.endpoint)]
    version = f" {clean(daemon.version)}" if daemon.version else ""
    if daemon.pid is not None:
        parts.append(f"circusd{version} pid {daemon.pid}")
    if daemon.uptime is not None:
        parts.append(f"up {duration(daemon.uptime)}")
    return "  ".join(parts)


def header(world: World, width: int, zone: tzinfo | None) -> list[Line]:
    clock = _clock(world.wall, zone)
    where = daemon_text(world.daemons[0]) if len(world.daemons) == 1 else f"{len(world.daemons)} circusds"
    troubled = [daemon for daemon in world.daemons if daemon.trouble is not None]
    state, style = ("", "") if not troubled else (f"  {len(troubled)} in trouble", "bad")
    if len(world.daemons) == 1 and troubled:
        state = ""
    first: Line = [("circus-top", "title"), (f"  {where}", ""), (state, style)]
    return [_right(first, clock, width), _totals(world, width)]


def _right(line: Line, text: str, width: int) -> Line:
    room = width - cell_len(text) - 1
    line = clip(line, room)
    used = sum(cell_len(part) for part, _ in line)
    return [*line, (" " * (room - used + 1), ""), (text, "dim")]


def _totals(world: World, width: int) -> Line:
    """One line; narrow terminals get the essence."""
    is_narrow = width < 100
    watchers = [watcher for daemon in world.daemons for watcher in daemon.watchers.values()]
    processes = sum(len(watcher.processes) for watcher in watchers)
    words: dict[str, int] = {}
    for watcher in watchers:
        word = watcher.status or "unknown"
        words[word] = words.get(word, 0) + 1
    line: Line = [(f"{len(watchers):,}", "bold"), (" watcher" if len(watchers) == 1 else " watchers", "")]
    separator = ": "
    for word, many in sorted(words.items(), key=lambda item: (item[0] != "active", item[0])):
        if word != "active" or not is_narrow:
            line += [(separator, "dim"), (f"{many:,} {clean(word)}", status_style(word))]
            separator = ", "
    noun = "procs" if is_narrow else "process" if processes == 1 else "processes"
    line += [("  ", ""), (f"{processes:,}", "bold"), (f" {noun}", "")]
    cpu = _known_sum(watchers, "tree_cpu", "cpu")
    rss = _known_sum(watchers, "tree_rss", "rss")
    if cpu is not None:
        line += [("  CPU ", ""), (f"{percent(cpu)}%", "bold")]
    if rss is not None:
        line += [("  mem ", ""), (size(rss), "bold")]
        memory = next((daemon.memory for daemon in world.daemons if daemon.memory), None)
        if memory and not is_narrow:
            line.append((f"/{size(memory)}", "dim"))
    restarts = sum(watcher.restarts for watcher in watchers)
    line += [("  ", ""), (f"{restarts:,}", "wait" if restarts else "bold")]
    return [*line, (" restart" if restarts == 1 else " restarts", "")]


def _known_sum(watchers: list[Watcher], tree: str, own: str) -> float | None:
    found: list[float] = []
    for watcher in watchers:
        value = watcher.total(tree)
        value = watcher.total(own) if value is None else value
        if value is not None and watcher.processes:
            found.append(value)
    return sum(found) if found else None


def status_style(word: str | None) -> str:
    """The style of a watcher's status."""
    match word:
        case "active":
            return "good"
        case "stopped":
            return "off"
        case "failed":
            return "bad"
        case "starting" | "stopping" | "backoff":
            return "wait"
        case _:
            return ""


def ticker(world: World, width: int, zone: tzinfo | None) -> Line:
    if not world.events:
        return [("no events yet", "dim")]
    line: Line = []
    used = 0
    for event in reversed(world.events):
        text = f"{_clock(event.wall, zone)} {event.watcher}: {event.text}"
        if line and used + len(text) + 3 > width:
            break
        if line:
            line.append((" · ", "dim"))
        line.append((text, "bad" if event.is_bad else "dim"))
        used += len(text) + 3
    return line


def page_title(view: View, world: World) -> str:
    match view.mode:
        case Mode.DETAIL:
            return "detail"
        case Mode.EVENTS:
            return f"events, the last {len(world.events)}"
        case Mode.HELP:
            return "help"
        case Mode.LIST:
            return ""
        case _:
            assert_never(view.mode)


_HINTS: Final = {
    Mode.LIST: (
        "? help",
        "/ filter",
        "enter detail",
        "c m a i n r sort",
        "f fold",
        "S start",
        "T stop",
        "R restart",
        "K kill",
        "q quit",
        "L reload",
        "G signal",
        "+ -",
        "e events",
        "p pause",
        "t trees",
    ),
    Mode.DETAIL: (
        "esc back",
        "j k scroll",
        "S start",
        "T stop",
        "R restart",
        "L reload",
        "K kill",
        "G signal",
        "+ -",
    ),
    Mode.EVENTS: ("esc back", "j k scroll"),
    Mode.HELP: ("esc back", "j k scroll"),
}
"""What the last line offers; those that do not fit are left out."""


def footer(view: View, width: int) -> list[Line]:
    width -= 1  # the last cell of a terminal makes some of them scroll
    if view.prompt is not None:
        cursor = "_" if view.prompt.kind is not PromptKind.CONFIRM else ""
        return [[(fit(line, width), "ask")] for line in wrap(ask_text(view.prompt) + cursor, width)[-4:]]
    if view.message:
        return [[(fit(line, width), "ask")] for line in wrap(clean(view.message), width)[:3]]
    marks = "PAUSED  " if view.paused else ""
    if view.filter:
        marks += f"filter {view.filter!r} (esc clears)  "
    line: Line = [(marks, "wait")] if marks else []
    used = cell_len(marks)
    for hint in _HINTS[view.mode]:
        if used + len(hint) > width:
            break
        key, _, word = hint.rpartition(" ")
        line += [(key, "key"), (f" {word}  ", "dim")]
        used += len(hint) + 2
    return [clip(line, width)]
