import pytest

from circus.plugins.watchdog import Heartbeats

from .conftest import PYTHON, free_udp_port, workers


def test_who_is_silent_for_too_long_is_taken_once():
    beats = Heartbeats()
    assert beats.watch(1, watcher="a", now=0)
    assert not beats.watch(1, watcher="a", now=5)
    assert beats.watch(2, watcher="b", now=0)
    assert beats.heard(2, now=9)
    assert not beats.heard(3, now=9)
    assert beats.take_silent(longer_than=10, now=10) == []
    assert beats.take_silent(longer_than=10, now=10.1) == [(1, "a")]
    assert 1 not in beats
    assert beats.take_silent(longer_than=10, now=10.2) == []


def test_who_is_gone_is_not_expected():
    beats = Heartbeats()
    assert beats.watch(1, watcher="a", now=0)
    beats.forget(1)
    beats.forget(1)
    assert beats.take_silent(longer_than=1, now=100) == []


def test_many_at_once():
    beats = Heartbeats()
    assert all(beats.watch(pid, watcher="a", now=0) for pid in range(1, 100))
    assert len(beats.take_silent(longer_than=1, now=2)) == 99


BEATING = """
import os, select, socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", int(os.environ["PORT"])))
while True:
    try:
        sock.send(f"{os.getpid()};now".encode())
    except ConnectionRefusedError:
        pass
    select.select([], [], [], 0.05)
"""


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_the_silent_are_killed_the_beating_and_the_helpers_are_not(circusd, folder):
    port = free_udp_port()
    (folder / "beating.py").write_text(BEATING)
    config = f"""
[watcher:beating]
cmd = {PYTHON} {folder}/beating.py
[env:beating]
PORT = {port}
[watcher:silent]
cmd = sleep 1000
[watcher:other]
cmd = sleep 1000
[plugin:watchdog]
use = circus.plugins.watchdog.WatchDog
loop_rate = 1
max_count = 3
port = {port}
watchers_regex = ^(beating|silent|plugin.*)$
watchers_stop_signal = INT
"""
    with circusd(config) as daemon, daemon.events("watcher.") as events:
        before = {name: workers(daemon, name) for name in ("beating", "other")}
        plugin = workers(daemon, "plugin:watchdog")
        reap = events.wait_for(lambda event: event.topic == "watcher.silent.reap", deadline=40)
        assert (reap.data["why"], reap.data["signal"]) == ("command", "SIGINT")
        again = events.wait_for(lambda event: event.topic == "watcher.silent.reap", deadline=40)
        assert again.data["process_pid"] != reap.data["process_pid"]
        assert {name: daemon.call("list", name=name)["pids"] for name in before} == before
        assert daemon.call("list", name="plugin:watchdog")["pids"] == plugin
