"""Exits: with pidfds and without, in any thread, on several loops, in a burst, beside a host's own children."""

# ruff: noqa: ASYNC220, ASYNC222 - a test may block its own loop for the moment that a process needs

import asyncio
import gc
import os
import signal
import subprocess
import threading
import warnings

import pytest

from circus.process import ExitStatus, Forest, LocalSpawner, Stdio, adopt
from circus.process import reap as reap_module

pytestmark = pytest.mark.real


@pytest.fixture(params=["pidfd", "thread"])
def way(request, monkeypatch):
    """With pidfds, and as on a system that has none."""
    if request.param == "thread":
        monkeypatch.setattr(reap_module, "open_pidfd", lambda _: None)
    return request.param


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", ExitStatus(code=0)),
        ("exit 255", ExitStatus(code=255)),
        ("kill -KILL $$", ExitStatus(signal=9)),
    ],
)
async def test_how_it_ended(way, spawner, spec, script, expected):
    child = spawner.spawn(spec(script))
    assert (child.pidfd is None) == (way == "thread")
    assert await child.wait() == expected
    assert child.pidfd is None


async def test_signals_without_pidfd(way, spawner, spec):
    child = spawner.spawn(spec("exec sleep 1000"))
    child.signal(signal.SIGTERM)
    assert await child.wait() == ExitStatus(signal=signal.SIGTERM)


async def test_polling_first_does_not_cost_the_callback(way, spawner, spec):
    child = spawner.spawn(spec("exit 5"))
    called = asyncio.Event()
    child.on_exit(lambda _: called.set())
    async with asyncio.timeout(5):
        while child.poll() is None:
            os.sched_yield()
        await called.wait()
    assert child.exit == ExitStatus(code=5)


@pytest.mark.parametrize("count", [1, pytest.param(300, marks=pytest.mark.slow)])
async def test_a_burst_is_announced_once_each_and_never_holds_the_loop(way, spawner, spec, count):
    if way == "thread":
        count = min(count, 40)
    start, hold = os.pipe()
    seen = []
    done = asyncio.Event()

    def ended(child):
        seen.append(child.pid)
        if len(seen) == count:
            done.set()

    children = [spawner.spawn(spec("read x; exit 7", stdin=start)) for _ in range(count)]
    for child in children:
        child.on_exit(ended)
    os.close(hold)
    os.close(start)
    async with asyncio.timeout(15):
        await done.wait()
    assert sorted(seen) == sorted(child.pid for child in children)
    assert all(child.exit == ExitStatus(code=7) for child in children)


async def test_at_most_a_batch_of_owners_is_called_a_turn(spawner, spec):
    count = reap_module.CALL_BATCH + 10
    children = [spawner.spawn(spec("exit 0")) for _ in range(count)]
    seen = []
    for child in children:
        child.on_exit(seen.append)
    for child in children:  # all have ended before the loop gets its turn
        assert child.wait_blocking(10) is not None
    turns = []
    async with asyncio.timeout(5):
        while len(seen) < count:
            before = len(seen)
            await asyncio.sleep(0)
            turns.append(len(seen) - before)
    assert max(turns) <= reap_module.CALL_BATCH


async def test_a_callback_that_raises_costs_nobody_else_the_exit(way, spawner, spec):
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["message"]))
    child = spawner.spawn(spec("exit 0"))
    called = asyncio.Event()
    child.on_exit(lambda _: 1 / 0)
    child.on_exit(lambda _: called.set())
    await asyncio.wait_for(called.wait(), 5)
    assert problems == ["the exit callback of web.1 failed"]


async def test_an_idle_reaper_holds_no_descriptor(spawner, spec, open_count):
    before = open_count()
    child = spawner.spawn(spec("exit 0"))
    await child.wait()
    assert open_count() == before
    assert reap_module._REAPERS == {}


def test_several_loops_in_several_threads(way, spawner, spec):
    results = {}

    async def main(number):
        results[number] = await spawner.spawn(spec(f"exit {number}")).wait()

    threads = [threading.Thread(target=lambda n=n: asyncio.run(main(n))) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert results == {n: ExitStatus(code=n) for n in range(5)}


async def test_a_wait_from_another_loop(spawner, spec):
    child = spawner.spawn(spec("read x; exit 6", stdin=Stdio.PIPE))
    waiting = asyncio.to_thread(lambda: asyncio.run(child.wait()))
    os.close(child.take_stdin())
    assert await waiting == ExitStatus(code=6)


async def test_foreign_children_are_left_alone(way, spawner, spec):
    foreign = subprocess.Popen(["/bin/sh", "-c", "exit 7"])
    os.waitid(os.P_PID, foreign.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(3):
        await spawner.spawn(spec("exit 1")).wait()
    assert foreign.wait() == 7


async def test_the_hosts_signal_handlers_are_left_alone(way, spawner, spec):
    before = signal.getsignal(signal.SIGCHLD)
    await spawner.spawn(spec("exit 1")).wait()
    assert signal.getsignal(signal.SIGCHLD) is before


async def test_an_exit_that_somebody_else_reaped_is_unknown(way, spawner, spec):
    child = spawner.spawn(spec("exit 7"), watch=False)
    os.waitpid(child.pid, 0)
    assert await child.wait() == ExitStatus()
    assert child.exit.describe() == "gone"


async def test_no_room_to_watch_from_the_loop(monkeypatch, spawner, spec):
    monkeypatch.setattr(reap_module.Reaper, "_register", lambda *_: False)
    child = spawner.spawn(spec("read x; exit 5", stdin=Stdio.PIPE))
    assert child.pidfd is not None
    other = adopt(label="web.9", pid=child.pid, start_time=child.start_time, forest=Forest())
    other._is_ours = False
    os.close(child.take_stdin())
    assert await other.wait() == ExitStatus()
    assert await child.wait() == ExitStatus(code=5)
    other.close()


def test_without_a_loop(way, spawner, spec):
    child = spawner.spawn(spec("read x; exit 9", stdin=Stdio.PIPE))
    assert child.poll() is None
    assert child.wait_blocking(0.01) is None
    os.close(child.take_stdin())
    assert child.wait_blocking(10) == ExitStatus(code=9)
    assert child.pidfd is None


def test_subprocess_neither_warns_nor_reaps(spec):
    spawner = LocalSpawner()
    child = spawner.spawn(spec("exit 3"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
        subprocess.run(["/bin/true"], check=True)  # reaps what subprocess believes to be abandoned
    assert child.wait_blocking(10) == ExitStatus(code=3)
    child.close()


def test_a_closed_handle_is_reaped_at_a_later_spawn(spec):
    spawner = LocalSpawner()
    first = spawner.spawn(spec("exit 3"))
    first.close()
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
    second = spawner.spawn(spec("exit 0"))
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOHANG)
    second.wait_blocking(10)
    second.close()
