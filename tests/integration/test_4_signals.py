"""Promise 4: a signal to circusd is never lost, whatever it is doing, and ends it in bounded time with all workers gone."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from crowd import Crowd, descriptors_of, running
from daemons import DEADLINE, Daemon, Gate
from requires import OURS

pytestmark = pytest.mark.real

DEAF = """#!/bin/sh
trap "" TERM
echo $$ > {dir}/up
exec sleep 1000
"""
TALKER = """#!/bin/sh
echo $$ > {dir}/up
exec sleep 1000
"""


@pytest.mark.parametrize("line", ["starts on pid", "waits for commands"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.slow
def test_while_it_starts(daemon: Callable[..., Daemon], line: str, signum: signal.Signals) -> None:
    """At the first line of the log nothing is bound yet; the pid file goes in any case."""
    circusd = daemon("pidfile = {dir}/pid\n[watcher:a]\ncmd = sleep 1000\ncopy_env = True\n", start=False)
    with subprocess.Popen([OURS / "circusd", circusd.config], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for text in process.stderr:
            if line in text:
                process.send_signal(signum)
                break
        rest = process.stderr.read()
        assert process.wait(DEADLINE) == 0
    assert "circusd has stopped" in rest
    assert not (circusd.folder / "pid").exists()


@pytest.mark.slow
def test_while_the_configuration_is_read(folder: Path, gate: Callable[[str], Gate]) -> None:
    """Nothing runs yet: the signal ends it as it ends any program, and --daemon says so."""
    slow = gate("slow.ini")
    with subprocess.Popen([OURS / "circusd", "--daemon", slow.path], stderr=subprocess.PIPE) as process:
        slow.release("[circus]")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == -signal.SIGTERM


@pytest.mark.slow
def test_during_the_warm_up(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    up = gate("up")
    cmd = script("talker", TALKER)
    circusd = daemon(
        f"warmup_delay = 1000\n[watcher:a]\ncmd = {cmd}\ncopy_env = True\n[watcher:b]\ncmd = {cmd}\ncopy_env = True\n"
    )
    pid = int(up.line())
    assert circusd.stop(signum=signal.SIGTERM) == 0
    assert running([pid]) == []


@pytest.mark.slow
def test_during_the_warm_up_of_one_watcher(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    up = gate("up")
    cmd = script("talker", TALKER)
    circusd = daemon(f"[watcher:a]\ncmd = {cmd}\nnumprocesses = 5\nwarmup_delay = 1000\ncopy_env = True\n")
    pid = int(up.line())
    assert circusd.stop(signum=signal.SIGTERM) == 0
    assert running([pid]) == []


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_while_a_thousand_workers_start(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    """The leak check of the tests finds every worker by its mark."""
    up = gate("up")
    cmd = script("talker", "#!/bin/sh\necho $$ > {dir}/up\nexec cat {dir}/never\n")
    gate("never")
    circusd = daemon(f"[watcher:a]\ncmd = {cmd}\nnumprocesses = 1000\ncopy_env = True\n", start=False)
    with subprocess.Popen([OURS / "circusd", circusd.config], stderr=subprocess.PIPE, text=True) as process:
        pids = [int(up.line(deadline=30)) for _ in range(20)]
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        rest = process.stderr.read()
        assert process.wait(30) == 0
    assert "circusd has stopped" in rest
    assert running(pids) == []


@pytest.mark.slow
def test_during_a_reload_and_a_stop_and_a_reload_of_the_configuration(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    up = gate("up")
    cmd = script("deaf", DEAF)
    config = f"[watcher:deaf]\ncmd = {cmd}\ngraceful_timeout = 0.5\ncopy_env = True\n"
    config += "[watcher:reloaded]\ncmd = sleep 1000\nnumprocesses = 20\nwarmup_delay = 0.2\ncopy_env = True\n"
    circusd = daemon(config)
    pids = [int(up.line())]
    circusd.settle()
    pids += circusd.call("list", name="reloaded")["pids"]
    circusd.write(config + "[watcher:new]\ncmd = sleep 1000\ncopy_env = True\n")
    with Crowd(circusd.endpoint) as crowd:
        tickets = [
            crowd.ask("reload", name="reloaded", waiting=True),
            crowd.ask("reloadconfig", waiting=True),
            crowd.ask("stop", name="deaf", waiting=True),
        ]
        crowd.collect([crowd.ask("status")])
        assert tickets[2] not in crowd.replies
        assert circusd.stop(signum=signal.SIGTERM) == 0
        replies = crowd.collect(tickets)
    assert [reply["status"] for reply in replies if reply["status"] != "ok"] in ([], ["error"]), replies
    assert running(pids) == []


@pytest.mark.slow
def test_hup_reloads(daemon: Callable[..., Daemon]) -> None:
    circusd = daemon("[watcher:a]\ncmd = sleep 1000\nnumprocesses = 2\n[watcher:b]\ncmd = sleep 1000\n")
    circusd.settle()
    before = {name: set(circusd.call("list", name=name)["pids"]) for name in "ab"}
    with circusd.events("watcher.b.reload") as events:
        subprocess.run(["kill", "-HUP", str(circusd.pid)], check=True)
        events.wait_for(lambda event: True)
    circusd.settle()
    after = {name: set(circusd.call("list", name=name)["pids"]) for name in "ab"}
    assert {name: len(pids) for name, pids in after.items()} == {"a": 2, "b": 1}
    assert not (before["a"] | before["b"]) & (after["a"] | after["b"])


@pytest.mark.slow
def test_many_hups_at_once_come_to_rest_and_leak_nothing(daemon: Callable[..., Daemon]) -> None:
    circusd = daemon("[watcher:a]\ncmd = sleep 1000\nnumprocesses = 3\n")
    circusd.settle()
    before = descriptors_of(circusd.pid)
    subprocess.run(["sh", "-c", f"for i in $(seq 40); do kill -HUP {circusd.pid}; done"], check=True)
    circusd.settle()
    assert len(circusd.call("list", name="a")["pids"]) == 3
    assert descriptors_of(circusd.pid) == before
    assert circusd.stop(signum=signal.SIGTERM) == 0


@pytest.mark.slow
def test_a_second_interrupt_is_impatient(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    up = gate("up")
    circusd = daemon(
        f"[watcher:deaf]\ncmd = {script('deaf', DEAF)}\ngraceful_timeout = 100000\ncopy_env = True\n"
    )
    pid = int(up.line())
    with circusd.events("watcher.deaf.kill") as events:
        subprocess.run(["kill", "-INT", str(circusd.pid)], check=True)
        events.wait_for(lambda event: event.data["signal"] == "SIGTERM")
    assert running([pid]) == [pid]
    assert circusd.stop(signum=signal.SIGINT) == 0
    assert running([pid]) == []


@pytest.mark.slow
def test_a_signal_and_quit_and_stops_at_once(daemon: Callable[..., Daemon]) -> None:
    config = "".join(
        f"[watcher:w{n}]\ncmd = sleep 1000\ngraceful_timeout = 0.5\npriority = {n % 3}\ncopy_env = True\n"
        for n in range(12)
    )
    circusd = daemon(config)
    with Crowd(circusd.endpoint) as crowd:
        tickets = [crowd.ask("stop", name=f"w{n}", waiting=True) for n in range(12)]
        tickets += [crowd.ask("start", waiting=True), crowd.ask("quit", waiting=True)]
        tickets += [crowd.ask("restart", name=f"w{n}", waiting=True) for n in range(12)]
        assert circusd.stop(signum=signal.SIGTERM) == 0
        for ticket in tickets:  # whoever was heard was answered; the socket may have closed before the rest
            if ticket in crowd.replies:
                assert crowd.replies[ticket]["status"] in {"ok", "error"}
