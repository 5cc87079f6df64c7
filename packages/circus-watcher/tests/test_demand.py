"""On demand: a watcher starts when somebody connects to its own socket, and not after an operator stopped it."""

import asyncio
import socket

import pytest
from watching import spec_of

from circus.process.testing import FakeSpawner, Script
from circus.sockets import SocketSet, SocketSpec
from circus.watcher import commands as c
from circus.watcher import events as e
from circus.watcher.runner import WatcherRunner
from circus.watcher.status import Status


@pytest.fixture
def sockets():
    with SocketSet() as made:
        made.bind([SocketSpec(name=name, host="127.0.0.1", port=0) for name in ("a", "b")])
        yield made


async def next_spawned(log):
    async with asyncio.timeout(10):
        while not isinstance(event := await log.get(), e.Spawned):
            pass
    return event


async def test_a_connection_starts_this_watcher_alone_and_again_after_its_end(sockets):
    log, spawner = asyncio.Queue(), FakeSpawner(Script())
    spec = spec_of(cmd="serve $(circus.sockets.b)", use_sockets="b", on_demand=True)
    runner = WatcherRunner(spec, spawner=spawner, sockets=sockets, publish=log.put_nowait)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        outcome = await runner.ask(c.Start())
        assert (outcome.ok, outcome.waits_for) == (True, ("b",))
        assert runner.snapshot().status is Status.STOPPED
        with socket.create_connection(("127.0.0.1", sockets["a"].port)):
            assert (await runner.ask(c.ReopenLogs())).ok
            assert spawner.children == []
            with socket.create_connection(("127.0.0.1", sockets["b"].port)):
                assert (await next_spawned(log)).why is e.Why.ON_DEMAND
                fd = sockets["b"].fileno()
                assert (spawner.specs[0].argv, spawner.specs[0].pass_fds) == (("serve", str(fd)), (fd,))
                spawner.children[0].end()
                await next_spawned(log)  # the connection still waits
                await runner.ask(c.Stop())
                assert runner.snapshot().waits_for == ()
        await runner.ask(c.Shutdown())
    assert len(spawner.children) == 2


async def test_a_socket_that_is_not_there_is_said(sockets):
    spec = spec_of(use_sockets="nope", max_retry=1)
    runner = WatcherRunner(spec, spawner=FakeSpawner(), sockets=sockets)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        outcome = await runner.ask(c.Start())
        assert "there is no socket 'nope'" in outcome.failures["web.1"]
        await runner.ask(c.Shutdown())


async def test_a_socket_as_standard_input(sockets):
    spawner = FakeSpawner()
    runner = WatcherRunner(spec_of(stdin_socket="a"), spawner=spawner, sockets=sockets)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        await runner.ask(c.Start())
        assert spawner.specs[0].stdin == sockets["a"].fileno()
        await runner.ask(c.Shutdown())
