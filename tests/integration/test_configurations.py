"""Configurations that users were promised, run as they are: the minimal one, and the quickstart with its socket."""

import re
import socket
import sys
import urllib.request

import pytest

from daemons import Daemon, Gate
from requires import OURS, ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(60)]

MINIMAL = """
check_delay = 5

[watcher:myprogram]
cmd = python
args = -u myprogram.py $WID
warmup_delay = 0
numprocesses = 5
copy_env = True

[watcher:anotherprogram]
cmd = another_program
numprocesses = 2
"""

PROGRAM = """
import signal, sys
with open("gate", "w") as gate:
    print(sys.argv[1], file=gate)
signal.pause()
"""


def test_the_minimal_configuration_with_the_old_form_of_the_worker_id(tmp_path):
    (tmp_path / "myprogram.py").write_text(PROGRAM)
    daemon = Daemon(tmp_path, MINIMAL, program=OURS / "circusd")
    with Gate(tmp_path / "gate") as gate, daemon, daemon.events() as events:
        assert sorted(gate.line(deadline=30) for _ in range(5)) == ["1", "2", "3", "4", "5"]
        workers = daemon.call("list", name="myprogram")["pids"]
        assert daemon.call("status", name="anotherprogram")["status"] in {"backoff", "failed"}
        reply = daemon.call("start", name="anotherprogram", waiting=True)
        assert "finding the executable 'another_program'" in reply["reason"]
        daemon.call("signal", name="myprogram", pid=workers[0], signum=9)
        spawned = events.wait_for(lambda event: event.name == "spawn" and event.watcher == "myprogram")
        assert (spawned.data["wid"], spawned.data["why"]) == (1, "crash")


def test_the_quickstart_serves_its_socket_by_several_workers(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (ROOT / "examples" / "quickstart.ini").read_text()
    text = text.partition("[circus]")[2]
    text = re.sub(r"(?m)^(endpoint|pubsub_endpoint|statsd) = .*\n", "", text)
    text = text.replace("port = 8000", f"port = {port}").replace(
        "/tmp/circus-quickstart", f"{tmp_path}/quickstart"
    )
    text = text.replace("QUICKSTART = examples/quickstart", f"QUICKSTART = {ROOT}/examples/quickstart")
    text = text.replace("python3", sys.executable)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with Daemon(tmp_path, text, program=OURS / "circusd") as daemon:
        daemon.settle()
        workers = set(daemon.call("list", name="web")["pids"])
        with opener.open(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            said = answer.read().decode()
        assert int(said.rsplit("pid ", 1)[1]) in workers
        assert daemon.call("listsockets")["sockets"][0]["port"] == port
        assert daemon.call("incr", name="web", waiting=True)["numprocesses"] == 4
        assert daemon.call("options", name="ticker")["options"]["stdout_stream_conf"]["class"] == "FileStream"
        assert daemon.call("stop", name="ticker", waiting=True)["status"] == "ok"
        assert "stopped after" in (tmp_path / "quickstart-ticker.log").read_text()
