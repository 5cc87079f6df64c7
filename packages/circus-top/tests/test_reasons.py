"""Where there is nothing to see it says why: beside a real circusd, or none."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(90)]
BIN = Path(sys.executable).parent
DEADLINE = 30.0
WEB = "[watcher:web]\ncmd = sleep 1000\nnumprocesses = 2\n"


@pytest.fixture
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("r")


@contextmanager
def circusd(folder: Path, name: str, text: str) -> Iterator[str]:
    """A daemon; gives its endpoint, where it answers."""
    endpoint = f"ipc://{folder}/{name}"
    ini = folder / f"{name}.ini"
    ini.write_text(f"[circus]\nendpoint = {endpoint}\npubsub_endpoint = {endpoint}-pub\n{text}")
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen([BIN / "circusd", ini], stdout=log, stderr=log) as process,
    ):
        try:
            asked = [BIN / "circusctl", "--endpoint", endpoint, "--timeout", "20", "status"]
            until = time.monotonic() + DEADLINE
            while subprocess.run(asked, capture_output=True, check=False, timeout=DEADLINE).returncode:
                assert time.monotonic() < until, "circusd does not answer"
            yield endpoint
        finally:
            process.terminate()
            process.wait(20)


def shown(endpoint: str, is_it: Callable[[dict], bool]) -> dict:
    """What circus-top says, once it is as wanted."""
    argv = [BIN / "circus-top", "--batch", "--json", "--interval", "0.2", "--endpoint", endpoint]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as top:
        assert top.stdout is not None
        daemon: dict = {}
        try:
            until = time.monotonic() + DEADLINE
            while not daemon or not is_it(daemon):
                assert time.monotonic() < until, f"at last it says {daemon}"
                (daemon,) = json.loads(top.stdout.readline())["daemons"]
        finally:
            top.kill()
    return daemon


def trouble(text: str) -> Callable[[dict], bool]:
    return lambda daemon: text in (daemon["trouble"] or "")


def test_stats_are_off_and_what_circusd_tells_is_shown(folder):
    with circusd(folder, "a", WEB) as endpoint:
        daemon = shown(
            endpoint, lambda it: trouble("stats are off")(it) and bool(it["watchers"][0]["processes"])
        )
    assert "add `statsd = True` to [circus]" in daemon["advice"]
    (web,) = daemon["watchers"]
    assert web["status"] == "active"
    assert sorted(process["wid"] for process in web["processes"]) == [1, 2]
    assert all(process["rss"] > 0 and process["age"] >= 0 for process in web["processes"])


def test_circusd_is_down(folder):
    daemon = shown(f"ipc://{folder}/none", trouble("circusd is not running"))
    assert "start circusd" in daemon["advice"]


def test_there_are_no_watchers(folder):
    with circusd(folder, "a", f"statsd = True\nstats_endpoint = ipc://{folder}/stats\n") as endpoint:
        daemon = shown(endpoint, trouble("no watchers"))
        assert "circusctl add" in daemon["advice"]


def test_the_endpoint_is_that_of_the_events(folder):
    with circusd(folder, "a", WEB) as endpoint:
        daemon = shown(f"{endpoint}-pub", trouble("no answer from"))
    assert "is this the endpoint of circusd" in daemon["advice"]


def test_the_figures_are_those_of_another_circusd(folder):
    shared = f"statsd = True\nstats_endpoint = ipc://{folder}/stats\n"
    with ExitStack() as stack:
        ours = stack.enter_context(circusd(folder, "a", shared + WEB))
        shown(ours, lambda daemon: bool(daemon["circus"]) and daemon["trouble"] is None)
        stack.enter_context(circusd(folder, "b", shared + WEB.replace("web", "other")))  # takes the path over
        daemon = shown(ours, trouble("are of another circusd"))
        assert "stats_endpoint of its own" in daemon["advice"]
        assert [watcher["name"] for watcher in daemon["watchers"]] == ["web"]
