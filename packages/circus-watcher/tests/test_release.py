"""Letting go: workers go on, nobody is replaced, stopped or killed any more."""

import asyncio

from watching import Fixture

from circus.process.testing import VirtualLoop
from circus.watcher import commands as c


def test_release_lets_workers_go_on_and_the_owner_end_with_the_last():
    async def main():
        w = Fixture(numprocesses=2)
        task = asyncio.create_task(w.runner.run())
        started = (await w.start()).started
        assert (await w.runner.ask(c.Release())).kept == started
        w.spawner.children[0].end()
        await asyncio.sleep(10)
        assert len(w.spawner.children) == 2
        assert (await w.runner.ask(c.Start())).superseded_by == "release"
        w.spawner.children[1].end()
        await task

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_shutdown_after_a_release_leaves_the_rest_alone():
    async def main():
        w = Fixture()
        task = asyncio.create_task(w.runner.run())
        await w.start()
        await w.runner.ask(c.Release())
        assert (await w.runner.ask(c.Shutdown())).ok
        await task
        assert len(w.spawner.running) == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
