"""A program's own context: its doors stay its own, and what is within the process may do everything."""

import asyncio
import json

import pytest
import zmq

from circus.arbiter.build import Blueprint
from circus.arbiter.engine import Engine
from circus.process.spawn import LocalSpawner
from circus.protocol.options import ArbiterOptions

from .conftest import DEADLINE, watcher

pytestmark = pytest.mark.real


class Program:
    """A program with a handler of its own, that knows nobody."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.handler = self.context.socket(zmq.REP)
        self.handler.bind("inproc://zeromq.zap.01")

    def close(self) -> None:
        self.handler.close()
        self.context.term()


@pytest.fixture
def program():
    one = Program()
    yield one
    one.close()


async def ask(context, endpoint, command, **properties):
    def work():
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        try:
            socket.connect(endpoint)
            socket.send_json({"command": command, "properties": properties, "id": "1"})
            return json.loads(socket.recv()) if socket.poll(DEADLINE * 1000) else None
        finally:
            socket.close()

    return await asyncio.to_thread(work)


async def served(program, endpoint, pubsub, work):
    options = ArbiterOptions(endpoint=endpoint, pubsub_endpoint=pubsub)
    engine = Engine(
        Blueprint(options=options, watchers=(watcher("a"),)), spawner=LocalSpawner(), context=program.context
    )
    started = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(engine.run(started=started.set))
        try:
            async with asyncio.timeout(DEADLINE):
                await started.wait()
            return await work()
        finally:
            engine.request_stop_at_once("the test is over")
            await asyncio.wait([task])


async def test_its_handler_is_not_asked_about_our_connections(program, tmp_path):
    endpoint = f"ipc://{tmp_path}/ctl"
    context = zmq.Context()
    reply = await served(
        program, endpoint, f"ipc://{tmp_path}/pub", lambda: ask(context, endpoint, "incr", name="a")
    )
    context.term()
    assert reply["status"] == "ok"
    assert not program.handler.poll(0)


async def test_what_comes_from_within_may_do_everything(program, tmp_path):
    reply = await served(
        program,
        "inproc://ctl",
        f"ipc://{tmp_path}/pub",
        lambda: ask(program.context, "inproc://ctl", "incr", name="a"),
    )
    assert reply["status"] == "ok"
