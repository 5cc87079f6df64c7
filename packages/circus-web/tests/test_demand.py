"""Figures are taken only while somebody looks: what circusd-stats hears of it, and what pages and requests are told."""

import asyncio
import contextlib
import importlib.util
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from pydantic_core import from_json

from circus.web.feed import Feed
from circus.web.hub import LINGER, Hub, Tab
from circus.web.link import LinkState
from web_console import real_circusd
from web_world import World

PATIENCE = 60.0


@contextmanager
def publisher(folder: Path) -> Iterator[tuple[zmq.asyncio.Context, zmq.asyncio.Socket, str]]:
    """A context, and in it what stands for circusd-stats."""
    context = zmq.asyncio.Context()
    try:
        socket = context.socket(zmq.XPUB)
        socket.bind(f"ipc://{folder}/stats")
        yield context, socket, f"ipc://{folder}/stats"
    finally:
        context.destroy(linger=0)


@asynccontextmanager
async def running(feed: Feed, address: str) -> AsyncIterator[None]:
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(feed.run(address), name="feed")
        yield
        task.cancel()


@pytest.mark.real
async def test_a_feed_subscribes_while_it_is_wanted_and_says_when_a_whole_tick_is_there(tmp_path: Path):
    taken: list[str] = []
    with publisher(tmp_path) as (context, socket, address):
        feed = Feed(context, lambda topic, _: taken.append(topic))
        await feed.first()  # nothing runs: nothing to wait for
        async with running(feed, address):
            for _ in range(2):
                feed.begin()
                assert await socket.recv() == b"\x01stat."
                first = asyncio.ensure_future(feed.first())
                await socket.send_multipart([b"stat.web.7", b'{"cpu": 1}'])
                await socket.send_multipart([b"stat.web", b"not JSON"])
                assert not first.done()
                await socket.send_multipart([b"stat.circus", b"{}"])
                await first
                feed.end()
                assert await socket.recv() == b"\x00stat.", "the next to be heard: nothing stays behind"
    assert taken == ["stat.web.7", "stat.circus"] * 2


def wanted(world: World) -> bool:
    return world.link.feed.wanted


def pretend_reading(world: World, cpu: float, *, now: float) -> None:
    frame = {"cpu": cpu, "mem": 1.0, "rss": 2**20}
    world.link.picture.apply_stats(f"stat.web.{world.fake.workers['web'][0].pid}", frame, now=now)


async def test_figures_are_taken_from_the_first_page_until_a_while_after_the_last(world: World):
    hub, pages = world.hub, (Tab(), Tab())
    assert not wanted(world)
    for page in pages:
        hub.open(page, now=100.0)
    assert wanted(world)
    hub.close(pages[0], now=110.0)
    hub.tick(now=110.0 + LINGER)
    assert wanted(world), "a page is open"
    hub.close(pages[1], now=300.0)
    hub.tick(now=299.0 + LINGER)
    assert wanted(world), "it may only have been loaded anew"
    hub.tick(now=300.0 + LINGER)
    assert not wanted(world)


async def test_a_request_has_them_taken_for_longer_than_a_monitoring_system_pauses(world: World):
    assert LINGER > 60
    await world.hub.figures(now=100.0)
    world.hub.tick(now=160.0)
    assert wanted(world)
    await world.hub.figures(now=160.0)
    world.hub.tick(now=160.0 + LINGER)
    assert not wanted(world)


@pytest.mark.parametrize(
    "path", ["/metrics", "/api/daemons/{}", "/api/daemons/{}/sockets", "/api/daemons/{}/watchers/web"]
)
async def test_what_shows_figures_has_them_taken(world: World, operator: Any, path: str):
    assert (await operator.get(path.format(world.link.id))).status_code == 200
    assert wanted(world)


async def test_what_shows_none_has_none_taken(world: World, operator: Any):
    for path in ("/health", "/api/daemons", f"/api/daemons/{world.link.id}/events", "/", "/api/audit"):
        await operator.get(path)
    assert not wanted(world)


