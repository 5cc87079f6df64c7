"""Promise 1: a process in uninterruptible sleep, which SIGKILL does not end, is reported as stuck and blocks nobody."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crowd import is_running, until
from daemons import Daemon, Gate
from frozen import Frozen, frozen_file_system
from requires import needs_root

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(90), needs_root()]

LEADER = """#!/bin/sh
exec 3> {disk}/file
echo $$ > {dir}/up
read word < {dir}/go
echo word >&3
exec sleep 1000
"""

CHILD = """#!/bin/sh
sh {dir}/leader &
trap 'exit 0' TERM
wait
wait
"""

CRASHES = """#!/bin/sh
# The first of its kind leaves a child behind that sleeps in the kernel.
mkdir {dir}/first || exec sleep 1000
sh {dir}/leader &
read word < {dir}/crash
exit 7
"""

CONFIG = """
[watcher:deep]
cmd = {dir}/%s
graceful_timeout = 0.2
copy_env = True
stdout_stream.class = FileStream
stdout_stream.filename = {dir}/out
[watcher:other]
cmd = sleep 1000
numprocesses = 2
[watcher:third]
cmd = sleep 1000
"""


@pytest.fixture
def disk(folder: Path) -> Iterator[Frozen]:
    with frozen_file_system(folder) as frozen:
        yield frozen


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]


@contextmanager
def asleep(disk: Frozen, up: Gate, go: Gate) -> Iterator[int]:
    """The pid of a worker's process that sleeps in the kernel until the end of the block."""
    pid = int(up.line())
    disk.freeze()
    try:
        go.release()
        until(lambda: state_of(pid) == "D", "a write into a frozen file system sleeps")
        yield pid
    finally:
        disk.thaw()
    until(lambda: not is_running(pid), "after the thaw the kill that it got is carried out")


@pytest.fixture
def start(
    disk: Frozen,
    daemon: Callable[..., Daemon],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
) -> Callable[[str], tuple[Daemon, Gate, Gate]]:
    def make(program: str) -> tuple[Daemon, Gate, Gate]:
        up, go = gate("up"), gate("go")
        for name, text in (("leader", LEADER), ("child", CHILD), ("crashes", CRASHES)):
            script(name, text.replace("{disk}", str(disk.path)))
        return daemon(CONFIG % program), up, go

    return make


def check_that_others_live_on(circusd: Daemon) -> None:
    """Crash recovery, restart, stop and start of other watchers."""
    (first, second) = circusd.call("list", name="other")["pids"]
    with circusd.events("watcher.other.spawn") as events:
        os.kill(first, signal.SIGKILL)
        assert events.wait_for(lambda event: True).data["why"] == "crash"
    for command in ("restart", "stop", "start"):
        reply = circusd.call(command, name="other", waiting=True)
        assert reply["status"] == "ok", reply
    assert second not in circusd.call("list", name="other")["pids"]
    assert circusd.call("status")["statuses"]["third"] == "active"


@pytest.mark.parametrize("program", ["leader", "child"])
def test_a_stop_says_who_is_stuck_and_blocks_nobody(
    start: Callable[[str], tuple[Daemon, Gate, Gate]], disk: Frozen, program: str
) -> None:
    circusd, up, go = start(program)
    with asleep(disk, up, go) as pid:
        with circusd.events("watcher.deep.") as events:
            circusd.call("stop", name="deep")
            check_that_others_live_on(circusd)
            reply = circusd.call("stop", name="deep", waiting=True, deadline=40)
            told = events.wait_for(lambda event: event.name == "stuck")
            assert (told.data["pids"], told.data["wid"]) == ([pid], 1)
            assert events.wait_for(lambda event: event.name == "stop").data["stuck"] == [pid]
        assert reply["status"] == "error"
        assert f"deep: processes that SIGKILL did not end: {pid}" in reply["reason"]
        status = circusd.call("status", name="deep")
        assert (status["status"], status["stuck"]) == ("stopped", [pid])
        check_that_others_live_on(circusd)
        again = circusd.call("stop", name="deep", waiting=True)
        assert str(pid) in again["reason"]
    circusd.until(lambda reply: not reply.get("stuck"), "status", name="deep")
    assert circusd.call("stop", name="deep", waiting=True)["status"] == "ok"
    assert circusd.stop() == 0


def test_a_restart_goes_on_beside_who_is_stuck(
    start: Callable[[str], tuple[Daemon, Gate, Gate]], disk: Frozen, folder: Path
) -> None:
    """The reply names who is left; its successor runs, and so does the watcher under its name after rm and add."""
    circusd, up, go = start("leader")
    with asleep(disk, up, go) as pid:
        (folder / "leader").write_text("#!/bin/sh\nexec sleep 1000\n")
        reply = circusd.call("restart", name="deep", waiting=True, deadline=40)
        assert reply["status"] == "error"
        assert str(pid) in reply["reason"]
        status = circusd.call("status", name="deep")
        assert (status["status"], status["stuck"]) == ("active", [pid])
        (successor,) = set(circusd.call("list", name="deep")["pids"]) - {pid}
        reply = circusd.call("rm", name="deep", waiting=True)
        assert str(pid) in reply["reason"]
        assert not is_running(successor)
        assert circusd.call("list")["watchers"] == ["other", "third"]
    assert circusd.stop() == 0


def test_what_a_crash_left_behind_may_be_stuck_too(
    start: Callable[[str], tuple[Daemon, Gate, Gate]],
    gate: Callable[[str], Gate],
    disk: Frozen,
) -> None:
    crash = gate("crash")
    circusd, up, go = start("crashes")
    with circusd.events("watcher.deep.stuck") as events, asleep(disk, up, go) as pid:
        crash.release()
        told = events.wait_for(lambda event: True, deadline=40)
        assert told.data["pids"] == [pid]
        status = circusd.call("status", name="deep")
        assert (status["status"], status["stuck"]) == ("active", [pid])
        check_that_others_live_on(circusd)
    circusd.until(lambda reply: not reply.get("stuck"), "status", name="deep")
    assert circusd.call("stop", name="deep", waiting=True)["status"] == "ok"
    assert circusd.stop() == 0


@pytest.mark.parametrize("way", ["quit", signal.SIGTERM], ids=str)
def test_circusd_ends_and_says_whom_it_left(
    start: Callable[[str], tuple[Daemon, Gate, Gate]], disk: Frozen, way: str | signal.Signals
) -> None:
    circusd, up, go = start("leader")
    others = [pid for name in ("other", "third") for pid in circusd.call("list", name=name)["pids"]]
    with asleep(disk, up, go) as pid:
        if isinstance(way, str):
            reply = circusd.call(way, waiting=True, deadline=40)
            assert reply["status"] == "error"
            assert str(pid) in reply["reason"]
        else:
            os.kill(circusd.pid, way)
        assert circusd.wait(deadline=40) == 0
        assert [other for other in others if is_running(other)] == []
        assert f"left behind, for SIGKILL did not end them: pids {pid}" in circusd.output()
