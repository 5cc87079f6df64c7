"""The fakes and the real spawner keep the same promises: each test runs over both."""

import asyncio
import os
import signal

import pytest

from circus.process import ExitStatus, ProcessGoneError, SpawnError, Stage, Stdio
from circus.process.testing import FakeSpawner, Script

TERM = ExitStatus(signal=signal.SIGTERM)
READY = "echo ready; "
SCRIPTS = {
    "exits 3": ("exit 3", Script(lifetime=0.01, exit=ExitStatus(code=3))),
    "waits": (f"{READY} exec sleep 1000", Script(output=b"ready\n")),
    "ends well on TERM": (
        f"trap 'exit 0' TERM; {READY} while :; do sleep 1000 & wait $!; done",
        Script(output=b"ready\n", exit_on_signal=ExitStatus(code=0)),
    ),
    "ignores TERM": (f"trap '' TERM; {READY} exec sleep 1000", Script(output=b"ready\n", on_signal=None)),
    "leaves a stray": (
        f"trap '' TERM; sleep 1000 & trap - TERM; {READY} exit 0",
        Script(output=b"ready\n", lifetime=0.0, strays=1),
    ),
}


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def start(request, spec):
    """``start("waits")`` gives a child of either kind, ready."""
    made = []
    real = request.getfixturevalue("spawner") if request.param == "real" else None

    async def begin(what, **options):
        script, fake = SCRIPTS[what]
        options = {"stdout": Stdio.PIPE} | options
        child = (real or FakeSpawner(fake)).spawn(spec(script, **options))
        made.append(child)
        if what != "exits 3" and options["stdout"] is Stdio.PIPE:
            out = child.take_stdout()
            assert await asyncio.to_thread(os.read, out, 100) == b"ready\n"
            os.close(out)
        return child

    yield begin
    for child in made:
        child.signal_tree(signal.SIGKILL)
        await child.wait()
        child.close()


async def test_an_exit_is_seen_once_by_everybody(start):
    child = await start("exits 3")
    calls = []
    child.on_exit(calls.append)
    assert await asyncio.gather(child.wait(), child.wait()) == [ExitStatus(code=3)] * 2
    assert child.exit == ExitStatus(code=3)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert calls == [child]
    assert await child.wait() == ExitStatus(code=3)


async def test_a_late_callback_comes_at_a_later_turn(start):
    child = await start("exits 3")
    await child.wait()
    called = asyncio.Event()
    child.on_exit(lambda _: called.set())
    assert not called.is_set()
    await asyncio.wait_for(called.wait(), 5)


async def test_a_signal_ends_it_and_is_told(start):
    child = await start("waits")
    assert child.exit is None
    assert child.survivors() == (child.pid,)
    child.signal(0)
    child.signal(signal.SIGTERM)
    assert await child.wait() == TERM
    assert child.survivors() == ()


async def test_a_process_that_is_gone_cannot_be_signalled(start):
    child = await start("exits 3")
    await child.wait()
    with pytest.raises(ProcessGoneError, match=r"web\.1 .*is gone"):
        child.signal(signal.SIGTERM)


async def test_a_handler_decides_the_exit_code(start):
    child = await start("ends well on TERM")
    child.signal(signal.SIGTERM)
    assert await child.wait() == ExitStatus(code=0)


async def test_kill_beats_who_ignores_term(start):
    child = await start("ignores TERM")
    child.signal(signal.SIGTERM)
    assert child.exit is None
    child.signal(signal.SIGKILL)
    assert await child.wait() == ExitStatus(signal=signal.SIGKILL)


async def test_strays_outlive_the_root_and_are_killed_with_the_tree(start):
    child = await start("leaves a stray")
    await child.wait()
    assert len(child.survivors()) == 1
    struck = child.signal_tree(signal.SIGTERM)
    assert struck == child.survivors()
    assert child.signal_tree(signal.SIGKILL) == struck
    async with asyncio.timeout(5):
        while child.survivors():  # a killed orphan takes its moment
            await asyncio.to_thread(os.sched_yield)
    assert child.signal_tree(signal.SIGKILL) == ()


async def test_a_cancelled_wait_changes_nothing(start):
    child = await start("waits")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(child.wait(), 0.01)
    child.signal(signal.SIGKILL)
    assert (await child.wait()).signal == signal.SIGKILL


async def test_pipe_ends_are_taken_once(start):
    child = await start("exits 3", stdin=Stdio.PIPE, stderr=Stdio.PIPE)
    ends = [child.take_stdin(), child.take_stdout(), child.take_stderr()]
    assert None not in ends
    assert [child.take_stdin(), child.take_stdout(), child.take_stderr()] == [None] * 3
    for fd in ends:
        os.close(fd)
    await child.wait()


async def test_without_pipes_there_is_nothing_to_take(start):
    child = await start("waits", stdout=Stdio.NULL)
    assert child.take_stdout() is None


async def test_identity_and_times(start):
    loop = asyncio.get_running_loop()
    before = loop.time()
    child = await start("waits")
    assert child.label == "web.1"
    assert child.pid > 0
    assert child.start_time > 0
    assert before <= child.started_at <= loop.time()


async def test_closing_twice_is_fine(start):
    child = await start("exits 3")
    await child.wait()
    child.close()
    child.close()


async def test_a_failed_spawn_names_its_stage(spec, request):
    spawner = FakeSpawner(Script(fails=Stage.FIND_EXECUTABLE))
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(spec(argv=("nope",)))
    assert (caught.value.stage, caught.value.label, caught.value.subject) == (
        Stage.FIND_EXECUTABLE,
        "web.1",
        "nope",
    )
    assert spawner.children == []
    assert len(spawner.failures) == 1
