"""Promise 7: a machine, a container or a user that is full of processes: what runs goes on, what waits says so and comes back."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crowd import descriptors_of, until
from daemons import Daemon
from processes import Room, room_for_processes
from requires import needs_program, needs_root

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(90)]

PLAIN = """
[watcher:plain]
cmd = sleep 1000
numprocesses = 2
max_retry = 1
backoff_max = 0.2
"""

OTHERS = """
[watcher:late]
cmd = sh -c 'echo line; exec sleep 1000'
autostart = False
max_retry = 1
backoff_max = 0.2
stdout_stream.class = FileStream
stdout_stream.filename = {dir}/out
[watcher:hooked]
cmd = sleep 1000
autostart = False
hooks.before_start = circus_test_hooks.allow
"""


@pytest.fixture
def room() -> Iterator[Room]:
    with room_for_processes() as room:
        yield room


@pytest.fixture
def confined(
    room: Room, folder: Path, daemon: Callable[..., Daemon], script: Callable[[str, str], Path]
) -> Daemon:
    """A circusd that shares the room with its workers."""
    (folder / "circus_test_hooks.py").write_text("def allow(**keywords):\n    return True\n")
    circusd = daemon(PLAIN + OTHERS, start=False, env={"PYTHONPATH": str(folder)})
    circusd.program = script("inside", f'#!/bin/sh\necho $$ > {room.door}\nexec {circusd.program} "$@"\n')
    circusd.start()
    circusd.settle()
    return circusd


def fill(circusd: Daemon) -> str:
    """Want more than there is room for; what the watcher says to it."""
    with circusd.events("watcher.plain.backoff") as events:
        circusd.call("incr", name="plain", nb=4)
        event = events.wait_for(lambda event: True)
    status = circusd.call("status", name="plain")
    assert status["status"] == "backoff"
    assert event.data["reason"] in circusd.output()
    assert status["backoff"]["reason"].startswith("cannot start plain.")
    return event.data["reason"]


def test_a_full_cgroup(confined: Daemon, room: Room) -> None:
    """Neither what starts with output and hooks, which need threads, nor questions and commands are harmed by it for good."""
    before = descriptors_of(confined.pid)
    room.close(free=1)
    reason = fill(confined)
    assert "creating a process" in reason
    assert "resource temporarily unavailable (no room for another process: see ulimit -u, TasksMax=" in reason
    assert len(confined.call("list", name="plain")["pids"]) == 3

    confined.call("start", name="hooked")
    reply = confined.call("start", name="late", waiting=True)
    assert reply["status"] == "error"
    assert "no room for another process" in reply["reason"]
    assert confined.call("status", name="late")["status"] == "backoff"
    assert confined.call("status", name="hooked")["status"] == "starting"
    assert "hooks of hooked wait: no room for another process or thread" in confined.output()

    for question in ("stats", "dstats", "status", "list", "options"):
        subject = {} if question in {"dstats", "status", "list"} else {"name": "plain"}
        assert confined.call(question, **subject)["status"] == "ok", question
    assert confined.call("reloadconfig", waiting=True)["status"] == "ok"
    assert confined.call("decr", name="plain", nb=5, waiting=True)["status"] == "ok"
    (last,) = confined.call("list", name="plain")["pids"]
    confined.call("incr", name="plain", nb=5)
    os.kill(last, signal.SIGKILL)

    room.open()
    confined.until(lambda reply: len(reply["pids"]) == 6 and last not in reply["pids"], "list", name="plain")
    out = confined.folder / "out"
    until(lambda: out.exists() and out.read_text() == "line\n", "the worker that came late writes")
    for name in ("plain", "late", "hooked"):
        confined.until(lambda reply: reply["status"] == "active", "status", name=name)
        assert confined.call("stop", name=name, waiting=True)["status"] == "ok"
    assert "internal error" not in confined.output()
    assert "Traceback" not in confined.output()
    assert descriptors_of(confined.pid) - before <= 2, "but for the pipe of the thread that moves output"
    assert confined.stop() == 0


@pytest.mark.parametrize("way", ["quit", signal.SIGTERM], ids=str)
def test_circusd_ends_in_a_full_cgroup(confined: Daemon, room: Room, way: str | signal.Signals) -> None:
    assert confined.call("start", name="late", waiting=True)["status"] == "ok"
    room.close()
    fill(confined)
    if isinstance(way, str):
        assert confined.call(way, waiting=True)["status"] == "ok"
    else:
        os.kill(confined.pid, way)
    assert confined.wait() == 0
    until(lambda: room.inside == 0, "nobody is left")
    assert "Traceback" not in confined.output()


def kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


@needs_root()
@needs_program("unshare", debian="util-linux")
@pytest.mark.skipif(
    kernel() < (6, 14), reason="needs Linux 6.14: before, the number of pids is the whole machine's"
)
def test_a_full_pid_space(
    folder: Path, daemon: Callable[..., Daemon], script: Callable[[str, str], Path]
) -> None:
    """In a namespace with forty pids beyond the first three hundred, which are not given out a second time."""
    circusd = daemon(PLAIN, start=False)
    script(
        "first",
        "#!/bin/sh\necho 340 > /proc/sys/kernel/pid_max\ni=0\n"
        f'while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done\n{circusd.program} "$@"\nexit $?\n',
    )
    circusd.program = script(
        "alone", f'#!/bin/sh\nexec unshare --pid --fork --kill-child --mount-proc {folder}/first "$@"\n'
    )
    circusd.start()
    circusd.settle()
    with circusd.events("watcher.plain.") as events:
        circusd.call("incr", name="plain", nb=60)
        told = events.wait_for(lambda event: event.name == "backoff")
    assert "creating a process" in told.data["reason"]
    assert "kernel.pid_max" in told.data["reason"]
    few = circusd.call("list", name="plain")["pids"]
    assert 20 < len(few) < 62
    assert (
        circusd.call("set", name="plain", options={"numprocesses": len(few) - 5}, waiting=True)["status"]
        == "ok"
    )
    circusd.until(lambda reply: reply["status"] == "active", "status", name="plain")
    with circusd.events("watcher.plain.spawn") as events:
        assert circusd.call("restart", name="plain", waiting=True)["status"] == "ok"
        events.wait_for(lambda event: True)
    assert circusd.call("quit", waiting=True)["status"] == "ok"
    assert circusd.wait() == 0


NO_MEMORY = """
import os, subprocess
from circus.process import LocalSpawner, ProcessSpec, SpawnError
subprocess.run(["/bin/true"])  # the first process of a namespace: with it ends what can be created there
before = os.listdir("/proc/self/fd")
try:
    LocalSpawner().spawn(ProcessSpec(label="web.1", argv=("/bin/true",)))
