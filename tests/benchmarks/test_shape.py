"""The suite's shape, with few workers: counts, nothing lost, no wake-ups at rest. Never a time."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        shutil.which("cc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
    ),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of the floor and of ours."""
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--peers", "floor,circus", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*-tiny.json")
    return json.loads(path.read_text()), path


def test_everything_is_measured_of_ours(results):
    document, _ = results
    assert document["failures"] == []
    assert document["missing"] == {}
    scenes = document["samples"]["circus"]
    assert set(scenes) == {"3", "stats", "logs", "reload"}
    fleet = scenes["3"]
    for figure in (
        "replace_ms",
        "start_s",
        "stop_s",
        "uss_mib",
        "storm_s",
        "request_p50_ms",
        "list_ms",
        "stats_ms",
        "status_ms",
    ):
        assert len(fleet[figure]) == 1, figure


def test_nothing_wakes_up_at_rest(results):
    document, _ = results
    assert document["samples"]["circus"]["3"]["rest_switches"] == [0]
    assert document["samples"]["circus"]["stats"]["stats_unwatched_switches"] == [0]


def test_no_line_is_lost_or_damaged(results):
    document, _ = results
    for peer in ("floor", "circus"):
        logs = document["samples"][peer]["logs"]
        assert logs["logs_lost_lines"] == [0], peer
        assert logs["logs_damaged_lines"] == [0], peer
    assert document["samples"]["circus"]["logs"]["prefix_logs_lost_lines"] == [0]


def test_no_request_fails_during_a_reload(results):
    document, _ = results
    assert document["samples"]["circus"]["reload"]["reload_failed"] == [0]
    assert document["samples"]["circus"]["reload"]["reload_requests"][0] > 0


def test_table_and_plot_are_written(results):
    _, path = results
    table = path.with_suffix(".md").read_text()
    assert "| M1 `kill -9` → replacement in `main()`, ms | 3 |" in table
    assert "Versions: floor 1, circus " in table
    assert path.with_suffix(".svg").read_text().startswith("<svg ")


def test_what_was_measured_before_a_run_is_ended_is_kept(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--peers", "floor", "--out", str(tmp_path)]
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as a shell starts its background jobs
    with subprocess.Popen([*ignoring, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True) as run:
        try:
            next(line for line in run.stderr if "floor 3 #1" in line)
            run.send_signal(signal.SIGINT)
            _, said = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 1, said
    (path,) = tmp_path.glob("*-tiny.json")
    document = json.loads(path.read_text())
    assert set(document["samples"]["floor"]) == {"control", "3"}
    assert document["failures"] == ["what was to come after the last figure: the run was ended early"]
