"""Defects of 0.19.0 that are seen on the wire, in a configuration or at the command line, and must never come back.

`docs/defects.md` has them all, with the test that guards each; a test here holds that page against the tests there are.
"""

import ast
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from daemons import Daemon, Gate, free_port
from requires import OURS, ROOT, needs_daemon

PAGE = ROOT / "docs" / "defects.md"
PARTS = {"tests/integration": "tests/integration/test_1_no_survivor.py"}


@pytest.fixture
def start(tmp_path):
    """Start our circusd on a configuration; it is stopped at the end."""
    started = []

    def run(config, **env):
        daemon = Daemon(tmp_path / "d", config, program=OURS / "circusd", env=env)
        started.append(daemon)
        daemon.start()
        daemon.settle()
        return daemon

    yield run
    for daemon in started:
        daemon.stop()


@pytest.mark.real
@pytest.mark.slow
@needs_daemon()
class TestDefects:
    def test_10_a_reload_of_everything_waits_between_two_watchers(self, start):
        pause = 0.3
        daemon = start(
            f"warmup_delay = {pause}\n[watcher:a]\ncmd = sleep 987\n[watcher:b]\ncmd = sleep 987\n"
        )
        with daemon.events() as events:
            assert daemon.call("reload", waiting=True)["status"] == "ok"
            first, second = (events.wait_for(lambda event: event.name == "reload") for _ in range(2))
        assert second.data["time"] - first.data["time"] >= pause * 0.9  # the clock of events may be set

    def test_11_a_connection_starts_the_watcher_of_that_socket_alone(self, start, tmp_path):
        names = "abc"
        daemon = start(
            "".join(
                f"[socket:{name}]\npath = {{dir}}/{name}\n[watcher:lazy{name}]\n"
                f"cmd = sleep 987 $(circus.sockets.{name})\non_demand = True\nuse_sockets = {name}\n"
                for name in names
            )
        )
        daemon.call("stop", name="lazyc", waiting=True)
        with socket.socket(socket.AF_UNIX) as peer, daemon.events("watcher.lazyb.spawn") as events:
            peer.connect(str(daemon.folder / "b"))
            events.wait_for(lambda event: event.name == "spawn")
        daemon.settle()
        pids = {name: len(daemon.call("list", name=f"lazy{name}")["pids"]) for name in names}
        assert pids == {"a": 0, "b": 1, "c": 0}

    def test_12_the_highest_priority_starts_first_and_stops_last(self, start):
        daemon = start("".join(f"[watcher:w{n}]\ncmd = sleep 987\npriority = {n}\n" for n in (2, 3, 1)))
        with daemon.events() as events:
            for command in ("stop", "start"):
                assert daemon.call(command, waiting=True)["status"] == "ok"
            seen = [events.wait_for(lambda event: event.name in {"stop", "start"}) for _ in range(6)]
        assert [(event.name, event.watcher) for event in seen] == [
            ("stop", "w1"),
            ("stop", "w2"),
            ("stop", "w3"),
            ("start", "w3"),
            ("start", "w2"),
            ("start", "w1"),
        ]

    @pytest.mark.parametrize(
        "config",
        ["[watcher:a]\ncmd = true\nnumprocesses = many\n", "[socket:a]\nhost = 127.0.0.1\nport = high\n"],
    )
    def test_14_what_cannot_be_read_is_not_dropped(self, tmp_path, config):
        path = tmp_path / "c.ini"
        path.write_text("[watcher:good]\ncmd = sleep 987\n" + config)
        done = subprocess.run(
            [OURS / "circusd", path], capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode != 0
        assert str(path) in done.stderr

    def test_24_a_shell_is_a_shell(self, start, tmp_path):
        with Gate(tmp_path / "gate") as gate:
            start(
                f"[watcher:w]\nshell = True\ncmd = printf 'b\\na\\n' | sort > {gate.path} && exec sleep 987\n"
            )
            assert [gate.line(), gate.line()] == ["a", "b"]

    def test_25_set_takes_every_option_and_keeps_the_environment(self, start):
        daemon = start("[watcher:w]\ncmd = sleep 987\ncopy_env = True\n", KEPT="kept")
        changes = {"respawn": False, "max_retry": 3, "singleton": True, "close_child_stdout": True}
        daemon.call("set", name="w", options={**changes, "rlimit_nofile": 300}, waiting=True)
        daemon.call("set", name="w", options={"env": {"COLOUR": "mauve"}}, waiting=True)
        daemon.settle()
        options = daemon.call("options", name="w")["options"]
        assert {name: options[name] for name in changes} == changes
        (pid,) = daemon.call("list", name="w")["pids"]
        environ = dict(
            entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if entry
        )
        assert environ["COLOUR"] == "mauve"
        assert environ["KEPT"] == "kept"
        assert environ["PATH"]
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max open files +300 +300", limits)

    def test_25_set_env_at_the_command_line(self, start):
        daemon = start("[watcher:w]\ncmd = sleep 987\n")
        done = subprocess.run(
            [OURS / "circusctl", "--endpoint", daemon.endpoint, "set", "w", "env", "A=b,C=d", "--waiting"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        env = daemon.call("get", name="w", keys=["env"])["options"]["env"]
        assert (env["A"], env["C"]) == ("b", "d")

    def test_33_a_socket_moves(self, start):
        worker = (
            "import socket, sys\\nsock = socket.socket(fileno=int(sys.argv[1]))\\nsock.setblocking(True)\\n"
            "while True:\\n peer, _ = sock.accept()\\n peer.sendall(b'served')\\n peer.close()"
        )
        config = (
            "[socket:web]\npath = {dir}/one\n[watcher:w]\ncmd = python3\n"
            f"args = -c \"exec('''{worker}''')\" $(circus.sockets.web)\nuse_sockets = True\n"
            "[watcher:other]\ncmd = sleep 987\n"
        )
        daemon = start(config)
        others = daemon.call("list", name="other")["pids"]
        assert _read(daemon.folder / "one") == b"served"
        daemon.write(config.replace("/one", "/two"))
        assert daemon.call("reloadconfig", waiting=True)["status"] == "ok"
        daemon.settle()
        assert _read(daemon.folder / "two") == b"served"
        assert daemon.call("list", name="other")["pids"] == others

    def test_34_a_reload_is_held_against_what_runs(self, start):
        config = "[watcher:w]\ncmd = sleep 987\nnumprocesses = 1\n"
        daemon = start(config)
        for count in (3, 1):
            daemon.write(config.replace("= 1", f"= {count}"))
            daemon.call("reloadconfig", waiting=True)
            daemon.settle()
            assert daemon.call("numprocesses", name="w")["numprocesses"] == count
        daemon.write(config + "max_age = 4321\n")
        daemon.call("reloadconfig", waiting=True)
        assert daemon.call("get", name="w", keys=["max_age"])["options"] == {"max_age": 4321}
        daemon.write(config)
        daemon.call("reloadconfig", waiting=True)
        assert daemon.call("get", name="w", keys=["max_age"])["options"] == {"max_age": 0}

    def test_35_a_restart_of_everything_keeps_the_listeners(self, start):
        daemon = start("[socket:web]\npath = {dir}/web\n[watcher:w]\ncmd = sleep 987\nuse_sockets = True\n")
        inode = os.stat(daemon.folder / "web").st_ino
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(daemon.folder / "web"))
            assert daemon.call("restart", waiting=True)["status"] == "ok"
            daemon.settle()
            waiting.sendall(b"still connected")
        assert os.stat(daemon.folder / "web").st_ino == inode

    def test_39_so_reuseport_with_the_socket_in_args(self, start, tmp_path):
        port = free_port()
        with Gate(tmp_path / "gate") as gate:
            code = (
                "import socket, sys, time; s = socket.socket(fileno=int(sys.argv[1])); "
                "open(sys.argv[2], 'w').write(str(s.getsockname()[1]) + chr(10)); time.sleep(987)"
            )
            start(
                f"[socket:web]\nhost = 127.0.0.1\nport = {port}\nso_reuseport = True\n"
                "[watcher:w]\ncmd = python3\nnumprocesses = 2\nuse_sockets = True\n"
                f'args = -c "{code}" $(circus.sockets.web) {gate.path}\n'
            )
            assert [gate.line(), gate.line()] == [str(port)] * 2

    def test_40_copied_variables_are_literal(self, start):
        secret = " pa$SSword, a=b "
        daemon = start(
            "[watcher:w]\ncmd = sleep 987\ncopy_env = True\n[env:w]\nPATH = /more:$PATH\n", SECRET=secret
        )
        (pid,) = daemon.call("list", name="w")["pids"]
        entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert f"SECRET={secret}" in entries
        assert f"PATH=/more:{os.environ['PATH']}" in entries
        assert not any(entry.startswith("__name__=") for entry in entries)

    def test_47_nothing_is_announced(self, start):
        daemon = start("[watcher:w]\ncmd = sleep 987\n")
        inodes = {
            os.readlink(f"/proc/{daemon.pid}/fd/{fd}").removeprefix("socket:[").rstrip("]")
            for fd in os.listdir(f"/proc/{daemon.pid}/fd")
            if os.path.lexists(f"/proc/{daemon.pid}/fd/{fd}")
        }
        for table in ("udp", "udp6", "tcp", "tcp6"):
            rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
            assert not inodes & {row[9] for row in rows}

    def test_53_names_of_any_kind(self, start):
        name = "Two Words.v2"
        daemon = start(f"[watcher:{name}]\ncmd = sleep 987\n")
        with daemon.events() as events:
            assert daemon.call("restart", name=name, waiting=True)["status"] == "ok"
            event = events.wait_for(lambda event: event.name == "start")
        assert event.topic == "watcher.two_words.v2.start"
        assert event.data["watcher"] == name
        assert daemon.call("status", name=name.upper())["status"] == "active"


def _read(path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(15)
        peer.connect(str(path))
        return peer.recv(100)


def _tests(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_the_page_names_tests_that_there_are():
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 55))
    for number, guard in rows:
        for path, name in re.findall(r"`([\w/.-]+)(?:::(\w+))?`", guard):
            if any(path.startswith(part) and not (ROOT / sign).exists() for part, sign in PARTS.items()):
                continue  # this part may be missing as a whole
            assert (ROOT / path).exists(), f"{number}: there is no {path}"
            assert not name or name in _tests(path), f"{number}: there is no {name} in {path}"
