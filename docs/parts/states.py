"""The life of a worker as a picture and as a table, from the transition table that runs."""

import math
from collections import defaultdict

from circus.watcher.machine import TRANSITIONS, State, render_diagram
from circus.watcher.status import Status
from parts.markdown import code, fence, table
from parts.sources import attribute_docs

__all__ = ["PARTS", "picture"]

_PLACES: dict[State, tuple[int, int]] = {
    State.BACKOFF: (200, 50),
    State.GAVE_UP: (470, 50),
    State.EMPTY: (80, 210),
    State.STARTING: (340, 210),
    State.UP: (620, 210),
    State.STUCK: (80, 390),
    State.KILLING: (340, 390),
    State.STOPPING: (620, 390),
}
"""Where each state stands; what leads where is never written here."""

_WIDTH, _HEIGHT = 720, 440
_HALF = (52, 18)


def _moves() -> dict[tuple[State, State], list[str]]:
    """The events that lead from one state to another one."""
    found: defaultdict[tuple[State, State], list[str]] = defaultdict(list)
    for row in TRANSITIONS:
        for target in sorted(row.targets, key=lambda state: state.name):
            if target is not row.state:
                found[row.state, target].append(row.event.__name__)
    return dict(found)


def _edge(origin: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where a line from the middle of a box leaves it."""
    dx, dy = towards[0] - origin[0], towards[1] - origin[1]
    reach = min(_HALF[0] / abs(dx) if dx else math.inf, _HALF[1] / abs(dy) if dy else math.inf)
    return origin[0] + dx * reach, origin[1] + dy * reach


def _arrow(source: State, target: State, words: list[str], bend: float) -> str:
    (x1, y1), (x2, y2) = _PLACES[source], _PLACES[target]
    length = math.hypot(x2 - x1, y2 - y1)
    # The control point lies beside the straight line, on its left: two that run against each other part.
    cx = (x1 + x2) / 2 + (y2 - y1) / length * bend
    cy = (y1 + y2) / 2 - (x2 - x1) / length * bend
    (sx, sy), (ex, ey) = _edge((x1, y1), (cx, cy)), _edge((x2, y2), (cx, cy))
    # The word stands near where the arrow begins: in the middle it would meet others'.
    t = 0.22 if length > 300 else 0.34
    tx, ty = (
        (1 - t) ** 2 * begin + 2 * t * (1 - t) * control + t**2 * end
        for begin, control, end in ((sx, cx, ex), (sy, cy, ey))
    )
    text = ", ".join(dict.fromkeys(words))
    return (
        f'<path d="M{sx:.0f} {sy:.0f}Q{cx:.0f} {cy:.0f} {ex:.0f} {ey:.0f}" marker-end="url(#arrow)"/>'
        f'<text class="word" x="{tx:.0f}" y="{ty:.0f}">{text}</text>'
    )


def picture() -> str:
    """An SVG in the colours of the page around it."""
    moves = _moves()
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            'aria-label="The states of a worker and the events between them">'
        ),
        (
            "<style>.states path{fill:none;stroke:currentColor}.states rect{fill:none;stroke:currentColor;stroke-width:1.5}"
            ".states text{font:13px sans-serif;fill:currentColor;text-anchor:middle;dominant-baseline:middle}"
            ".states .word{font-size:11px;paint-order:stroke;stroke:var(--color-background-primary,#fff);stroke-width:5}"
            ".states marker path{fill:currentColor;stroke:none}</style>"
        ),
        (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        ),
    ]
    for (source, target), words in moves.items():
        far = math.dist(_PLACES[source], _PLACES[target]) > 450
        bend = 80 if far else 34 if (target, source) in moves else 14
        lines.append(_arrow(source, target, words, bend))
    for state, (x, y) in _PLACES.items():
        lines.append(
            f'<rect x="{x - _HALF[0]}" y="{y - _HALF[1]}" width="{2 * _HALF[0]}" height="{2 * _HALF[1]}" rx="8"/>'
            f'<text x="{x}" y="{y}">{state.name}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _table() -> str:
    rows: list[tuple[str, str, str]] = []
    for row in TRANSITIONS:
        targets = ", ".join(sorted(code(target.name) for target in row.targets))
        rows.append((code(row.state.name), row.event.__name__, targets))
    return table(("in", "comes", "then"), rows)


def _statuses() -> str:
    docs = attribute_docs(Status)
    known = {
        Status.STOPPED: "Nothing of it runs.",
        Status.STARTING: "Its first workers are being started.",
        Status.ACTIVE: "It runs.",
        Status.STOPPING: "It was told to stop, and something of it still runs, or its output is still read.",
    }
    return table(
        ("status", "meaning"),
        [(code(status.value), known.get(status) or docs[status.name]) for status in Status],
    )


PARTS = {
    "states": lambda: f'<div class="states">\n\n```{{raw}} html\n{picture()}```\n\n</div>',
    "transitions": _table,
    "statuses": _statuses,
    "states-mermaid": lambda: fence("text", render_diagram()),
}
