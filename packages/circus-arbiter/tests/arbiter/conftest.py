"""An engine in the test's own loop, over ipc sockets in a folder of its own, with real processes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from circus.arbiter.build import Blueprint
from circus.arbiter.engine import Engine
from circus.arbiter.hookside import HookObjects
from circus.process.spawn import LocalSpawner
from circus.protocol.options import ArbiterOptions, WatcherOptions, nest
from circus.sockets import SocketSpec
from circus.watcher.spec import WatcherSpec

DEADLINE = 30.0


def watcher(name: str, cmd: str = "sleep 1000", **options: Any) -> WatcherSpec:
    return WatcherSpec.resolve(name, WatcherOptions.model_validate(nest({"cmd": cmd, **options})))


class Running:
    """A running engine and a client of it."""

    def __init__(self, engine: Engine, endpoint: str, pubsub: str) -> None:
        self.engine = engine
        self._context = zmq.asyncio.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.events_socket = self._context.socket(zmq.SUB)
        self.events_socket.linger = 0
        self.events_socket.connect(pubsub)
        self._ids = count(1)
        self._endpoint = endpoint

    def close(self) -> None:
        self.socket.close()
        self.events_socket.close()
        self._context.term()

    async def raw(self, *frames: bytes) -> dict[str, Any]:
        await self.socket.send_multipart(frames)
        return await self.reply()

    async def reply(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            return json.loads((await self.socket.recv_multipart())[-1])

    async def call(self, command: str, **properties: Any) -> dict[str, Any]:
        wanted = f"id-{next(self._ids)}"
        body = {"id": wanted, "command": command, "properties": properties}
        reply = await self.raw(json.dumps(body).encode())
        while reply.get("id") != wanted:
            reply = await self.reply()
        return reply

    async def ok(self, command: str, **properties: Any) -> dict[str, Any]:
        reply = await self.call(command, **properties)
        assert reply["status"] != "error", reply
        return reply

    async def follow(self, topic: str = "watcher.") -> None:
        """Subscribe, and return when the subscription holds."""
        self.events_socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        self.events_socket.setsockopt_string(zmq.SUBSCRIBE, "probe")
        async with asyncio.timeout(DEADLINE):
            while not await self.events_socket.poll(10):
                self.engine._publisher.send(b"probe", {})
            while await self.events_socket.poll(0):
                await self.events_socket.recv_multipart()

    async def event(self, wanted: Callable[[str, dict[str, Any]], bool]) -> tuple[str, dict[str, Any]]:
        """The next event that is wanted."""
        async with asyncio.timeout(DEADLINE):
            while True:
                topic, payload = await self.events_socket.recv_multipart()
                if topic != b"probe" and wanted(topic.decode(), json.loads(payload)):
                    return topic.decode(), json.loads(payload)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def running(
        *watchers: WatcherSpec, sockets: tuple[SocketSpec, ...] = (), **options: Any
    ) -> AsyncIterator[Running]:
        endpoint, pubsub = f"ipc://{tmp_path}/ctl", f"ipc://{tmp_path}/pub"
        chosen = ArbiterOptions(endpoint=endpoint, pubsub_endpoint=pubsub, **options)
        hooks = HookObjects()
        engine = Engine(
            Blueprint(options=chosen, watchers=watchers, sockets=sockets),
            spawner=LocalSpawner(),
            facade=hooks.of,
            version="test",
        )
        hooks.attach(engine)
        started = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(engine.run(started=started.set))
            client = Running(engine, endpoint, pubsub)
            try:
                async with asyncio.timeout(DEADLINE):
                    await started.wait()
                yield client
            finally:
                engine.request_stop_at_once("the test is over")
                client.close()
                await asyncio.wait([task])

    return running
