"""Whole trees, really killed: whatever a worker forks, re-parents, moves to another session or hides behind."""

# ruff: noqa: ASYNC220 - a test may block its own loop for the moment that a process needs

import asyncio
import fcntl
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process import Forest, ProcessError, ProcessGoneError, Stdio, adopt, clock, looking, procfs
from circus.process import hunt as hunt_module
from circus.process import reap as reap_module
from circus.process.handle import LocalChild
from circus.process.subreaper import patience_with, ripe
from circus.process.tree import Root

pytestmark = pytest.mark.real
needs_procfs = pytest.mark.skipif(not procfs.HAS_PROCFS, reason="needs procfs")


def ready(child, count=1):
    """Wait until so many lines came; gives the numbers in them (pids)."""
    fd = child.take_stdout()
    with os.fdopen(fd) as out:
        return [int(out.readline()) for _ in range(count)]


async def gone(child):
    async with asyncio.timeout(10):
        while child.survivors():
            await asyncio.to_thread(os.sched_yield)


STUBBORN = """trap '' TERM; sleep 1000 & echo $!; wait"""


async def test_children_are_signalled_with_the_root(spawner, spec):
    child = spawner.spawn(spec("sleep 1000 & echo $!; wait", stdout=Stdio.PIPE))
    (below,) = ready(child)
    assert child.survivors() == (child.pid, below)
    assert child.signal_tree(signal.SIGTERM) == (child.pid, below)
    await child.wait()
    await gone(child)


async def test_a_child_that_ignores_term_does_not_outlive_a_leader_that_exits(spawner, spec):
    child = spawner.spawn(
        spec(
            "(trap '' TERM; echo ok >&2; exec sleep 1000) & echo $!; wait",
            stdout=Stdio.PIPE,
            stderr=Stdio.PIPE,
        )
    )
    (below,) = ready(child)
    err = child.take_stderr()
    await asyncio.to_thread(os.read, err, 3)
    os.close(err)
    child.signal(signal.SIGTERM)
    await child.wait()
    assert child.survivors() == (below,)
    assert child.signal_tree(signal.SIGTERM) == (below,)
    assert child.survivors() == (below,)
    assert child.signal_tree(signal.SIGKILL) == (below,)
    await gone(child)
    assert child.signal_tree(signal.SIGKILL) == ()


@needs_procfs
async def test_a_double_forked_grandchild_in_its_own_session_is_found_by_its_mark(spawner, spec):
    child = spawner.spawn(spec("setsid sh -c 'echo $$; exec sleep 1000' & exit 0", stdout=Stdio.PIPE))
    await child.wait()
    (orphan,) = ready(child)
    row = procfs.read_stat(orphan)
    assert row.ppid != child.pid
    assert row.sid == orphan
    assert child.survivors() == (orphan,)
    assert child.signal_tree(signal.SIGKILL) == (orphan,)
    await gone(child)


async def test_what_was_seen_once_is_ours_though_it_hides_its_mark(spawner, spec):
    script = "setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 1000' & read x"
    child = spawner.spawn(spec(script, stdout=Stdio.PIPE, stdin=Stdio.PIPE))
    (hidden,) = ready(child)
    assert set(child.survivors()) == {child.pid, hidden}
    os.close(child.take_stdin())
    await child.wait()
    assert child.survivors() == (hidden,)
    child.signal_tree(signal.SIGKILL)
    await gone(child)


FORKER = """
import fcntl, os, sys
lock = open(sys.argv[1], "w")  # shared by all, free when nobody is left
fcntl.flock(lock, fcntl.LOCK_SH)
sys.stdout.write("%d\\n" % os.getpid()); sys.stdout.flush()
for _ in range(20000):  # for ever, but for a bug of ours
    if os.fork():
        os._exit(0)
    os.setsid()
"""


@needs_procfs
@pytest.mark.slow
@pytest.mark.parametrize("rounds", range(3))
async def test_a_worker_that_double_forks_all_the_time_is_beaten(spawner, spec, tmp_path, rounds):
    alive = tmp_path / "alive"
    child = spawner.spawn(spec(argv=(sys.executable, "-ISc", FORKER, alive), stdout=Stdio.PIPE))
    ready(child)
    await child.wait()
    async with asyncio.timeout(10):
        while not child.is_gone():
            child.signal_tree(signal.SIGKILL)
            await asyncio.to_thread(os.sched_yield)
    assert child.survivors() == ()
    with alive.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: somebody is left


