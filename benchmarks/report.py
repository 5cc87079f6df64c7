"""From samples to what people read: JSON with everything, a Markdown table of medians, ranges and ratios, SVG plots.

``python -m benchmarks.report`` puts the newest full and growth results into docs/performance.md, and a short table of medians into
README.md, each between its markers.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import plots
from benchmarks.suite import Results

__all__ = ["RESULTS", "TABLE", "main", "put", "render", "short", "write"]

RESULTS = Path(__file__).parent / "results"
_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_FRONT = Path(__file__).parent.parent / "README.md"
_ORDER = ("floor", "reference", "supervisor", "runit", "s6", "daemontools", "pm2", "circus")


class Row(NamedTuple):
    """One line of the table: what is shown, from which scene and figure, and which way is better."""

    title: str
    scene: str
    figure: str
    lower_is_better: bool = True


TABLE: tuple[Row, ...] = (
    Row("M1 `kill -9` → replacement in `main()`, ms", "{fleet}", "replace_ms"),
    Row("M2 daemon executed → all in `main()`, s", "{fleet}", "start_s"),
    Row("M3 stop → workers and daemon gone, s", "{fleet}", "stop_s"),
    Row("M4 processor time at rest, %", "{fleet}", "rest_cpu_percent"),
    Row("M4 context switches at rest", "{fleet}", "rest_switches"),
    Row("M4 private memory, MiB", "{fleet}", "uss_mib"),
    Row("M4 publishing figures, nobody listens, %", "stats", "stats_unwatched_percent"),
    Row("M4 publishing figures, somebody listens, %", "stats", "stats_watched_percent"),
    Row("M5 `kill -9` all → as many new in `main()`, s", "{fleet}", "storm_s"),
    Row("M6 cheapest request, p50, ms", "{fleet}", "request_p50_ms"),
    Row("M6 cheapest request, p99, ms", "{fleet}", "request_p99_ms"),
    Row("M6 list of all workers, ms", "{fleet}", "list_ms"),
    Row("M6 figures of all workers, ms", "{fleet}", "stats_ms"),
    Row("M6 another request meanwhile, worst, ms", "{fleet}", "stats_others_worst_ms"),
    Row("M6 the whole `status` command, ms", "{fleet}", "status_ms"),
    Row("M7 output into rotated files, MB/s", "logs", "logs_mb_per_s", lower_is_better=False),
    Row("M7 processor time of the daemon, s/GB", "logs", "logs_cpu_s_per_gb"),
    Row("M7 lines lost", "logs", "logs_lost_lines"),
    Row("M7 lines damaged", "logs", "logs_damaged_lines"),
    Row("M7 with a time a line, MB/s", "logs", "prefix_logs_mb_per_s", lower_is_better=False),
    Row("M7 request during the flood, p50, ms", "logs", "logs_request_p50_ms"),
    Row("M7 request during the flood, p99, ms", "logs", "logs_request_p99_ms"),
    Row("M8 reload under load: failed requests", "reload", "reload_failed"),
    Row("M8 reload under load: slowest request, ms", "reload", "reload_worst_ms"),
    Row("M8 reload under load, s", "reload", "reload_s"),
)

SHORT: tuple[tuple[str, str, str], ...] = (
    ("a killed worker is replaced, ms", "{fleet}", "replace_ms"),
    ("start of all, s", "{fleet}", "start_s"),
    ("stop of all, s", "{fleet}", "stop_s"),
    ("processor time at rest, %", "{fleet}", "rest_cpu_percent"),
    ("memory of its own, MiB", "{fleet}", "uss_mib"),
    ("list of all workers, ms", "{fleet}", "list_ms"),
    ("output into rotated files, MB/s", "logs", "logs_mb_per_s"),
    ("lines of it lost", "logs", "logs_lost_lines"),
    ("reload under load: failed requests", "reload", "reload_failed"),
)
"""What the front page shows: title, scene, figure."""


def _machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_the_end": [round(load, 2) for load in os.getloadavg()],
    }


def write(results: Results, kind: str, folder: Path, began: datetime) -> Path:
    """Write ``DATE-KIND.json``, ``.md`` and ``.svg``, the day being that on which the run began; the path of the first."""
    document = {
        "date": began.isoformat(timespec="minutes"),
        "ended": datetime.now(UTC).isoformat(timespec="minutes"),
        "kind": kind,
        "machine": _machine(),
        "versions": results.versions,
        "missing": results.missing,
        "failures": results.failures,
        "samples": results.samples,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{began:%Y-%m-%d}-{kind}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    path.with_suffix(".md").write_text(render(document))
    path.with_suffix(".svg").write_text(
        plots.growth(document) if kind == "growth" else plots.bars(document, TABLE)
    )
    return path


# -- the table ---------------------------------------------------------------------------------------------------------


def _samples(document: Mapping[str, Any], peer: str, scene: str, figure: str) -> list[float]:
    if figure.startswith("request") and peer == "floor":
        scene = "control"  # the bare ROUTER
    found: list[float] = document["samples"].get(peer, {}).get(scene, {}).get(figure, [])
    return found


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _cell(samples: Sequence[float], floor: Sequence[float]) -> str:
    if not samples:
        return "–"
    middle = statistics.median(samples)
    text = _number(middle)
    if len(samples) > 1 and max(samples) > min(samples):
        text += f" ({_number(min(samples))}–{_number(max(samples))})"
    if floor and samples is not floor and (base := statistics.median(floor)) > 0:
        text += f" ×{middle / base:.2g}"
    return text


def _fleets(document: Mapping[str, Any]) -> list[str]:
    return sorted(
        {scene for peer in document["samples"].values() for scene in peer if scene[:1].isdigit()}, key=_size
    )


def _size(scene: str) -> tuple[int, bool]:
    return int(scene.partition("x")[0]), "x" in scene


def render(document: Mapping[str, Any]) -> str:
    """The table as Markdown: medians, (lowest–highest), × the floor."""
    peers = [peer for peer in _ORDER if peer in document["samples"]]
    machine = document["machine"]
    where = f"{machine['cpus']} × {machine['cpu']}, {machine['memory_gib']} GiB, Linux {machine['kernel']}"
    where += f", Python {machine['python']}"
    lines = [
        f"Measured {document['date']} ({document['kind']}): {where}. Medians, (lowest–highest), × the floor.",
        "",
        "| metric | workers | " + " | ".join(peers) + " |",
        "|---|---|" + "---|" * len(peers),
    ]
    for row in TABLE:
        for scene in _fleets(document) if row.scene == "{fleet}" else [row.scene]:
            cells = [_samples(document, peer, scene, row.figure) for peer in peers]
            if any(cells):
                floor = cells[0] if peers[0] == "floor" else []
                shown = scene if row.scene == "{fleet}" else ""
                lines.append(
                    f"| {row.title} | {shown} | " + " | ".join(_cell(cell, floor) for cell in cells) + " |"
                )
    lines += [
        "",
        "Versions: " + ", ".join(f"{peer} {version}" for peer, version in document["versions"].items()) + ".",
    ]
    lines += [f"Left out: {peer}: {why}" for peer, why in document["missing"].items()]
    lines += [f"Not measured: {failure}" for failure in document["failures"]]
    return "\n".join(lines) + "\n"


# -- the pages ---------------------------------------------------------------------------------------------------------


def short(document: Mapping[str, Any]) -> str:
    """A few medians at one number of workers, for the front page; the fleet is that of 1,000, or else the largest."""
    peers = [peer for peer in _ORDER if peer in document["samples"]]
    machine = document["machine"]
    fleets = [scene for scene in _fleets(document) if scene.isdigit()]
    fleet = "1000" if "1000" in fleets else fleets[-1]
    where = f"{machine['cpus']} × {machine['cpu']}, Linux {machine['kernel']}, Python {machine['python']}"
    lines = [f"| {int(fleet):,} workers | " + " | ".join(peers) + " |", "|---|" + "---|" * len(peers)]
    for title, scene, figure in SHORT:
        cells = [_samples(document, peer, scene.format(fleet=fleet), figure) for peer in peers]
        if any(cells):
            medians = [_number(statistics.median(cell)) if cell else "–" for cell in cells]
            lines.append(f"| {title} | " + " | ".join(medians) + " |")
    told = "*floor* is a C program that does the least that any supervisor can, *reference* is Circus 0.19."
    return "\n".join([*lines, "", f"Medians, measured {document['date'][:10]} on {where}. {told}", ""])


def put(page: str, name: str, text: str) -> str:
    """The page with this text between the markers of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}"


def _newest(kind: str) -> Path | None:
    return max(RESULTS.glob(f"*-{kind}.json"), default=None)


def main() -> int:
    """Put the newest results into the pages; 1 where there are none."""
    page, front, found = _PAGE.read_text(), _FRONT.read_text(), 0
    for kind in ("full", "growth"):
        path = _newest(kind)
        if path is None:
            sys.stderr.write(f"no {kind} results: make bench, make bench-growth\n")
            continue
        found += 1
        document = json.loads(path.read_text())
        page = put(page, kind, f"{render(document)}\n![{kind}](../benchmarks/results/{path.stem}.svg)\n")
        if kind == "full":
            front = put(front, "measured", short(document))
    _PAGE.write_text(page)
    _FRONT.write_text(front)
    return 0 if found else 1


if __name__ == "__main__":
    raise SystemExit(main())
