"""From the world and how it is looked at to lines of styled text. Pure: same input, same picture.

Theory. Only what fits the screen is made into text. A line is a list of (text, style name) whose widths add up to at most the
width; the one table of styles uses the terminal's own 16 colours, and every colour stands beside a word or a sign, so that
nothing is lost without colours.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final, assert_never, final

from rich.cells import cell_len, set_cell_size

from circus.top.columns import Column, cells, columns_for, plain_text, title_of
from circus.top.model import Daemon, Watcher, World
from circus.top.pages import detail_lines, event_lines, help_lines
from circus.top.view import Mode, PromptKind, Row, RowKind, Rows, View, follow, rows_of, selected
from circus.top.words import ask_text, clean, duration, percent, size

__all__ = ["HEADER", "STYLES", "Frame", "Look", "body_height", "fit", "render"]

Line = list[tuple[str, str]]
Frame = list[Line]

HEADER: Final = 4
"""Lines above the list: two of totals, the ticker, the titles of the columns."""
_FOOTER: Final = 1

STYLES: Final = {
    "": "",
    "title": "bold cyan",
    "dim": "dim",
    "bold": "bold",
    "good": "green",
    "wait": "yellow",
    "bad": "bold red",
    "off": "dim",
    "head": "reverse",
    "cursor": "reverse bold",
    "bar": "reverse",
    "ask": "bold yellow",
    "spark": "green",
    "hot": "bold red",
    "warm": "yellow",
    "key": "bold cyan",
}
"""Style name -> rich style."""


@final
@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can do.

    Args:
        width: columns.
        height: lines.
        ascii_only: whether it cannot show more than ASCII.
        zone: for times of day; None is the local one.
    """

    width: int
    height: int
    ascii_only: bool = False
    zone: tzinfo | None = None


def body_height(height: int) -> int:
    """Rows of the list that fit a screen of this height."""
    return max(height - HEADER - _FOOTER, 1)


def render(world: World, view: View, look: Look) -> tuple[Frame, View]:
    """The whole screen, and the view with its cursor where it was drawn.

    Args:
        world: what is known.
        view: how it is looked at.
        look: the terminal.
    """
    if look.width < 40 or look.height < 8:
        text = fit(f"{look.width}x{look.height} is too small", look.width).rstrip()
        return [[(text, "")]][: look.height], view
    height = body_height(look.height)
    match view.mode:
        case Mode.LIST:
            rows = rows_of(world, view)
            view = follow(view, rows, height)
            body = _list(world, view, rows, look)
        case Mode.DETAIL:
            rows = rows_of(world, view)
            view = follow_quietly(view, rows)
            body = _page(detail_lines(selected(view, rows), look.width, look.zone), view, height)
        case Mode.EVENTS:
            body = _page(event_lines(world, look.zone), view, height)
        case Mode.HELP:
            body = _page(help_lines(), view, height)
        case _:
            assert_never(view.mode)
    head = [*_header(world, look), _ticker(world, look)]
    if view.mode is Mode.LIST:
        head.append(_titles(view, look))
    else:
        head.append([(fit(_page_title(view, world), look.width), "head")])
    lines = [*head, *body]
    footer = _footer(view, look)
    room = look.height - len(footer)
    lines += [[] for _ in range(room - len(lines))]
    frame = [_clip(line, look.width) for line in lines[:room]] + footer
    if look.ascii_only:
        frame = [[(_to_ascii(text), style) for text, style in line] for line in frame]
    return frame, view


def follow_quietly(view: View, rows: Rows) -> View:
    """As `follow`, for a page that has its own scrolling."""
    followed = follow(view, rows, 1)
    return replace(view, cursor=followed.cursor, position=followed.position)


def fit(text: str, width: int) -> str:
    """Cut or filled to exactly this many cells."""
    if text.isascii():
        return text[:width].ljust(width)
    return set_cell_size(text, width)


_ASCII: Final = str.maketrans("▁▂▃▄▅▆▇█▾▸→·", "_.-:=+*#v>>.")


def _to_ascii(text: str) -> str:
    return text if text.isascii() else text.translate(_ASCII).encode("ascii", "replace").decode()


def _clip(line: Line, width: int) -> Line:
    if sum(len(text) for text, _ in line) <= width and all(text.isascii() for text, _ in line):
        return line
    left = width
    clipped: Line = []
    for text, style in line:
        used = len(text) if text.isascii() else cell_len(text)
        if used > left:
            text, used = fit(text, left), left  # noqa: PLW2901 - the rest of it
        if used:
            clipped.append((text, style))
        left -= used
    return clipped


# -- header and footer -------------------------------------------------------------------------------------------------


