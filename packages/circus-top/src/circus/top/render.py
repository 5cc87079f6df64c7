"""From the world and how it is looked at to lines of styled text. Pure: same input, same picture.

Theory. Only what fits the screen is made into text. A line is a list of (text, style name) whose widths add up to at most the
width; the one table of styles uses the terminal's own 16 colours, and every colour stands beside a word or a sign, so that
nothing is lost without colours.
"""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final, assert_never, final

from circus.top.chrome import daemon_text, footer, header, page_title, ticker
from circus.top.columns import Column, cells, columns_for, plain_text, title_of
from circus.top.lines import Frame, Line, clip, fit, to_ascii
from circus.top.model import World
from circus.top.pages import detail_lines, event_lines, help_lines
from circus.top.rows import Rows, follow, rows_of, selected
from circus.top.view import Mode, Row, RowKind, View

__all__ = ["HEADER", "Look", "body_height", "render"]

HEADER: Final = 4
"""Lines above the list: two of totals, the ticker, the titles of the columns."""
_FOOTER: Final = 1


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
    head = [*header(world, look.width, look.zone), ticker(world, look.width, look.zone)]
    if view.mode is Mode.LIST:
        head.append(_titles(view, look))
    else:
        head.append([(fit(page_title(view, world), look.width), "head")])
    lines = [*head, *body]
    below = footer(view, look.width)
    room = look.height - len(below)
    lines += [[] for _ in range(room - len(lines))]
    frame = [clip(line, look.width) for line in lines[:room]] + below
    if look.ascii_only:
        frame = [[(to_ascii(text), style) for text, style in line] for line in frame]
    return frame, view


def follow_quietly(view: View, rows: Rows) -> View:
    """As `follow`, for a page that has its own scrolling."""
    followed = follow(view, rows, 1)
    return replace(view, cursor=followed.cursor, position=followed.position)


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
            return [(f"{_mark(row, view)} {daemon_text(row.daemon)}", "title")]
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