@needs_procfs
async def test_a_stranger_is_read_once_and_a_new_process_of_ours_is_met(spawner, spec, monkeypatch):
    spawner.forest.look()
    strangers = spawner.forest._reader.strangers
    assert os.getpid() not in strangers
    read = []
    stat = procfs.read_stat
    monkeypatch.setattr(procfs, "read_stat", lambda pid: read.append(pid) or stat(pid))
    child = spawner.spawn(spec("setsid sh -c 'echo $$; exec sleep 1000' & exit 0", stdout=Stdio.PIPE))
    await child.wait()
    (orphan,) = ready(child)
    assert child.survivors() == (orphan,)
    assert orphan in read
    assert not strangers & set(read) - looking._adopters()
    child.signal_tree(signal.SIGKILL)
    await gone(child)


async def test_one_look_answers_for_many(spawner, spec, monkeypatch):
    looks = []
    look = spawner.forest.look
    monkeypatch.setattr(spawner.forest.__class__, "look", lambda self: looks.append(1) or look())
    children = [spawner.spawn(spec("exec sleep 1000")) for _ in range(20)]
    answer = spawner.forest.survivors_of(children)
    assert answer == {child.pid: (child.pid,) for child in children}
    assert len(looks) == 1
    assert spawner.forest.signal_trees(children, signal.SIGTERM) == answer
    await asyncio.gather(*(child.wait() for child in children))
    looks.clear()
    assert spawner.forest.survivors_of(children) == {child.pid: () for child in children}
    assert len(looks) == 1
    assert all(child.signal_tree(signal.SIGKILL) == () for child in children)
    assert len(looks) == 1


async def test_siblings_and_strangers_are_never_hit(spawner, spec):
    stranger = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    sibling = spawner.spawn(spec("exec sleep 1000"))
    child = spawner.spawn(spec(STUBBORN, stdout=Stdio.PIPE))
    ready(child)
    child.signal_tree(signal.SIGKILL)
    await child.wait()
    await gone(child)
    assert stranger.poll() is None
    assert sibling.poll() is None
    stranger.kill()
    stranger.wait()


async def test_a_tree_without_a_session_of_its_own_leaves_our_group_alone(spawner, spec):
    child = spawner.spawn(spec("sleep 1000 & echo $!; wait", stdout=Stdio.PIPE, new_session=False))
    (below,) = ready(child)
    assert set(child.signal_tree(signal.SIGKILL)) == {child.pid, below}
    await child.wait()
    await gone(child)


def test_a_recycled_pid_is_not_signalled(spawner, spec):
    child = spawner.spawn(spec("exec sleep 1000"), watch=False)
    row = procfs.read_stat(child.pid)
    assert not hunt_module.signal_process(row._replace(start_time=row.start_time - 1), signal.SIGKILL)
    assert not hunt_module._signal_by_pid(row._replace(start_time=row.start_time - 1), signal.SIGKILL)
    assert child.poll() is None
    assert hunt_module._signal_by_pid(row, signal.SIGTERM)
    assert child.wait_blocking(10).signal == signal.SIGTERM
    assert not hunt_module.signal_process(row, signal.SIGKILL)
    assert not hunt_module._signal_by_pid(row, signal.SIGKILL)


def test_an_old_handle_that_is_closed_takes_no_later_child_of_its_pid_along():
    forest = Forest()
    process = subprocess.Popen(["sleep", "1000"])

    def handle(start_time):
        child = LocalChild(
            label="web.1",
            pid=process.pid,
            pidfd=None,
            root=Root(pid=process.pid, start_time=start_time),
            started_at=clock.monotonic(),
            forest=forest,
        )
        forest.add(child)
        return child

    old = handle(1)
    process.kill()
    assert old.wait_blocking(10).signal == signal.SIGKILL
    assert forest.living == set()
    later = handle(2)  # the kernel has given the number out again
    old.close()
    assert forest.living == {process.pid}
    later.close()
    process.wait()


# --- processes that we did not spawn -----------------------------------------------------------------------------


async def test_a_stranger_is_adopted_watched_and_killed(spawner, spec):
    other = spawner.spawn(
        spec("setsid sh -c 'sleep 1000 & echo $$; echo $!; wait' & exit 0", stdout=Stdio.PIPE)
    )
    await other.wait()
    pid, below = ready(other, 2)
    forest = Forest()
    child = adopt(label="web.9", pid=pid, start_time=procfs.start_time(pid), forest=forest)
    assert child.exit is None
    assert set(child.survivors()) == {pid, below}
    child.signal(signal.SIGTERM)
    status = await child.wait()
    assert status.describe() == "gone"
    assert child.survivors() == (below,)
    child.signal_tree(signal.SIGKILL)
    await gone(child)
    child.close()