async def test_a_page_that_comes_after_a_pause_is_told_all_at_once_and_no_figure_of_before(world: World):
    hub, page = world.hub, Tab()
    hub.open(page, now=10.0)
    pretend_reading(world, 7.0, now=10.5)
    hub.tick(now=11.0)
    hub.close(page, now=11.0)
    hub.tick(now=11.0 + LINGER)
    world.link.picture.apply_event("watcher.web.reload", {}, now=150.0)
    world.link.picture.set_statuses({**world.fake.state, "web": "stopped"})

    hub.open(Tab(), now=121.0 + LINGER)
    seen = from_json(hub.snapshot())["daemons"][0]
    assert seen["watchers"]["web"]["state"] == "stopped"
    assert seen["events"][-1]["event"] == "reload"
    assert seen["figures"]["web"] == [None, None, None]
    assert seen["total"] == [None, None, None]
    past = seen["history"]["cpu"]
    assert 7.0 in past
    assert past[past.index(7.0) + 1 :] == [None] * (1 + 110 + 1), (
        "nothing known at the last tick, nobody looked, not yet known"
    )


async def test_actions_are_not_kept_for_pages_that_do_not_exist_and_told_once(world: World, operator: Any):
    hub = world.hub

    async def act() -> None:
        await operator.post(f"{world.path}/commands/stop", json={"name": "web"})

    await act()
    assert hub._actions == []
    pages = Tab(), Tab()
    hub.open(pages[0], now=time.monotonic())
    await act()
    hub.open(pages[1], now=time.monotonic())
    told = from_json(hub.snapshot())["actions"]
    hub.tick(now=time.monotonic())
    told += from_json(pages[1].frames[-1])["actions"]
    assert [one["command"] for one in told] == ["stop", "stop"]
    assert len({one["number"] for one in told}) == 2


CONFIG = """
stats_endpoint = ipc://{folder}/stats
statsd = True
[watcher:calm]
cmd = sleep 1000000
"""


async def until(condition: Callable[[], object]) -> None:
    """Look for what no event tells of, and let the others run."""
    never = asyncio.Event()
    while not condition():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await never.wait()


def stats_pid(daemon: int) -> int:
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    found = [pid for pid in children if b"circus.stats" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return int(found[0])


def looks_at(pid: int, worker: int) -> bool:
    """Whether one process has another's ``stat`` open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(entry) == f"/proc/{worker}/stat":
                return True
        except FileNotFoundError:
            continue
    return False


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no procfs to look at")
@pytest.mark.skipif(
    importlib.util.find_spec("circus.circusd") is None,
    reason="circusd is missing: pip install circus-arbiter",
)
async def test_circusd_stats_looks_at_processes_only_while_a_page_is_open(tmp_path: Path):
    context = zmq.asyncio.Context()
    hub = Hub([f"ipc://{tmp_path}/ctl"], context=context, linger=0.0)
    ready = asyncio.Event()
    try:
        with real_circusd(tmp_path, CONFIG.format(folder=tmp_path)) as daemon:
            async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
                task = tasks.create_task(hub.run(ready.set), name="hub")
                await ready.wait()
                (link,) = hub.links.values()
                await until(lambda: link.state is LinkState.ALIVE and link.picture.watchers["calm"].workers)
                (worker,) = link.picture.watchers["calm"].workers
                stats = stats_pid(daemon.pid)
                assert not looks_at(stats, worker)
                for _ in range(2):
                    page = Tab()
                    hub.open(page, now=time.monotonic())
                    while not await figures_in(page, link.id):
                        await page.wake.wait()
                        page.wake.clear()
                    assert looks_at(stats, worker)
                    hub.close(page, now=time.monotonic())
                    await until(lambda: not looks_at(stats, worker))
                    assert link.picture.figures()["calm"] == [None, None, None]
                task.cancel()
    finally:
        context.destroy(linger=0)


async def figures_in(page: Tab, daemon: str) -> bool:
    """Whether a frame has figures of the watcher."""
    while page.frames:
        figures = from_json(page.frames.popleft())["daemons"][daemon]["figures"].get("calm")
        if figures is not None and figures[1]:
            return True
    return False


async def test_a_daemon_that_is_connected_later_is_followed_as_the_others_are(world: World):
    await world.hub.figures(now=time.monotonic())
    async with asyncio.TaskGroup() as tasks:
        world.hub._group = tasks
        link = world.hub.connect("tcp://127.0.0.1:1")
        assert link.feed.wanted
        world.hub.disconnect(link.id)
