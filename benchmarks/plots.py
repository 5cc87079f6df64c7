"""Plots as SVG, written by hand: bars of one run, and curves over the number of workers. Logarithmic, for times differ by 1,000."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["bars", "growth"]

_COLOURS = {
    "floor": "#777777",
    "reference": "#b5651d",
    "supervisor": "#8c6bb1",
    "runit": "#4393c3",
    "s6": "#5aae61",
    "daemontools": "#c2a5cf",
    "pm2": "#d6604d",
    "circus": "#0b3c8c",
}
_GROWING = (
    ("replace_ms", "M1 replacement, ms"),
    ("start_s", "M2 start, s"),
    ("storm_s", "M5 all replaced, s"),
    ("stop_s", "M3 stop, s"),
    ("rest_cpu_percent", "M4 at rest, % CPU"),
    ("uss_mib", "M4 private memory, MiB"),
)


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    style = "text{font:11px sans-serif;fill:#222}.t{font-weight:bold}.l{stroke:#ddd}"
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<style>{style}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", cls: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{cls}">{escape(text)}</text>'


def _place(value: float, low: float, high: float, length: float) -> float:
    """Where a value stands on a logarithmic axis of this length."""
    if high <= low:
        return length
    return length * (math.log(max(value, low)) - math.log(low)) / (math.log(high) - math.log(low))


def bars(document: Mapping[str, Any], rows: Sequence[Any]) -> str:
    """A panel of bars for each row that has figures above zero; of fleets the largest that most have."""
    parts: list[str] = []
    y, width = 20.0, 760
    for row in rows:
        values = _row_values(document, row)
        shown = {peer: value for peer, value in values.items() if value > 0}
        if len(shown) < 2:
            continue
        low, high = min(shown.values()) / 2, max(shown.values())
        parts.append(_text(10, y, row.title.replace("`", ""), cls="t"))
        for peer, value in shown.items():
            y += 16
            length = max(2.0, _place(value, low, high, 460))
            parts.append(_text(100, y + 9, peer, anchor="end"))
            parts.append(
                f'<rect x="106" y="{y:.1f}" width="{length:.1f}" height="12" fill="{_COLOURS.get(peer, "#999")}"/>'
            )
            parts.append(_text(112 + length, y + 10, f"{value:,.3g}"))
        y += 34
    return _svg(width, int(y), parts)


def _row_values(document: Mapping[str, Any], row: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    for peer in _COLOURS:
        scenes = document["samples"].get(peer, {})
        names = (
            sorted((name for name in scenes if name.isdigit()), key=int)
            if row.scene == "{fleet}"
            else [row.scene]
        )
        names = [name for name in names if scenes.get(name, {}).get(row.figure)]
        if row.scene == "{fleet}":
            names = [name for name in names if int(name) <= 1000]
        if names:
            values[peer] = statistics.median(scenes[names[-1]][row.figure])
    return values


def growth(document: Mapping[str, Any]) -> str:
    """A panel a metric: over the number of workers; dashed: as many watchers of one."""
    parts: list[str] = []
    for index, (figure, title) in enumerate(_GROWING):
        left, top = 60 + (index % 2) * 400, 30 + (index // 2) * 250
        parts += _panel(document, figure, title, left, top)
    x = 60.0
    for peer, colour in _COLOURS.items():
        if peer in document["samples"]:
            parts.append(f'<rect x="{x}" y="776" width="12" height="12" fill="{colour}"/>')
            parts.append(_text(x + 16, 786, peer))
            x += 100
    parts.append(_text(x, 786, "solid: one watcher of N; dashed: N watchers of one"))
    return _svg(860, 800, parts)


def _panel(document: Mapping[str, Any], figure: str, title: str, left: int, top: int) -> list[str]:
    curves: list[tuple[str, bool, list[tuple[int, float]]]] = []
    for peer, scenes in document["samples"].items():
        for each in (False, True):
            points = sorted(
                (int(scene.partition("x")[0]), statistics.median(kept[figure]))
                for scene, kept in scenes.items()
                if scene[:1].isdigit() and ("x" in scene) is each and kept.get(figure)
            )
            if points:
                curves.append((peer, each, points))
    parts = [_text(left, top - 8, title, cls="t")]
    values = [value for _, _, points in curves for _, value in points if value > 0]
    sizes = [size for _, _, points in curves for size, _ in points]
    if not values:
        return [*parts, _text(left, top + 90, "zero everywhere" if sizes else "not measured")]
    low, high, width, height = min(values) / 1.5, max(values) * 1.5, 300, 190
    for size in sorted(set(sizes)):
        x = left + _place(size, 0.7, max(sizes), width)
        parts.append(f'<line class="l" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}"/>')
        label = f"{size // 1000}k" if size >= 1000 and size % 1000 == 0 else str(size)
        parts.append(_text(x, top + height + 14, label, anchor="middle"))
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        if low <= 10.0**power <= high:
            y = top + height - _place(10.0**power, low, high, height)
            parts.append(f'<line class="l" x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}"/>')
            parts.append(_text(left - 4, y + 4, f"{10.0**power:g}", anchor="end"))
    for peer, each, points in curves:
        path = " ".join(
            f"{left + _place(size, 0.7, max(sizes), width):.1f},{top + height - _place(value, low, high, height):.1f}"
            for size, value in points
        )
        dash = ' stroke-dasharray="5 4"' if each else ""
        colour = _COLOURS.get(peer, "#999")
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    return parts
