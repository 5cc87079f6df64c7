"""Promise 1: after stop, restart, rm, quit or SIGTERM to circusd nothing of a watcher's process tree runs."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crowd import is_running, running, until
from daemons import Daemon, Gate

pytestmark = pytest.mark.real

FAMILY = """#!/bin/sh
# The leader ends at TERM at once; four others do not care, and two of them have left its session or lost their parent.
echo leader $$ > {dir}/pids
sh -c 'trap "" TERM; echo child $$ > {dir}/pids; exec sleep 1000' &
setsid sh -c 'trap "" TERM; echo session $$ > {dir}/pids; exec sleep 1000' &
sh -c 'sh -c "trap \\"\\" TERM; echo orphan \\$\\$ > {dir}/pids; exec sleep 1000" &' &
setsid sh -c 'sh -c "trap \\"\\" TERM; echo lost \\$\\$ > {dir}/pids; exec sleep 1000" &' &
trap 'exit 0' TERM
wait
wait
sleep 1000 &
wait
"""

CONFIG = """
[watcher:family]
cmd = {dir}/family
graceful_timeout = 0.3
copy_env = True
"""


def meet(gate: Gate) -> dict[str, int]:
    """The pids of one family."""
    words = [gate.line().split() for _ in range(5)]
    return {name: int(pid) for name, pid in words}


@pytest.fixture
def pids(gate: Callable[[str], Gate], script: Callable[[str, str], Path]) -> Gate:
    script("family", FAMILY)
    return gate("pids")


@pytest.mark.parametrize("command", ["stop", "rm", "restart", "decr", "kill"])
@pytest.mark.slow
def test_commands_leave_nothing(
    shared: Daemon, add: Callable[..., None], folder: Path, pids: Gate, command: str
) -> None:
    add("family", folder / "family")
    members = meet(pids)
    assert sorted(members) == ["child", "leader", "lost", "orphan", "session"]
    reply = shared.call(command, waiting=True, name="family")
    assert reply["status"] == "ok", reply
    assert running(members.values()) == []
    if command in {"stop", "rm"}:
        had_to_be_killed = {members[name] for name in ("child", "session", "orphan", "lost")}
        assert had_to_be_killed <= set(reply["info"]["killed"])
        assert members["leader"] not in reply["info"]["killed"]
    if command in {"restart", "kill"}:
        successors = meet(pids)
        assert set(running(successors.values())) == set(successors.values())
        assert not set(successors.values()) & set(members.values())


@pytest.mark.parametrize("way", ["quit", signal.SIGTERM, signal.SIGQUIT], ids=str)
@pytest.mark.slow
def test_the_end_of_circusd_leaves_nothing(
    daemon: Callable[..., Daemon], pids: Gate, way: str | signal.Signals
) -> None:
    circusd = daemon(CONFIG)
    members = meet(pids)
    if isinstance(way, str):
        assert circusd.call(way, waiting=True)["status"] == "ok"
        assert running(members.values()) == []
        assert circusd.wait() == 0
    else:
        assert circusd.stop(signum=way) == 0
    assert running(members.values()) == []


@pytest.mark.slow
def test_a_crash_of_the_leader_leaves_nobody_behind_for_long(
    shared: Daemon, add: Callable[..., None], folder: Path, pids: Gate
) -> None:
    """Its successor comes at once; what the dead one left behind is ended at the latest with the stop."""
    add("family", folder / "family")
    members = meet(pids)
    os.kill(members["leader"], signal.SIGKILL)
    successors = meet(pids)
    assert shared.call("stop", name="family", waiting=True)["status"] == "ok"
    assert running([*members.values(), *successors.values()]) == []


RUNNER_AWAY = f"""#!{sys.executable}
# Forks and lets the parent exit, all the time: whoever looks sees a pid that is gone already. It ends by itself in the end.
# All of it shares one lock, which is free when nobody is left, however fast they are.
import fcntl, os, time
lock = open("{{dir}}/alive", "w")
fcntl.flock(lock, fcntl.LOCK_SH)
end = time.monotonic() + 60
with open("{{dir}}/pids", "w") as gate:
    gate.write("up\\n")
if not os.fork():
    os.setsid()
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("again", range(3))
def test_a_worker_that_double_forks_all_the_time_is_caught(
    again: int,
    shared: Daemon,
    add: Callable[..., None],
    folder: Path,
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
) -> None:
    pids = gate("pids")
    script("runner", RUNNER_AWAY)
    add("runner", folder / "runner", graceful_timeout=0.2)
    assert pids.line() == "up"
    assert shared.call("stop", name="runner", waiting=True)["status"] == "ok", again
    with (folder / "alive").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: somebody is left


DEAF = """#!/bin/sh
trap "" TERM
echo $$ > {dir}/up
exec sleep 1000
"""


@pytest.mark.slow
def test_sigkill_goes_out_at_graceful_timeout_by_the_clock(
    shared: Daemon,
    add: Callable[..., None],
    folder: Path,
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
) -> None:
    """The events carry the times of both signals; the reply says who had to be killed."""
    up = gate("up")
    add("deaf", script("deaf", DEAF), graceful_timeout=0.4)
    pid = int(up.line())
    with shared.events("watcher.deaf.kill") as events:
        reply = shared.call("stop", name="deaf", waiting=True)
        asked = events.wait_for(lambda event: event.data["signal"] == "SIGTERM")
        made = events.wait_for(lambda event: event.data["signal"] == "SIGKILL")
    assert reply["info"]["killed"] == [pid]
    assert made.data["time"] - asked.data["time"] >= 0.39
    assert not is_running(pid)


@pytest.mark.slow
def test_a_kill_with_less_grace_hastens_a_stop(
    shared: Daemon,
    add: Callable[..., None],
    folder: Path,
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
) -> None:
    up = gate("up")
    add("deaf", script("deaf", DEAF), graceful_timeout=1000)
    pid = int(up.line())
    shared.call("stop", name="deaf")
    shared.until(lambda reply: reply["status"] == "stopping", "status", name="deaf")
    reply = shared.call("kill", name="deaf", graceful_timeout=0.1, waiting=True)
    assert reply["status"] == "ok", reply
    assert not is_running(pid)
    shared.until(lambda reply: reply["status"] == "stopped", "status", name="deaf")


@pytest.mark.slow
def test_what_a_worker_left_behind_when_it_ended_by_itself_is_swept(
    add: Callable[..., None], folder: Path, gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> None:
    """respawn = False: nobody comes after it, and still its orphan may not stay."""
    up, go = gate("up"), gate("go")
    once = """#!/bin/sh
    setsid sh -c 'echo $$ > {dir}/up; exec sleep 1000' &
    read x < {dir}/go
    """
    add("once", script("once", once), respawn=False, graceful_timeout=0.2)
    orphan = int(up.line())
    go.release()
    until(lambda: not is_running(orphan), "the orphan of an ended worker is gone")
