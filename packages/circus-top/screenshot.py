"""Write screenshot.svg, the picture in the README: ``make screenshots``."""

import io
import math
from datetime import UTC
from pathlib import Path

from rich.console import Console

from circus.top.model import Daemon, Happening, World, apply_frame, apply_table
from circus.top.render import Look, render
from circus.top.terminal import Picture
from circus.top.view import Sort, View

WIDTH, HEIGHT = 100, 28
# Our own frame around rich's drawing: no font from a network.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>circus-top</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def columns(count: int, first: int, tick: int, load: float, **more: object) -> dict[str, object]:
    cpu = [max(0.0, round(load * (1 + math.sin(tick / 3 + slot)), 1)) for slot in range(count)]
    rss = [(48 << 20) + slot * (3 << 20) for slot in range(count)]
    base = {"pid": [first + slot * 3 for slot in range(count)], "wid": list(range(1, count + 1)), "cpu": cpu}
    base |= {
        "rss": rss,
        "tree_rss": rss,
        "tree_cpu": cpu,
        "mem": 0.4,
        "started": 100.0,
        "restarts": 0,
        "threads": 4,
    }
    return base | {"state": ["running" if value > 40 else "sleeping" for value in cpu], "tree_size": 1} | more


def world() -> World:
    daemon = Daemon(
        "ipc:///run/circus/ctl", trouble=None, can_act=True, version="1.0.0", pid=812, uptime=96_500.0
    )
    result = World([daemon], wall=1_700_000_000.0)
    for tick in range(12):
        for name, count, first, load, status, restarts in (
            ("web", 4, 1201, 21.0, "active", 0),
            ("queue", 3, 1304, 44.0, "active", 1),
            ("scheduler", 1, 1402, 2.0, "active", 0),
            ("mailer", 0, 1500, 0.0, "backoff", 6),
            ("importer", 0, 1600, 0.0, "stopped", 0),
        ):
            table = {
                "watcher": name,
                "status": status,
                "restarts": restarts,
                "uptime": 96_500.0,
                "count": count,
            }
            more = {"command": f"python -m app.{name}", "username": "www"}
            apply_table(
                daemon, table | {"columns": columns(count, first, tick, load, **more)}, now=1.0 * tick
            )
    summary = {"pid": [812, 830], "cpu": 0.0, "memory": 16 << 30}
    for pid, name, rss in ((812, "circusd", 31 << 20), (830, "circusd-stats", 29 << 20)):
        own = {"pid": pid, "subtopic": pid, "name": name, "cpu": 0.0, "mem": 0.2, "rss": rss, "age": 96_500.0}
        apply_frame(daemon, "circus", own | {"threads": 3, "state": "sleeping"}, now=11.0)
    apply_frame(daemon, "circus", summary, now=11.0)
    hits = {
        "fd": 9,
        "subtopic": 9,
        "reads": 312,
        "address": "0.0.0.0:8080",
        "name": "web",
        "queue": 0,
        "connections": 48,
    }
    apply_frame(daemon, "sockets", hits, now=11.0)
    for seconds, text in (
        (9, "worker 1 (pid 1499) exited 1, crash"),
        (8, "backs off for 6.4 s: exit code 1"),
    ):
        result.events.append(Happening(result.wall - seconds, daemon.endpoint, "mailer", text, is_bad=True))
    return result


def main() -> None:
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
    frame, _ = render(world(), View(sort=Sort.CPU), Look(WIDTH, HEIGHT, zone=UTC))
    console.print(Picture(frame))
    path = Path(__file__).parent / "screenshot.svg"
    path.write_text(
        console.export_svg(title="circus-top", code_format=SVG, unique_id="top"), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
