"""Statistics across the border: each circusd-stats beside each circusd, read by each client and by our circus-top."""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemons import Daemon

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.reference, pytest.mark.timeout(120)]

CONFIG = """
[watcher:web]
cmd = {python} -c "import time; time.sleep(1000)"
numprocesses = 2

[socket:door]
host = 127.0.0.1
port = 0
"""
PUBLISHER = """
[watcher:publisher]
cmd = {publisher} --endpoint ipc://{dir}/ctl --pubsub ipc://{dir}/pub --statspoint ipc://{dir}/stats
use_sockets = True
"""
"""The reference's needs the sockets that it tells of."""
CLIENT = """
import json, sys
from circus.stats.client import StatsClient
for item in StatsClient(sys.argv[1]).iter_messages():
    sys.stdout.write(json.dumps(item) + chr(10))
    sys.stdout.flush()
"""
DEADLINE = 30.0
SIDES = ("reference", "ours")

Item = tuple[str, str | None, dict]


@contextmanager
def _running(*argv: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _read(programs: Path, endpoint: str, *wanted: Callable[[Item], bool]) -> list[Item]:
    """What the client of one side gets, one item for each that is wanted."""
    found: list[Item | None] = [None] * len(wanted)
    with _running(programs / "python", "-c", CLIENT, endpoint) as client:
        assert client.stdout is not None
        until = time.monotonic() + DEADLINE
        while None in found:
            assert select.select([client.stdout], [], [], until - time.monotonic())[0], f"only {found} came"
            line = client.stdout.readline()
            assert line, "the client ended"
            item = json.loads(line)
            found = [
                item if old is None and is_it(item) else old for old, is_it in zip(found, wanted, strict=True)
            ]
    return [item for item in found if item is not None]


@pytest.mark.parametrize("publisher", SIDES)
@pytest.mark.parametrize("circusd", SIDES)
def test_figures_of_any_circusd_by_any_publisher_are_read_by_any_client(sides, circusd, publisher):
    programs = {"reference": sides.reference, "ours": sides.ours}
    config = CONFIG.replace("{python}", sys.executable)
    config += PUBLISHER.replace("{publisher}", str(programs[publisher] / "circusd-stats"))
    with Daemon(sides.folder / "d", config, program=programs[circusd] / "circusd") as daemon:
        daemon.settle()
        pids = sorted(daemon.call("list", name="web")["pids"])
        for client in SIDES:
            one, total, own, door = _read(
                programs[client],
                daemon.stats_endpoint,
                lambda item: item[0] == "web" and item[1] == str(pids[0]) and item[2]["cpu"] != "N/A",
                lambda item: item[0] == "web" and item[1] is None and sorted(item[2]["pid"]) == pids,
                lambda item: item[0] == "circus" and item[2].get("name") == "circusd",
                lambda item: item[0] == "sockets" and item[1] is not None,
            )
            assert one[2]["pid"] == pids[0]
            assert one[2]["mem"] > 0
            assert one[2]["cmdline"].startswith(("python", sys.executable))
            assert total[2]["mem"] >= one[2]["mem"]
            assert own[2]["pid"] == daemon.pid
            assert door[2]["address"].startswith("127.0.0.1:")


@pytest.mark.parametrize("circusd", SIDES)
def test_circus_top_shows_either_by_the_endpoint_of_circusd_alone(sides, circusd):
    if sides.itself:
        pytest.skip("there is nothing of ours on either side")
    programs = {"reference": sides.reference, "ours": sides.ours}
    config = "statsd = True\n" + CONFIG.replace("{python}", sys.executable)
    with Daemon(sides.folder / "d", config, program=programs[circusd] / "circusd", stats=True) as daemon:
        daemon.settle()
        pids = sorted(daemon.call("list", name="web")["pids"])
        for endpoint in (daemon.endpoint, daemon.stats_endpoint):
            command = [
                sides.ours / "circus-top",
                "--batch",
                "--json",
                "--interval",
                "0.2",
                "--endpoint",
                endpoint,
            ]
            with _running(*command) as top:
                assert top.stdout is not None
                shown: dict = {}
                until = time.monotonic() + DEADLINE
                while True:
                    assert time.monotonic() < until, f"what is shown at last: {shown}"
                    (shown,) = json.loads(top.stdout.readline())["daemons"]
                    web = [watcher for watcher in shown["watchers"] if watcher["name"] == "web"]
                    processes = web[0]["processes"] if web else []
                    known = sorted(process["pid"] for process in processes if process["rss"])
                    if known == pids and shown["trouble"] is None and shown["sockets"]:
                        break
            assert {process["name"] for process in shown["circus"]} >= {"circusd"}
            assert [watcher["name"] for watcher in shown["watchers"]] == ["web"]
