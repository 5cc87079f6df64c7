"""A machine that is out of something: every watcher waits for room by itself, says what is missing, and harms no other."""

import asyncio
import threading

import pytest
from watching import Fixture, script, spec_of

from circus.process.errors import Stage
from circus.process.testing import FakeSpawner, Script
from circus.watcher import commands as c
from circus.watcher import events as e
from circus.watcher.ports import NoOutput
from circus.watcher.runner import WatcherRunner
from circus.watcher.status import Status
from processes import no_room_for_threads

SHORTAGES = [
    (Stage.FORK, "resource temporarily unavailable"),
    (Stage.FORK, "cannot allocate memory"),
    (Stage.OPEN_PIPES, "too many open files"),
    (Stage.WATCH, "no room for another process or thread"),
]


class Machine:
    """Has room for so many processes; the scripts of all watchers ask it."""

    def __init__(self, room, shortage):
        self.room = room
        self.stage, self.cause = shortage
        self.spawner = FakeSpawner()
        """Whose processes take up the room."""

    def script(self, _):
        if len(self.spawner.running) < self.room:
            return Script()
        return Script(fails=self.stage, cause=self.cause)


@pytest.mark.parametrize("shortage", SHORTAGES, ids=[cause for _, cause in SHORTAGES])
def test_who_finds_no_room_waits_says_so_and_goes_on(shortage, caplog):
    machine = Machine(3, shortage)

    async def test(w):
        machine.spawner = w.spawner
        outcome = await w.start()
        label = f"cannot start web.4: {shortage[0].value} 'worker': {shortage[1]}"
        assert outcome.failures["web.4"] == label
        snapshot = w.runner.snapshot()
        assert (snapshot.status, snapshot.running) == (Status.BACKOFF, 3)
        assert snapshot.waiting.reason.startswith("cannot start web.")
        assert label in [event.error for event in w.said(e.BackedOff)]
        assert label in caplog.text
        await asyncio.sleep(86_400)
        waits = [event.wait for event in w.said(e.BackedOff) if event.wid == 4]
        assert len(waits) > 100, "max_retry is for commands that are wrong, not for a machine that is full"
        assert max(waits) <= w.runner.spec.options.backoff_max * 1.25
        assert w.runner.snapshot().running == 3
        assert not w.said(e.Failed)
        machine.room = 5
        await asyncio.sleep(100)
        snapshot = w.runner.snapshot()
        assert (snapshot.status, snapshot.running, snapshot.waiting) == (Status.ACTIVE, 5, None)
        assert (await w.runner.ask(c.Stop())).ok
        assert machine.spawner.running == []

    script(test, Fixture(machine.script, numprocesses=5, max_retry=1))


def test_a_neighbour_that_finds_no_room_delays_nobody():
    """The one that runs is restarted, stopped and recovers in the very moment, whatever waits beside it."""
    machine = Machine(2, SHORTAGES[0])

    async def test(w):
        machine.spawner = w.spawner
        neighbour = WatcherRunner(spec_of("greedy", numprocesses=9), spawner=machine.spawner)
        async with asyncio.TaskGroup() as group:
            group.create_task(neighbour.run())
            machine.spawner = w.spawner
            await w.start()
            await neighbour.ask(c.Start())
            assert neighbour.snapshot().status is Status.BACKOFF
            await asyncio.sleep(1000)
            now = asyncio.get_running_loop().time()
            for command in (c.Restart(), c.Stop()):
                assert (await w.runner.ask(command)).ok
            assert asyncio.get_running_loop().time() == now
            await asyncio.sleep(100)
            assert neighbour.snapshot().running == 2, "the room that was left is used"
            assert (await neighbour.ask(c.Shutdown())).ok
        assert machine.spawner.running == []

    script(test, Fixture(machine.script))


class Full(NoOutput):
    """Has no thread for output, until it has."""

    full = True

    def prepare(self):
        if self.full:
            raise BlockingIOError(11, "no room for another process or thread (circus-output)")


def test_without_a_thread_for_its_output_no_worker_is_started_that_nobody_reads():
    output = Full()

    async def test(w):
        outcome = await w.start()
        assert "opening pipes 'output': no room for another process or thread" in outcome.failures["web.1"]
        await asyncio.sleep(1000)
        assert w.runner.snapshot().status is Status.BACKOFF
        assert w.spawner.children == []
        output.full = False
        await asyncio.sleep(100)
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(runner={"output": output}, max_retry=1))


async def test_hooks_wait_for_a_thread_and_the_watcher_for_its_hooks(caplog):
    calls = []

    def hook(**keywords):
        calls.append((keywords["hook_name"], threading.current_thread() is threading.main_thread()))
        return True

    spawner = FakeSpawner()
    hooks = dict.fromkeys(("before_start", "after_start"), hook)
    runner = WatcherRunner(spec_of(hooks=hooks), spawner=spawner)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        with no_room_for_threads():
            starting = runner.ask(c.Start())
            answered = await runner.ask(c.SignalWorkers(signum=0))
            assert answered.ok
            assert runner.snapshot().status is Status.STARTING
            assert not starting.done()
        assert (await starting).ok
        assert calls == [("before_start", False), ("after_start", False)]
        await runner.ask(c.Shutdown())
    assert caplog.text.count("hooks of web wait: no room for another process or thread") == 1


async def test_a_stop_does_not_wait_for_a_thread_longer_than_its_grace():
    spawner = FakeSpawner()
    runner = WatcherRunner(
        spec_of(hooks={"before_stop": lambda **_: True}, graceful_timeout=0.05), spawner=spawner
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        await runner.ask(c.Start())
        with no_room_for_threads():
            assert (await runner.ask(c.Stop())).ok
            await runner.ask(c.Shutdown())
    assert spawner.running == []
