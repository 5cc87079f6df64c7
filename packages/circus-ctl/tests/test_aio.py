import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from circus.client import AsyncCircusClient, CallError, NotRunning, TimedOut
from circus.protocol.messages import List
from circus.protocol.replies import ListWatchersReply

if TYPE_CHECKING:
    from conftest import FakeDaemon


async def test_many_calls_at_once_get_their_own_answers(daemon: "FakeDaemon"):
    daemon.answers["get"] = lambda r: {"status": "ok", "said": r["properties"]["n"]}
    async with AsyncCircusClient(endpoint=daemon.endpoint) as client:
        replies = await asyncio.gather(*(client.send_message("get", n=n) for n in range(300)))
    assert [reply["said"] for reply in replies] == list(range(300))


async def test_answers_may_come_in_any_order(daemon: "FakeDaemon"):
    daemon.answers["stop"] = None
    daemon.answers["list"] = {"status": "ok", "watchers": []}
    async with AsyncCircusClient(endpoint=daemon.endpoint) as client, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(client.call("stop"))
        assert (await client.call("list"))["watchers"] == []
        assert not slow.done()
        daemon.answer_held({"status": "ok", "info": 1})
        assert (await slow)["info"] == 1


async def test_each_call_has_its_time_out(daemon: "FakeDaemon"):
    daemon.answers["stop"] = None
    daemon.answers["list"] = {"status": "ok"}
    async with AsyncCircusClient(endpoint=daemon.endpoint, timeout=0.05) as client:
        with pytest.raises(TimedOut) as caught:
            await client.call("stop")
        assert str(caught.value) == "Timed out."
        client.timeout = 5000
        daemon.answer_held({"status": "ok", "late": True})
        assert "late" not in await client.call("list")


async def test_a_caller_may_wait_less(daemon: "FakeDaemon"):
    daemon.answers["stop"] = None
    async with AsyncCircusClient(endpoint=daemon.endpoint, timeout=3600) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await client.call("stop")
        assert not client._pending


async def test_not_running_is_told_at_once(tmp_path: Path):
    async with AsyncCircusClient(endpoint=f"ipc://{tmp_path}/no", timeout=3600) as client:
        for _ in range(2):
            with pytest.raises(NotRunning, match="not running"):
                await client.call("status")


async def test_a_daemon_that_goes_away_fails_all_that_wait(daemon: "FakeDaemon"):
    daemon.answers["stop"] = None
    async with AsyncCircusClient(endpoint=daemon.endpoint, timeout=3600) as client:
        calls = [asyncio.ensure_future(client.call("stop")) for _ in range(3)]
        await asyncio.to_thread(lambda: [daemon.arrived.get(timeout=30) for _ in calls])
        await asyncio.to_thread(daemon.stop)
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, NotRunning) and "went away" in str(error) for error in errors)


async def test_noise_fails_what_waits_and_nothing_after_it(daemon: "FakeDaemon"):
    daemon.answers["list"] = b"noise"
    async with AsyncCircusClient(endpoint=daemon.endpoint) as client:
        with pytest.raises(CallError, match="not JSON"):
            await client.call("list")
        daemon.answers["list"] = {"status": "ok"}
        assert (await client.call("list"))["status"] == "ok"


async def test_stop_fails_what_waits(daemon: "FakeDaemon"):
    daemon.answers["stop"] = None
    client = AsyncCircusClient(endpoint=daemon.endpoint, timeout=3600)
    call = asyncio.ensure_future(client.call("stop"))
    await asyncio.to_thread(daemon.arrived.get, timeout=30)
    client.stop()
    with pytest.raises(CallError, match="stopped"):
        await call
    with pytest.raises(CallError, match="stopped"):
        await client.call("stop")


async def test_typed_calls_and_casts(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    async with AsyncCircusClient(endpoint=daemon.endpoint) as client:
        assert isinstance(await client.request(List()), ListWatchersReply)
        assert await client.call({"command": "quit", "msg_type": "cast"}) == {}