def _clock(wall: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(wall, tz=UTC).astimezone(zone).strftime("%H:%M:%S")


def _daemon_text(daemon: Daemon) -> str:
    parts = [clean(daemon.endpoint)]
    version = f" {clean(daemon.version)}" if daemon.version else ""
    if daemon.pid is not None:
        parts.append(f"circusd{version} pid {daemon.pid}")
    if daemon.uptime is not None:
        parts.append(f"up {duration(daemon.uptime)}")
    return "  ".join(parts)


def _header(world: World, look: Look) -> list[Line]:
    clock = _clock(world.wall, look.zone)
    where = _daemon_text(world.daemons[0]) if len(world.daemons) == 1 else f"{len(world.daemons)} circusds"
    troubled = [daemon for daemon in world.daemons if daemon.trouble is not None]
    state, style = ("", "") if not troubled else (f"  {len(troubled)} in trouble", "bad")
    if len(world.daemons) == 1 and troubled:
        state = ""
    first: Line = [("circus-top", "title"), (f"  {where}", ""), (state, style)]
    return [_right(first, clock, look.width), _totals(world)]


def _right(line: Line, text: str, width: int) -> Line:
    room = width - cell_len(text) - 1
    line = _clip(line, room)
    used = sum(cell_len(part) for part, _ in line)
    return [*line, (" " * (room - used + 1), ""), (text, "dim")]


def _totals(world: World) -> Line:
    watchers = [watcher for daemon in world.daemons for watcher in daemon.watchers.values()]
    count = sum(len(watcher.processes) for watcher in watchers)
    words: dict[str, int] = {}
    for watcher in watchers:
        words[watcher.status or "unknown"] = words.get(watcher.status or "unknown", 0) + 1
    line: Line = [(f"{len(watchers):,}", "bold"), (" watchers" if len(watchers) != 1 else " watcher", "")]
    for word, many in sorted(words.items(), key=lambda item: (item[0] != "active", item[0])):
        line += [(", " if len(line) > 2 else " (", "dim"), (f"{many:,} {clean(word)}", status_style(word))]
    line += [
        (")" if words else "", "dim"),
        ("  ", ""),
        (f"{count:,}", "bold"),
        (" processes" if count != 1 else " process", ""),
    ]
    cpu = _known_sum(watchers, "tree_cpu", "cpu")
    rss = _known_sum(watchers, "tree_rss", "rss")
    if cpu is not None:
        line += [("  CPU ", ""), (f"{percent(cpu)}%", "bold")]
    if rss is not None:
        line += [("  mem ", ""), (size(rss), "bold")]
        memory = next((daemon.memory for daemon in world.daemons if daemon.memory), None)
        if memory:
            line.append((f"/{size(memory)}", "dim"))
    restarts = sum(watcher.restarts for watcher in watchers)
    line += [("  restarts ", ""), (f"{restarts:,}", "bold" if not restarts else "wait")]
    return line


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


def _ticker(world: World, look: Look) -> Line:
    if not world.events:
        return [("no events yet", "dim")]
    line: Line = []
    used = 0
    for event in reversed(world.events):
        text = f"{_clock(event.wall, look.zone)} {event.watcher}: {event.text}"
        if line and used + len(text) + 3 > look.width:
            break
        if line:
            line.append((" · ", "dim"))
        line.append((text, "bad" if event.is_bad else "dim"))
        used += len(text) + 3
    return line


def _page_title(view: View, world: World) -> str:
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


def _footer(view: View, look: Look) -> list[Line]:
    width = look.width - 1  # the last cell of a terminal makes some of them scroll
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
    return [_clip(line, width)]


def wrap(text: str, width: int) -> list[str]:
    """Lines that are not longer than the width, broken at blanks where there are some."""
    lines = [""]
    for word in text.split(" "):
        while cell_len(word) > width:
            lines.append(fit(word, width))
            word = word[len(lines[-1].rstrip()) :]  # noqa: PLW2901 - the rest of it
        if not lines[-1]:
            lines[-1] = word
        elif cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line for line in lines if line]


def _page(lines: list[Line], view: View, height: int) -> list[Line]:
    top = min(view.top, max(0, len(lines) - height))
    return lines[top : top + height]


# -- the list ----------------------------------------------------------------------------------------------------------


def _titles(view: View, look: Look) -> Line:
    parts: list[str] = []
    for column in columns_for(look.width):
        title = title_of(column, view)
        parts.append(fit(title, column.width) if column.left else title.rjust(column.width)[-column.width :])
    return [(fit(" ".join(parts), look.width), "head")]


def _list(world: World, view: View, rows: Rows, look: Look) -> list[Line]:
    height = body_height(look.height)
    if not rows:
        return _nothing(world, view)
    columns = columns_for(look.width)
    lines: list[Line] = []
    for index in range(view.top, min(view.top + height, len(rows))):
        row = rows[index]
        line = _row_line(row, view, columns, look)
        if index == view.position:
            text = "".join(text for text, _ in line)
            line = [(fit(text, look.width), "cursor")]
        lines.append(line)
    return lines


def _nothing(world: World, view: View) -> list[Line]:
    if view.filter:
        return [[], [(f"  nothing matches {view.filter!r}; esc clears the filter", "wait")]]
    if not world.daemons:
        return [[], [("  no endpoint", "bad")]]
    return [[], [("  circusd runs, and has no watchers: circusctl add NAME CMD adds one", "wait")]]


def _row_line(row: Row, view: View, columns: list[Column], look: Look) -> Line:
    match row.kind:
        case RowKind.TROUBLE:
            if row.key == "advice":
                return [(f"  {row.daemon.advice or ''}", "wait")]
            return [(f"! {row.daemon.trouble or ''}", "bad")]
        case RowKind.DAEMON:
            return [(f"{_mark(row, view)} {_daemon_text(row.daemon)}", "title")]
        case RowKind.SOCKETS | RowKind.SOCKET | RowKind.OWN:
            return [plain_text(row, view)]
        case RowKind.WATCHER | RowKind.PROCESS | RowKind.OWN_PROCESS:
            return _join(columns, cells(row, view, columns, look.ascii_only))
        case _:
            assert_never(row.kind)


def _join(columns: list[Column], texts: list[tuple[str, str]]) -> Line:
    """Cells side by side; neighbours of one style are one piece, which spares the terminal, and us, most of them."""
    line: Line = []
    run, run_style = "", texts[0][1]
    for column, (text, style) in zip(columns, texts, strict=True):
        width = column.width
        padded = fit(text, width) if column.left else text.rjust(width)[:width]
        if style == run_style:
            run += f"{padded} "
        else:
            line.append((run, run_style))
            run, run_style = f"{padded} ", style
    line.append((run[:-1], run_style))
    return line


def _mark(row: Row, view: View) -> str:
    return "▸" if row[:3] in view.folded else "▾"
