"""circusd-stats between a stand-in for circusd and subscribers: what it publishes, when, and when not."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from circus.exc import CircusError
from circus.stats.options import Options
from circus.stats.streamer import Streamer

pytestmark = pytest.mark.real
DEADLINE = 15.0


class StandIn:
    """Answers as circusd does; `ours` also knows `version` and `describe`."""

    def __init__(self, context: zmq.asyncio.Context, folder: Path, *, ours: bool = True) -> None:
        self.ours = ours
        self.workers: dict[str, list[int]] = {}
        self.statuses: dict[str, str] = {}
        self.sockets: list[dict] = []
        self.seq = 0
        self.asked: list[str] = []
        self.router = context.socket(zmq.ROUTER)
        self.events = context.socket(zmq.PUB)
        for socket, name in ((self.router, "ctl"), (self.events, "pub")):
            socket.linger = 0
            socket.bind(f"ipc://{folder}/{name}")

    def answer(self, command: str, name: str | None) -> dict:
        self.asked.append(command)
        match command:
            case "list" if name is None:
                return {"watchers": [watcher.lower() for watcher in self.workers]}
            case "list":
                return {"pids": self.workers.get(name, [])}
            case "status":
                return {
                    "statuses": {watcher: self.statuses.get(watcher, "active") for watcher in self.workers}
                }
            case "listsockets":
                return {"sockets": self.sockets}
            case "dstats":
                return {"info": {"pid": os.getppid()}}
            case "version" if self.ours:
                return {"version": "1.0.0", "pid": os.getppid()}
            case "describe" if self.ours:
                rows = [{"wid": i + 1, "pid": pid, "restarts": 0} for i, pid in enumerate(self.workers[name])]
                return {"state": self.statuses.get(name, "active"), "workers": rows, "exits": []}
            case _:
                return {"status": "error", "reason": "unknown command"}

    async def serve(self) -> None:
        while True:
            peer, raw = await self.router.recv_multipart()
            request = json.loads(raw)
            reply = {"status": "ok", "id": request["id"]} | self.answer(
                request["command"], request.get("properties", {}).get("name")
            )
            await self.router.send_multipart([peer, json.dumps(reply).encode()])

    async def publish(self, watcher: str, event: str, **body) -> None:
        self.seq += 1
        body |= {"seq": self.seq, "watcher": watcher}
        topic = f"watcher.{watcher.lower().replace(' ', '_')}.{event}"
        await self.events.send_multipart([topic.encode(), json.dumps(body).encode()])

    def close(self) -> None:
        self.router.close()
        self.events.close()


class Subscriber:
    def __init__(self, context: zmq.asyncio.Context, folder: Path, *topics: str) -> None:
        self.socket = context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.connect(f"ipc://{folder}/stats")
        for topic in topics:
            self.socket.subscribe(topic)

    async def until(self, topic: str, wanted=lambda _: True) -> dict:
        async with asyncio.timeout(DEADLINE):
            while True:
                found, body = await self.socket.recv_multipart()
                frame = json.loads(body)
                if found.decode() == topic and wanted(frame):
                    return frame

    def close(self) -> None:
        self.socket.close()


class Scene:
    """Everything that a test has on the stage."""

    def __init__(
        self, context: zmq.asyncio.Context, folder: Path, daemon: StandIn, streamer: Streamer
    ) -> None:
        self.context = context
        self.folder = folder
        self.daemon = daemon
        self.streamer = streamer

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Subscriber]:
        subscriber = Subscriber(self.context, self.folder, *topics)
        try:
            yield subscriber
        finally:
            subscriber.close()


@asynccontextmanager
async def scene(folder: Path, *, ours: bool = True, **options) -> AsyncIterator[Scene]:
    with zmq.asyncio.Context() as context:
        daemon = StandIn(context, folder, ours=ours)
        where = {"endpoint": "ctl", "pubsub": "pub", "statspoint": "stats"}
        given = Options(**{key: f"ipc://{folder}/{name}" for key, name in where.items()}, **options)
        stop = asyncio.Event()
        async with Streamer(given) as streamer, asyncio.TaskGroup() as group:
            serving = group.create_task(daemon.serve())
            running = group.create_task(streamer.run(until=stop))
            try:
                yield Scene(context, folder, daemon, streamer)
            finally:
                stop.set()
                await running
                serving.cancel()
                daemon.close()


@pytest.fixture
def sleepers() -> Iterator[list[int]]:
    running = [subprocess.Popen(["sleep", "1000"]) for _ in range(3)]
    yield [process.pid for process in running]
    for process in running:
        process.kill()
        process.wait(10)


async def test_frames_come_with_the_real_names_wids_and_sums(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"My App.v2": sleepers, "idle": []}
        stage.daemon.statuses = {"idle": "stopped"}
        async with stage.subscribe("stat.") as subscriber:
            frame = await subscriber.until(f"stat.My App.v2.{sleepers[1]}")
            assert (frame["pid"], frame["wid"], frame["cmdline"]) == (sleepers[1], 2, "sleep")
            total = await subscriber.until("stat.My App.v2")
            assert sorted(total["pid"]) == sorted(sleepers)
            assert (await subscriber.until("stat.idle"))["status"] == "stopped"
            about = await subscriber.until("stat.circus")
            assert (about["is_up"], about["tables"], about["version"]) == (True, True, "1.0.0")


async def test_the_reference_tells_no_wid(tmp_path, sleepers):
    async with scene(tmp_path, ours=False) as stage:
        stage.daemon.workers = {"web": sleepers}
        async with stage.subscribe("stat.web") as subscriber:
            assert (await subscriber.until(f"stat.web.{sleepers[0]}"))["wid"] is None


async def test_tables(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"web": sleepers}
        async with stage.subscribe("table.") as subscriber:
            table = await subscriber.until("table.web")
            assert (table["count"], table["columns"]["pid"], table["columns"]["command"]) == (
                3,
                sleepers,
                "sleep 1000",
            )


async def test_nobody_asked_nobody_looked(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"web": sleepers}
        async with stage.subscribe("stat.") as subscriber:
            await subscriber.until("stat.web")
        async with asyncio.timeout(DEADLINE):
            while stage.streamer.is_looking:
                await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.01))])
        assert stage.streamer.wakes_at is None, "there is no timer"


@pytest.mark.slow
async def test_events_are_followed_and_a_lost_one_is_noticed(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"web": sleepers[:1]}
        async with stage.subscribe("stat.") as subscriber:
            await subscriber.until("stat.web", lambda frame: frame["pid"] == sleepers[:1])
            await stage.daemon.publish("web", "spawn", process_pid=sleepers[1], wid=2)
            await subscriber.until("stat.web", lambda frame: sorted(frame["pid"]) == sorted(sleepers[:2]))
            stage.daemon.workers = {"web": sleepers}
            stage.daemon.seq += 5
            await stage.daemon.publish("web", "updated")
            await subscriber.until("stat.web", lambda frame: sorted(frame["pid"]) == sorted(sleepers))


@pytest.mark.slow
async def test_the_dead_are_dropped_without_an_event(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"web": sleepers}
        async with stage.subscribe("stat.") as subscriber:
            await subscriber.until("stat.web", lambda frame: sleepers[0] in frame["pid"])
            os.kill(sleepers[0], signal.SIGKILL)
            await subscriber.until("stat.web", lambda frame: sleepers[0] not in frame["pid"])


@pytest.mark.slow
async def test_a_circusd_that_restarts_is_asked_again(tmp_path, sleepers):
    async with scene(tmp_path) as stage:
        stage.daemon.workers = {"web": sleepers[:1]}
        async with stage.subscribe("stat.") as subscriber:
            await subscriber.until("stat.web")
            old = stage.daemon
            old.close()
            again = StandIn(stage.context, tmp_path)
            again.workers = {"api": sleepers}
            serving = asyncio.ensure_future(again.serve())
            try:
                await subscriber.until("stat.api", lambda frame: len(frame["pid"]) == 3)
            finally:
                serving.cancel()
                again.close()


async def _get(port: int, accept: str) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
    raw = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = raw.partition("\r\n\r\n")
    return head, body


async def test_metrics_are_read_when_they_are_scraped(tmp_path, sleepers):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    async with scene(tmp_path, metrics=("127.0.0.1", 0)) as stage:
        stage.daemon.workers = {"web": sleepers}
        head, body = await _get(stage.streamer.metrics_port, "application/openmetrics-text; version=1.0.0")
        assert "200 OK" in head
        families = {family.name: family for family in text_string_to_metric_families(body)}
        assert {s.labels["worker"] for s in families["circus_worker_threads"].samples} == {"1", "2", "3"}
        head, body = await _get(stage.streamer.metrics_port, "*/*")
        assert "text/plain; version=0.0.4" in head
        assert 'circus_watcher_processes{watcher="web"} 3' in body


@pytest.mark.slow
async def test_statsd_gets_gauges(tmp_path, sleepers):
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        async with scene(tmp_path, statsd=receiver.getsockname()) as stage:
            stage.daemon.workers = {"web": sleepers}
            async with asyncio.timeout(DEADLINE):
                data = await asyncio.get_running_loop().sock_recv(receiver, 4096)
        assert "circus.web.processes:3|g" in data.decode().split("\n")


async def test_a_taken_endpoint_says_so(tmp_path):
    where = "tcp://127.0.0.1:{}"
    with zmq.asyncio.Context() as context:
        other = context.socket(zmq.PUB)
        port = other.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(CircusError, match="another circusd-stats"):
            async with Streamer(
                Options(
                    statspoint=where.format(port),
                    endpoint=f"ipc://{tmp_path}/c",
                    pubsub=f"ipc://{tmp_path}/p",
                )
            ):
                pass
        other.close()
