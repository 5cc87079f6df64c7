"""Promise 2: no command is refused or held up because something else runs. Told by the order of replies, not by a clock."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from crowd import Crowd, is_running
from daemons import Daemon, Gate

pytestmark = pytest.mark.real

DEAF = """#!/bin/sh
trap "" TERM
echo $$ > {dir}/up
exec sleep 1000
"""
SLEEP = "sleep 1000"


@pytest.mark.slow
def test_a_hundred_commands_on_as_many_watchers(shared: Daemon, add: Callable[..., None]) -> None:
    names = [f"w{number}" for number in range(20)]
    for name in names:
        add(name, SLEEP, start=False)
    shared.call("start", name="w*", match="glob", waiting=True)
    with Crowd(shared.endpoint) as crowd:
        tickets = [
            ticket
            for name in names
            for ticket in (
                crowd.ask("restart", name=name, waiting=True),
                crowd.ask("incr", name=name, waiting=True),
                crowd.ask("set", name=name, options={"max_age": 3600}, waiting=True),
                crowd.ask("set", name=name, options={"graceful_timeout": 0.4}, waiting=True),
                crowd.ask("incr", name=name, nb=2, waiting=True),
            )
        ]
        replies = crowd.collect(tickets, deadline=60)
    assert [reply for reply in replies if reply["status"] != "ok"] == []
    for name in names:
        assert shared.call("numprocesses", name=name)["numprocesses"] == 4
        assert len(set(shared.call("list", name=name)["pids"])) == 4
        told = shared.call("get", name=name, keys=["max_age", "graceful_timeout"])["options"]
        assert told == {"max_age": 3600, "graceful_timeout": 0.4}


@pytest.mark.slow
def test_a_hundred_commands_on_one_watcher_add_up(shared: Daemon, add: Callable[..., None]) -> None:
    add("one", SLEEP)
    with Crowd(shared.endpoint) as crowd:
        tickets = [
            crowd.ask("decr" if number % 4 == 3 else "incr", name="one", waiting=True)
            for number in range(100)
        ]
        tickets += [crowd.ask("restart", name="one", waiting=True)]
        replies = crowd.collect(tickets, deadline=60)
    assert [reply for reply in replies if reply["status"] != "ok"] == []
    assert shared.call("numprocesses", name="one")["numprocesses"] == 51
    pids = shared.call("list", name="one")["pids"]
    assert len(pids) == len(set(pids)) == 51
    assert all(map(is_running, pids))


@pytest.mark.slow
def test_stop_wins_and_the_overridden_are_told(shared: Daemon, add: Callable[..., None]) -> None:
    add("one", SLEEP, numprocesses=5)
    with Crowd(shared.endpoint) as crowd:
        restarts = [crowd.ask("restart", name="one", waiting=True) for _ in range(49)]
        stops = [crowd.ask("stop", name="one", waiting=True)]
        later = [crowd.ask("incr", name="one", waiting=True) for _ in range(50)]
        replies = crowd.collect([*restarts, *stops, *later], deadline=60)
    assert [reply for reply in replies if reply["status"] != "ok"] == []
    assert {reply["info"].get("superseded_by") for reply in replies[:49]} <= {"restart", "stop"}
    assert {reply["numprocesses"] for reply in replies[50:]} <= set(range(6, 56))
    assert shared.call("status", name="one")["status"] == "stopped"
    assert shared.call("numprocesses", name="one")["numprocesses"] == 0
    assert shared.call("options", name="one")["options"]["numprocesses"] == 55


@pytest.mark.slow
def test_reloads_of_the_configuration_take_their_turns(daemon: Callable[..., Daemon]) -> None:
    config = "[watcher:a]\ncmd = sleep 1000\nnumprocesses = {n}\n[watcher:b]\ncmd = sleep 1000\n"
    circusd = daemon(config.replace("{n}", "1"))
    circusd.settle()
    circusd.write(config.replace("{n}", "3") + "[watcher:c]\ncmd = sleep 1000\n")
    with Crowd(circusd.endpoint) as crowd:
        tickets = []
        for _ in range(20):
            tickets += [crowd.ask("reloadconfig", waiting=True), crowd.ask("restart", name="b", waiting=True)]
            tickets += [crowd.ask("incr", name="b", waiting=True), crowd.ask("decr", name="b", waiting=True)]
        replies = crowd.collect(tickets, deadline=60)
    assert [reply for reply in replies if reply["status"] != "ok"] == []
    circusd.settle()
    assert {name: circusd.call("numprocesses", name=name)["numprocesses"] for name in "abc"} == {
        "a": 3,
        "b": 1,
        "c": 1,
    }


@pytest.mark.slow
def test_a_reloaded_configuration_does_not_start_what_was_stopped_since(
    daemon: Callable[..., Daemon],
) -> None:
    """The new one is to start when the old one has left, and that takes its time; whoever says stop meanwhile means it."""
    slow = "[watcher:old]\ncmd = sleep 1000\nstop_signal = WINCH\ngraceful_timeout = 1000\n"
    circusd = daemon(slow)
    circusd.settle()
    (pid,) = circusd.call("list", name="old")["pids"]
    circusd.write("[watcher:new]\ncmd = sleep 1000\n")
    with Crowd(circusd.endpoint) as crowd, circusd.events() as events:
        reload = crowd.ask("reloadconfig", waiting=True)
        events.wait_for(lambda event: (event.watcher, event.name) == ("new", "add"))
        assert circusd.call("stop", name="new", waiting=True)["status"] == "ok"
        os.kill(pid, signal.SIGKILL)
        assert crowd.collect([reload])[0]["status"] == "ok"
    assert circusd.call("status")["statuses"] == {"new": "stopped"}


@pytest.mark.slow
def test_a_restart_of_everything_does_not_start_what_was_stopped_while_it_read_the_configuration(
    daemon: Callable[..., Daemon],
) -> None:
    circusd = daemon("[watcher:a]\ncmd = sleep 1000\n[watcher:b]\ncmd = sleep 1000\n")
    circusd.settle()
    with Crowd(circusd.endpoint) as crowd:
        asked = [crowd.ask("restart", waiting=True), crowd.ask("stop", name="b", waiting=True)]
        assert [reply["status"] for reply in crowd.collect(asked)] == ["ok", "ok"]
    assert circusd.call("status")["statuses"] == {"a": "active", "b": "stopped"}


@pytest.mark.slow
def test_a_long_stop_delays_no_recovery_and_no_status(
    shared: Daemon, add: Callable[..., None], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    up = gate("up")
    add("other", SLEEP)
    add("deaf", script("deaf", DEAF), graceful_timeout=1000)
    deaf = int(up.line())
    (victim,) = shared.call("list", name="other")["pids"]
    with Crowd(shared.endpoint) as crowd, shared.events("watcher.other.spawn") as events:
        stop = crowd.ask("stop", name="deaf", waiting=True)
        crowd.collect([crowd.ask("status", name="deaf")])
        os.kill(victim, signal.SIGKILL)
        came_back = events.wait_for(lambda event: event.data["process_pid"] != victim)
        seen = crowd.collect(
            [
                crowd.ask("status"),
                crowd.ask("list", name="other"),
                crowd.ask("incr", name="other", waiting=True),
            ]
        )
        assert seen[0]["statuses"]["deaf"] == "stopping"
        assert seen[0]["statuses"]["other"] == "active"
        assert seen[1]["pids"] == [came_back.data["process_pid"]]
        assert stop not in crowd.replies
        assert is_running(deaf)
        os.kill(deaf, signal.SIGKILL)
        assert crowd.collect([stop])[0]["status"] == "ok"


@pytest.mark.slow
def test_status_is_answered_while_hundreds_start_and_stop(shared: Daemon, add: Callable[..., None]) -> None:
    add("many", SLEEP, numprocesses=300, start=False)
    with Crowd(shared.endpoint) as crowd:
        start = crowd.ask("start", name="many", waiting=True)
        seen = []
        while start not in crowd.replies:
            seen.append(crowd.collect([crowd.ask("numprocesses", name="many")])[0]["numprocesses"])
        assert any(0 < number < 300 for number in seen), seen
        assert shared.call("numprocesses", name="many")["numprocesses"] == 300
        stop = crowd.ask("stop", name="many", waiting=True)
        looks = 0
        while stop not in crowd.replies:
            crowd.collect([crowd.ask("status", name="many")])
            looks += 1
        assert looks >= 1
        assert shared.call("numprocesses", name="many")["numprocesses"] == 0
