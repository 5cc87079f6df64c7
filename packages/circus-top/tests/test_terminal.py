"""circus-top in a real terminal (tmux), beside a stand-in for circusd, and beside circusd."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(90),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed: apt-get install tmux"),
]
BIN = Path(sys.executable).parent
FAKE = Path(__file__).parent / "fake_circus.py"
DEADLINE = 30.0


class Tmux:
    """A terminal of its own, with circus-top in a shell in it."""

    def __init__(self, folder: Path, width: int = 100, height: int = 30) -> None:
        self.socket = folder / "tmux"
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm", "LANG": "C.UTF-8", "PS1": "$ "}
        self.environment = environment | {"HOME": str(folder)}
        size = ["-x", str(width), "-y", str(height)]
        self.run("-f", "/dev/null", "new-session", "-d", *size, "env", "PS1=$ ", "sh")

    def run(self, *args: str) -> str:
        command = ["tmux", "-u", "-S", str(self.socket), *args]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, check=True, timeout=DEADLINE
        )
        return done.stdout.decode()

    def screen(self, *args: str) -> str:
        return self.run("capture-pane", "-p", *args)

    def type(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def until(self, wanted: Callable[[str], bool] | str) -> str:
        """The screen, once it is as wanted."""
        is_wanted = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + DEADLINE
        while not is_wanted(screen := self.screen()):
            assert time.monotonic() < deadline, f"the screen stays at\n{screen}"
            select.select([], [], [], 0.05)
        return screen

    def close(self) -> None:
        self.run("kill-server")


@contextlib.contextmanager
def fake(folder: Path, watchers: int, processes: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, str(FAKE), str(folder), str(watchers), str(processes), *more]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture
def terminal(tmp_path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.close()


def start(terminal: Tmux, folder: Path, *options: str) -> None:
    terminal.until("$")
    terminal.type(f"circus-top --endpoint ipc://{folder}/ctl {' '.join(options)}", "Enter")
    terminal.until("circus-top  ")


@pytest.mark.parametrize("kind", ["ours", "reference"])
def test_look_around_and_act(terminal, tmp_path, kind):
    with fake(tmp_path, 3, 12, kind):
        start(terminal, tmp_path, "--sort", "name")
        terminal.until(
            lambda screen: "worker-000" in screen and "12 processes" in screen and "no figures" not in screen
        )
        terminal.until(lambda screen: "20." in screen or "19." in screen)
        terminal.type("/", "worker-001", "Enter")
        terminal.until(lambda screen: "worker-001" in screen and "worker-000" not in screen)
        terminal.type("Enter")
        terminal.until("python worker.py")
        if kind == "ours":
            screen = terminal.until("listening on 8080")
            assert "exit code 7 (crash)" in screen
            assert "cannot ?[31mreach? the database" in screen
        terminal.type("Escape")
        terminal.until("WATCHER / PID")
        terminal.type("T")
        screen = terminal.until("Stop worker-001: 4 processes will get SIGTERM, SIGKILL after 30 s")
        terminal.type("n")
        terminal.until("nothing was done")
        terminal.type("T")
        terminal.until("[y/N]")
        terminal.type("y")
        terminal.until("stop worker-001: ok")
        terminal.until(lambda screen: "stopped" in screen and "x0" in screen)
        terminal.type("S", "y")
        terminal.until(lambda screen: "x1" in screen and "active" in screen)
        for key, expected in (("R", "restart"), ("L", "reload"), ("K", "kill"), ("+", "incr"), ("-", "decr")):
            terminal.type(key)
            terminal.until("[y/N]")
            terminal.type("y")
            terminal.until(f"{expected} worker-001: ok")
        terminal.type("G")
        terminal.until("signal for")
        terminal.type("hup", "Enter")
        terminal.until("Send SIGHUP to")
        terminal.type("y")
        terminal.until("signal worker-001: ok")
        terminal.type("?")
        terminal.until("what the columns say")
        terminal.type("q", "e")
        terminal.until("events, the last")
        terminal.type("q")
        terminal.until("WATCHER / PID")
        terminal.type("q")
        terminal.until(lambda screen: "WATCHER" not in screen and screen.rstrip().endswith("$"))


def test_resize_suspend_and_end(terminal, tmp_path):
    with fake(tmp_path, 2, 4):
        start(terminal, tmp_path)
        terminal.until("worker-001")
        terminal.run("resize-window", "-x", "200", "-y", "50")
        terminal.until("COMMAND")
        terminal.run("resize-window", "-x", "80", "-y", "24")
        terminal.until(lambda screen: "COMMAND" not in screen and "HISTORY" in screen)
        terminal.type("C-z")
        terminal.until(lambda screen: "Stopped" in screen and "HISTORY" not in screen)
        terminal.type("stty -a | grep -c ' icanon'", "Enter")
        terminal.until("\n1\n")
        terminal.type("fg", "Enter")
        terminal.until("HISTORY")
        terminal.type("/", "worker-001", "Enter")
        terminal.until(lambda screen: "worker-000" not in screen)
        terminal.type("C-c")
        terminal.until(lambda screen: "HISTORY" not in screen)
        terminal.type("clear; stty -a | grep -c ' echo '", "Enter")
        terminal.until("1\n")


def test_a_daemon_that_goes_and_comes_back(terminal, tmp_path):
    with fake(tmp_path, 2, 4):
        start(terminal, tmp_path)
        terminal.until(lambda screen: "worker-001" in screen and "4 processes" in screen)
    terminal.until("circusd is not running: nobody listens at")
    with fake(tmp_path, 2, 6):
        terminal.until(lambda screen: "not running" not in screen and "6 processes" in screen)


def test_a_thousand_processes(terminal, tmp_path):
    with fake(tmp_path, 20, 1000):
        start(terminal, tmp_path)
        terminal.until("1,000 processes")
        terminal.type("n", "End")
        terminal.until("circusd 4242")
        terminal.type("Home", "f")
        terminal.until(lambda screen: screen.count("worker-") == 20)


def test_without_colours_and_in_ascii(tmp_path):
    terminal = Tmux(tmp_path)
    try:
        with fake(tmp_path, 2, 4):
            terminal.type("export NO_COLOR=1 PYTHONIOENCODING=ascii", "Enter")
            start(terminal, tmp_path)
            screen = terminal.until("worker-001")
            assert screen.isascii()
            assert not re.search(r"\x1b\[(?:\d+;)*(?:3|4|9)[0-7]m", terminal.screen("-e"))
    finally:
        terminal.close()


def test_text_and_json_for_pipes(tmp_path):
    with fake(tmp_path, 2, 4):
        where = ["--endpoint", f"ipc://{tmp_path}/ctl"]
        text = top(*where, "--once").stdout
        assert "worker-001" in text
        assert "\x1b" not in text
        lines = top(*where, "--batch", "-n", "2", "--json", "--interval", "0.2").stdout.splitlines()
        assert [len(json.loads(line)["daemons"][0]["watchers"]) for line in lines] == [2, 2]
    done = top(*where, "--once")
    assert done.returncode == 1
    assert "nobody listens" in done.stdout


def top(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "circus-top", *args], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def test_beside_circusd(terminal, tmp_path):
    ini = tmp_path / "circus.ini"
    ini.write_text(
        f"[circus]\nendpoint = ipc://{tmp_path}/ctl\npubsub_endpoint = ipc://{tmp_path}/pub\n"
        f"stats_endpoint = ipc://{tmp_path}/stats\nstatsd = True\n"
        "[watcher:sleepers]\ncmd = sleep 1000\nnumprocesses = 2\n"
    )
    with (tmp_path / "log").open("wb") as log:
        circusd = subprocess.Popen([BIN / "circusd", ini], stdout=log, stderr=log)
    try:
        start(terminal, tmp_path)
        terminal.until(
            lambda screen: "sleepers" in screen and "circusd-stats" in screen and "sleeping" in screen
        )
        terminal.type("/", "sleepers", "Enter", "+")
        terminal.until("One more process of sleepers: 2 → 3?")
        terminal.type("y")
        terminal.until("x3")
        terminal.type("T", "y")
        terminal.until(lambda screen: "x0" in screen and "stopped" in screen)
        terminal.type("q")
    finally:
        circusd.send_signal(signal.SIGTERM)
        circusd.wait(20)