async def test_a_child_of_ours_is_adopted_with_its_exit_code(spec):
    process = subprocess.Popen(["/bin/sh", "-c", "read x; exit 4"], stdin=subprocess.PIPE)
    child = adopt(label="web.9", pid=process.pid, start_time=procfs.start_time(process.pid), forest=Forest())
    process.stdin.close()
    assert (await child.wait()).code == 4
    process.returncode = 4
    child.close()


def test_a_recycled_pid_is_not_adopted(spawner, spec, monkeypatch, open_count):
    child = spawner.spawn(spec("exec sleep 1000"), watch=False)
    before = open_count()
    with pytest.raises(ProcessGoneError):
        adopt(label="x", pid=child.pid, start_time=1, forest=Forest())
    assert open_count() == before
    monkeypatch.setattr(reap_module, "open_pidfd", lambda _: None)
    with pytest.raises(ProcessError, match="no pidfd"):
        adopt(label="x", pid=child.pid, start_time=child.start_time, forest=Forest())
    monkeypatch.undo()
    child.signal(signal.SIGKILL)
    child.wait_blocking(10)
    with pytest.raises(ProcessGoneError):
        adopt(label="x", pid=child.pid, start_time=child.start_time, forest=Forest())


# --- being a subreaper -------------------------------------------------------------------------------------------


def zombie(pid, start=100):
    return procfs.Stat(pid, "x", "Z", 1, pid, pid, 0, 0, 0, 1, start, 0, 0)


def test_known_orphans_are_ripe_at_once_and_others_after_patience():
    first_seen = {(5, 100): 0.0}
    orphans = [zombie(2), zombie(3), zombie(4)._replace(state="S")]
    one = ripe(orphans, known={(2, 100)}, first_seen=first_seen, now=1.0, patience=30.0)
    assert [row.pid for row in one] == [2]
    assert first_seen == {(2, 100): 1.0, (3, 100): 1.0}
    later = ripe([zombie(3), zombie(3 + 4)], known=set(), first_seen=first_seen, now=31.0, patience=30.0)
    assert [row.pid for row in later] == [3]


@given(st.integers(0, 40_000))
def test_the_more_zombies_the_less_patience_so_that_the_number_space_lasts(count):
    wait = patience_with(count, 30.0)
    assert wait <= patience_with(max(0, count - 1), 30.0) <= 30.0
    assert wait == 30.0 if count <= 64 else count * wait <= 64 * 30.0 + 1


def test_zombies_of_a_storm_are_ripe_soon():
    storm = [zombie(pid) for pid in range(2, 6402)]
    first_seen = {}
    assert ripe(storm, known=set(), first_seen=first_seen, now=1.0, patience=30.0) == []
    assert ripe(storm, known=set(), first_seen=first_seen, now=1.2, patience=30.0) == []
    assert ripe(storm, known=set(), first_seen=first_seen, now=1.4, patience=30.0) == storm


SUBREAPER = """
import asyncio, os, signal, subprocess, sys
from circus.process import LocalSpawner, ProcessSpec, Stdio, procfs
from circus.process.subreaper import OrphanReaper, become_subreaper

async def main():
    assert become_subreaper()
    spawner = LocalSpawner()
    reaper = OrphanReaper(spawner.forest, patience=1000.0)
    ours = subprocess.Popen(["/bin/sh", "-c", "exit 7"])
    child = spawner.spawn(ProcessSpec(label="w", argv=("sh", "-c", "setsid sh -c 'echo $$; exec sleep 1000' & exit 0"),
                                      env=dict(os.environ), stdout=Stdio.PIPE))
    await child.wait()
    out = os.fdopen(child.take_stdout())
    orphan = int(out.readline())
    assert procfs.read_stat(orphan).ppid == os.getpid()
    assert child.survivors() == (orphan,)
    assert child.signal_tree(signal.SIGKILL) == (orphan,)
    while child.survivors():
        os.sched_yield()
    os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
    assert reaper.sweep(0.0) == (orphan,)
    assert procfs.read_stat(orphan) is None
    assert reaper.again_in == 1000.0
    assert ours.wait() == 7
    assert reaper.sweep(1.0) == ()
    assert reaper.again_in is None
    child.close()
    print("fine")

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux has subreapers")
def test_a_subreaper_reaps_its_workers_orphans_and_nobody_elses_children(output):
    assert output(argv=(sys.executable, "-c", SUBREAPER), stderr=Stdio.INHERIT) == b"fine\n"
