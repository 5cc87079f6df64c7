"""The table and the plots, from samples that are made up. Pure."""

# ruff: noqa: RUF001 - the table has dashes and times signs

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import plots, report
from benchmarks.metrics.m7_logs import intact

MACHINE = {"cpu": "x", "cpus": 2, "memory_gib": 8.0, "kernel": "6", "python": "3"}


def document(**samples):
    return {
        "date": "2030-01-01", "kind": "full", "machine": MACHINE, "versions": {"floor": "1"},
        "missing": {"pm2": "no npm"}, "failures": ["s6 1000: gone"], "samples": samples,
    }  # fmt: skip


def row(text, title, workers):
    (line,) = [
        line for line in text.splitlines() if line.startswith(f"| {title}") and f"| {workers} |" in line
    ]
    return [cell.strip() for cell in line.strip("|").split("|")][2:]


def test_a_cell_is_median_range_and_ratio_to_the_floor():
    text = report.render(
        document(
            floor={"1000": {"start_s": [0.4, 0.5, 0.45]}},
            circus={"1000": {"start_s": [0.9]}, "1": {"start_s": [0.3]}},
        )
    )
    assert row(text, "M2", 1000) == ["0.45 (0.4–0.5)", "0.9 ×2"]
    assert row(text, "M2", 1) == ["–", "0.3"]


def test_what_was_left_out_is_said():
    text = report.render(document(floor={"1": {"start_s": [1.0]}}))
    assert "Left out: pm2: no npm" in text
    assert "Not measured: s6 1000: gone" in text


def test_the_floor_of_requests_is_the_bare_router():
    text = report.render(
        document(
            floor={"control": {"request_p50_ms": [0.1]}, "1": {"start_s": [1]}},
            circus={"1": {"request_p50_ms": [0.2]}},
        )
    )
    assert row(text, "M6 cheapest request, p50", 1) == ["0.1", "0.2 ×2"]


def test_the_front_page_has_medians_of_one_fleet():
    fleets = {"100": {"start_s": [9.0]}, "1000": {"start_s": [0.4, 0.5, 0.45]}, "1000x1": {"start_s": [7.0]}}
    lines = report.short(document(floor=fleets, circus={"reload": {"reload_failed": [0]}})).splitlines()
    assert lines[0] == "| 1,000 workers | floor | circus |"
    assert lines[2:4] == ["| start of all, s | 0.45 | – |", "| reload under load: failed requests | – | 0 |"]
    assert lines[5].startswith("Medians, measured 2030-01-01 on 2 × x,")


def test_every_figure_of_the_front_page_is_one_of_the_table():
    known = {(row.scene, row.figure) for row in report.TABLE}
    assert {(scene, figure) for _, scene, figure in report.SHORT} <= known


def test_only_what_is_between_the_markers_is_replaced():
    page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert report.put(page, "x", "new\n") == "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n"


def test_the_pages_have_the_markers():
    root = Path(__file__).parents[2]
    for page, name in (
        ("README.md", "measured"),
        ("docs/performance.md", "full"),
        ("docs/performance.md", "growth"),
    ):
        text = (root / page).read_text()
        assert text.index(f"<!-- {name}: begin -->") < text.index(f"<!-- {name}: end -->")


@pytest.mark.parametrize("draw", [lambda d: plots.bars(d, report.TABLE), plots.growth])
def test_plots_are_well_formed(draw):
    samples = {
        "1": {"start_s": [0.1], "rest_cpu_percent": [0]},
        "100": {"start_s": [1.0]},
        "100x1": {"start_s": [2.0]},
    }
    root = ET.fromstring(draw(document(floor=samples, circus=samples)))
    assert root.tag.endswith("svg")
    assert len(list(root)) > 3


LINE = b"%012d " + "ä".encode() * 43


def test_lost_and_damaged_lines_are_counted():
    whole = [LINE % number for number in range(5)]
    assert intact([*whole, b""], 5) == (0, 0)
    assert intact([b"2030-01-01 00:00:00 " + line for line in whole], 5) == (0, 0)
    assert intact(whole[:4], 5) == (1, 0)
    assert intact([*whole[:4], whole[4][:50], whole[4][50:]], 5) == (1, 2)
    assert intact([*whole[:4], whole[4][:13] + b"\xa4" + whole[4][14:]], 5) == (1, 1)
