"""Another user, and a daemon that it can reach: what tests of who may do what are made of."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from circus.arbiter.build import Blueprint
from circus.arbiter.engine import Engine
from circus.process.spawn import LocalSpawner
from circus.protocol.options import ArbiterOptions
from circus.watcher.spec import WatcherSpec

from .conftest import DEADLINE, Running

NOBODY = 65534
OTHER = 65533
SCRIPT = Path(__file__).with_name("stranger.py")


class Stranger:
    """A process of another user."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def do(self, name: str, **arguments: Any) -> Any:
        """Let it do something, and wait; this thread, and so our loop, stands still meanwhile."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    async def did(self, name: str, **arguments: Any) -> Any:
        """The same, while our loop goes on."""
        return await asyncio.to_thread(self.do, name, **arguments)

    async def call(self, endpoint: str, command: str, *, key: Any = None, **properties: Any) -> Any:
        request = {"id": "1", "command": command, "properties": properties}
        return await self.did("call", endpoint=endpoint, request=request, key=key)


@contextmanager
def stranger(uid: int = NOBODY) -> Iterator[Stranger]:
    process = subprocess.Popen(
        [sys.executable, SCRIPT, str(uid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Stranger(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(DEADLINE)
        process.stdout.close()


@asynccontextmanager
async def serving(
    *watchers: WatcherSpec, local_endpoint: str | None = None, **options: Any
) -> AsyncIterator[Running]:
    """A daemon at 127.0.0.1 unless told otherwise, and a client of our own user."""
    chosen = {"endpoint": "tcp://127.0.0.1:*", "pubsub_endpoint": "tcp://127.0.0.1:*", **options}
    engine = Engine(
        Blueprint(
            options=ArbiterOptions.model_validate(chosen), watchers=watchers, local_endpoint=local_endpoint
        ),
        spawner=LocalSpawner(),
        version="test",
    )
    started = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(engine.run(started=started.set))
        try:
            async with asyncio.timeout(DEADLINE):
                await started.wait()
            where = engine.identity()
            client = Running(engine, where["endpoint"], where["pubsub_endpoint"])
            try:
                yield client
            finally:
                client.close()
        finally:
            engine.request_stop_at_once("the test is over")
            await asyncio.wait([task])
