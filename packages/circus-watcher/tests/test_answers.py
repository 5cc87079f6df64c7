"""Every command is answered, also where its goal was reached for a moment only, or by what has no process."""

import asyncio

import pytest
from watching import Fixture, script, spec_of

from circus.process.errors import Stage
from circus.process.exits import ExitStatus
from circus.process.testing import Script
from circus.watcher import commands as c

BROKEN = Script(fails=Stage.FIND_EXECUTABLE)


@pytest.mark.parametrize("asked", [c.Start(), c.Restart(), c.Reload()])
def test_a_stop_of_what_is_down_is_answered_also_if_a_start_comes_in_the_same_turn(asked):
    async def test(w):
        stopped, started = await asyncio.gather(w.runner.ask(c.Stop()), w.runner.ask(asked))
        assert stopped.ok
        assert started.ok
        assert len(w.spawner.running) == 1

    script(test, Fixture())


def test_a_stop_before_the_first_worker_is_answered_also_if_a_restart_follows():
    async def test(w):
        first, stopped, again = await asyncio.gather(
            w.runner.ask(c.Start()), w.runner.ask(c.Stop()), w.runner.ask(c.Restart())
        )
        assert first.superseded_by == "stop"
        assert stopped.ok
        assert again.ok

    script(test, Fixture())


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("sequential", [False, True])
def test_a_reload_of_what_cannot_start_is_answered(count, sequential):
    async def test(w):
        await w.start()
        async with asyncio.timeout(1000):
            outcome = await w.runner.ask(c.Reload(sequential=sequential))
        assert outcome.failures

    script(test, Fixture(BROKEN, numprocesses=count, max_retry=2))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_of_what_cannot_start_is_answered(count):
    async def test(w):
        await w.start()
        async with asyncio.timeout(1000):
            assert (await w.runner.ask(c.SetCount(count))).count == count

    script(test, Fixture(BROKEN, numprocesses=3, max_retry=2))


def test_changes_at_once_add_up():
    async def test(w):
        outcomes = await asyncio.gather(
            w.runner.ask(c.Scale(2)),
            w.runner.ask(c.Change({"graceful_timeout": 7})),
            w.runner.ask(c.Change({"max_age": 50})),
            w.runner.ask(c.Scale(1)),
        )
        assert all(outcome.ok for outcome in outcomes)
        options = w.runner.spec.options
        assert (w.runner.spec.count, options.graceful_timeout, options.max_age) == (4, 7, 50)
        refused = await w.runner.ask(c.Change({"numprocesses": "many"}))
        assert "numprocesses" in refused.failures["options"]

    script(test, Fixture())


@pytest.mark.parametrize("earlier", [False, True])
def test_a_kill_of_what_will_not_die_says_so(earlier):
    async def test(w):
        await w.start()
        (pid,) = w.runner.pids()
        if earlier:
            first = w.runner.ask(c.Kill())
            await asyncio.sleep(100)
            assert first.done()
        async with asyncio.timeout(100):
            outcome = await w.runner.ask(c.Kill())
        assert (outcome.stuck, pid in outcome.stopped, outcome.ok) == ((pid,), False, False)
        w.spawner.children[0].end(ExitStatus(signal=9))

    script(test, Fixture([Script(stuck=True), Script()], graceful_timeout=10))


@pytest.mark.parametrize(
    "asked", [c.Reload(), c.Configure(spec_of(cmd="other", numprocesses=2)), c.Scale(-1)]
)
@pytest.mark.parametrize("later", [c.Reload(), c.Scale(-1)], ids=["reloads", "scaling"])
def test_what_comes_later_holds_up_no_answer(asked, later):
    """Each takes ten seconds to be done, and another one comes every five."""

    async def test(w):
        await w.start()
        answer = w.runner.ask(asked)
        for _ in range(10):
            await asyncio.sleep(5)
            await w.runner.ask(c.Scale(1))
            _ = w.runner.ask(later)
        assert answer.done()
        assert answer.result().ok

    script(test, Fixture(Script(on_signal=None), graceful_timeout=10, numprocesses=2))


def test_a_reload_names_who_will_not_go():
    async def test(w):
        await w.start()
        (pid,) = w.runner.pids()
        async with asyncio.timeout(100):
            outcome = await w.runner.ask(c.Reload())
        assert (outcome.stuck, outcome.kept, len(outcome.started)) == ((pid,), (pid,), 1)
        w.spawner.children[0].end(ExitStatus(signal=9))

    script(test, Fixture([Script(stuck=True), Script()], graceful_timeout=10))


@pytest.mark.parametrize("sequential", [False, True])
def test_a_reload_does_not_wait_for_who_has_crashed_meanwhile(sequential):
    async def test(w):
        await w.start()
        answer = w.runner.ask(c.Reload(sequential=sequential))
        w.spawner.children[0].end(ExitStatus(code=3))
        w.spawner.children[1].end(ExitStatus(code=3))
        async with asyncio.timeout(100):
            outcome = await answer
        assert outcome.kept == ()
        assert len(w.spawner.running) == 2

    script(test, Fixture(Script(on_signal=None), graceful_timeout=10, numprocesses=2))