except SpawnError as error:
    assert error.retryable
    assert os.listdir("/proc/self/fd") == before
    print(error)
"""


@needs_root()
@needs_program("unshare", debian="util-linux")
def test_no_memory_for_a_fork() -> None:
    """What the kernel says where it has no memory (ENOMEM), it also says where a namespace has lost its first process."""
    said = subprocess.run(
        ["unshare", "--pid", sys.executable, "-c", NO_MEMORY],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    ).stdout
    assert said == (
        "cannot start web.1: creating a process '/bin/true': cannot allocate memory (no memory for another process)\n"
    )


STRANGER = 64_989
"""A user that nobody has processes of."""


@needs_root()
@needs_program("setpriv", debian="util-linux")
def test_a_worker_user_that_may_not_have_more(daemon: Callable[..., Daemon]) -> None:
    """The limit is of the user of two watchers: who comes too late dies before its program starts, and comes back."""
    of_one_user = (
        f"cmd = sleep 1000\nuid = {STRANGER}\nrlimit_nproc = 4\nbackoff_max = 0.2\nbackoff_initial = 0.05\n"
    )
    circusd = daemon(
        f"[watcher:early]\n{of_one_user}numprocesses = 3\npriority = 2\n[watcher:late]\n{of_one_user}numprocesses = 3\n"
        f"autostart = False\n{PLAIN}"
    )
    circusd.settle()
    assert len(circusd.call("list", name="early")["pids"]) == 3
    with circusd.events("watcher.late.") as events:
        circusd.call("start", name="late")
        told = events.wait_for(lambda event: event.name == "reap")
        assert (told.data["exit_code"], told.data["why"]) == (126, "crash")
        assert events.wait_for(lambda event: event.name == "backoff").data["reason"] == "exit code 126"
    circusd.until(lambda reply: reply["status"] == "backoff", "status", name="late")
    assert "sleep: Resource temporarily unavailable" in circusd.output()
    statuses = circusd.call("status")["statuses"]
    assert (statuses["early"], statuses["plain"]) == ("active", "active")
    assert circusd.call("stop", name="early", waiting=True)["status"] == "ok"
    circusd.until(lambda reply: reply["status"] == "active", "status", name="late")
    assert len(circusd.call("list", name="late")["pids"]) == 3
    assert circusd.stop() == 0
