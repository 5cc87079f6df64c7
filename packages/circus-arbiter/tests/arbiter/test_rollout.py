"""How many watchers are reloaded at a time: the decision, and that a slow one holds up those alone that have to wait for it."""

import asyncio
import json
import os
import signal
import threading
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.arbiter.control import Incoming, Route
from circus.arbiter.peers import Peer
from circus.arbiter.rollout import SHARE, Item, Rollout, roll

from .conftest import watcher


@dataclass(frozen=True)
class Fake:
    name: str
    priority: int = 0


def items(*workers, priority=0):
    return [Item(Fake(f"w{number}", priority), count) for number, count in enumerate(workers)]


def names(begun):
    return [item.watcher.name for item in begun]


def test_a_quarter_of_all_workers_at_a_time():
    rollout = Rollout(eight := items(*[2] * 8))
    assert names(rollout.next()) == ["w0", "w1"]
    assert names(rollout.next()) == []
    rollout.done(eight[1])
    assert names(rollout.next()) == ["w2"]


@pytest.mark.parametrize("workers", [(1, 1), (50, 13, 12), (3,)])
def test_there_is_always_one(workers):
    rollout = Rollout(few := items(*workers))
    for number, item in enumerate(few):
        assert names(rollout.next()) == [f"w{number}"]
        rollout.done(item)
    assert names(rollout.next()) == []


def test_those_without_workers_keep_nobody_waiting():
    assert len(Rollout(items(*[0] * 5)).next()) == 5


def test_a_lower_priority_waits_for_all_of_the_higher_one():
    high, low = items(1, 1, priority=2), items(*[1] * 14, priority=1)
    rollout = Rollout([*high, *low])
    assert rollout.next() == high
    rollout.done(high[1])
    assert rollout.next() == []
    rollout.done(high[0])
    assert rollout.next() == low[:4]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=12), st.data())
def test_everybody_has_a_turn_and_nobody_too_soon(drawn, data):
    drawn.sort(key=lambda one: -one[0])
    everybody = [Item(Fake(str(number), one[0]), one[1]) for number, one in enumerate(drawn)]
    rollout, begun, going = Rollout(everybody), [], []
    while new := rollout.next() or going:
        if new is not going:
            begun += new
            going += new
            assert len({item.watcher.priority for item in going}) == 1
            assert len(going) == 1 or sum(item.workers for item in going) <= sum(w for _, w in drawn) // SHARE
        going.remove(done := data.draw(st.sampled_from(going)))
        rollout.done(done)
    assert begun == everybody


async def test_results_come_in_order_and_a_stop_begins_no_more():
    everybody = items(*[1] * 12)
    futures: dict[str, asyncio.Future[str]] = {}
    fourth, stopped = asyncio.Event(), asyncio.Event()

    def begin(fake):
        if len(futures) == 3:
            fourth.set()
        futures[fake.name] = asyncio.get_running_loop().create_future()
        return futures[fake.name]

    rolling = asyncio.ensure_future(roll(everybody, begin, stopped=stopped.is_set))
    await asyncio.sleep(0)
    assert list(futures) == ["w0", "w1", "w2"]
    futures["w2"].set_result("two")
    async with asyncio.timeout(10):
        await fourth.wait()
    assert list(futures) == ["w0", "w1", "w2", "w3"]
    stopped.set()
    for name in ("w3", "w1", "w0"):
        futures[name].set_result(name)
    assert [(fake.name, result) for fake, result in await rolling] == [
        ("w0", "w0"),
        ("w1", "w1"),
        ("w2", "two"),
        ("w3", "w3"),
    ]


@pytest.mark.real
@pytest.mark.slow
async def test_who_is_slow_to_leave_holds_up_its_share_alone(run):
    fast = [watcher(name) for name in "bcdefgh"]
    # The signal does nothing to its worker.
    async with run(watcher("a", stop_signal="WINCH", graceful_timeout=1000), *fast) as daemon:
        (slow,) = (await daemon.ok("list", name="a"))["pids"]
        await daemon.follow()
        answer = asyncio.ensure_future(daemon.ok("reload", waiting=True))
        order = [await next_reload(daemon) for _ in fast]
        assert order == list("bcdefgh")
        assert not answer.done()
        os.kill(slow, signal.SIGKILL)
        assert await next_reload(daemon) == "a"
        assert list((await answer)["info"]) == list("abcdefgh")


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(("asked", "options"), [({"sequential": True}, {}), ({}, {"warmup_delay": 0.01})])
async def test_one_after_the_other_where_somebody_asks_for_it(run, asked, options):
    fast = [watcher(name) for name in "bcdefgh"]
    async with run(watcher("a", stop_signal="WINCH", graceful_timeout=0.2), *fast, **options) as daemon:
        await daemon.follow()
        answer = asyncio.ensure_future(daemon.ok("reload", waiting=True, **asked))
        assert [await next_reload(daemon) for _ in "abcdefgh"] == list("abcdefgh")
        await answer


async def next_reload(daemon):
    _, event = await daemon.event(lambda topic, _: topic.endswith(".reload"))
    return event["watcher"]


# -- what is asked for meanwhile -------------------------------------------------------------------------------


def request(number, command, **properties):
    return json.dumps({"id": str(number), "command": command, "properties": properties}).encode()


@pytest.mark.real
async def test_what_is_asked_first_comes_first(run):
    """A stop and a reload of everything in one turn of the loop: the reload starts what was stopped, not the other way."""
    async with run(watcher("a"), watcher("b")) as daemon:
        await daemon.follow()
        route, peer = Route(0, b"nobody"), Peer(uid=os.getuid())
        for asked in (request(1, "stop", name="a"), request(2, "reload")):
            daemon.engine._receive(Incoming(route, asked, peer))
        await daemon.event(lambda topic, _: topic == "watcher.a.stop")
        await daemon.event(lambda topic, _: topic == "watcher.a.start")


@pytest.mark.real
@pytest.mark.parametrize("sequential", [False, True])
async def test_a_reload_does_not_start_what_was_stopped_after_it_was_asked_for(run, sequential):
    slow = watcher("a", stop_signal="WINCH", graceful_timeout=1000, priority=1)
    async with run(slow, watcher("b"), watcher("c")) as daemon:
        (pid,) = (await daemon.ok("list", name="a"))["pids"]
        await daemon.socket.send_multipart([request(1, "reload", sequential=sequential, waiting=True)])
        await daemon.ok("stop", name="b", waiting=True)
        os.kill(pid, signal.SIGKILL)
        reply = await daemon.reply()
        assert reply["info"]["b"]["superseded_by"] == "stop"
        assert [len(reply["info"][name]["started"]) for name in "abc"] == [1, 0, 1]
        assert (await daemon.ok("status"))["statuses"] == {"a": "active", "b": "stopped", "c": "active"}


@pytest.mark.real
async def test_a_restart_of_everything_does_not_start_what_was_stopped_meanwhile(run):
    slow = watcher("a", stop_signal="WINCH", graceful_timeout=1000)
    async with run(slow, watcher("b"), watcher("c")) as daemon:
        (pid,) = (await daemon.ok("list", name="a"))["pids"]
        await daemon.socket.send_multipart([request(1, "restart", waiting=True)])
        await daemon.ok("stop", name="b", waiting=True)
        os.kill(pid, signal.SIGKILL)
        assert (await daemon.reply())["status"] == "ok"
        assert (await daemon.ok("status"))["statuses"] == {"a": "active", "b": "stopped", "c": "active"}


@pytest.mark.real
async def test_a_start_of_everything_does_not_start_what_was_stopped_after_it_was_asked_for(run):
    """The one of higher priority is up when its hook has returned; that waits at an event."""
    go = threading.Event()
    gated = watcher("a", priority=1, autostart=False, **{"hooks.after_start": lambda **_: go.wait(60)})
    async with run(gated, watcher("b", autostart=False)) as daemon:
        for name in "ab":
            await daemon.ok("set", name=name, options={"autostart": True}, waiting=True)
        await daemon.socket.send_multipart([request(1, "start", waiting=True)])
        await daemon.ok("stop", name="b", waiting=True)
        go.set()
        reply = await daemon.reply()
        assert reply["info"]["b"]["superseded_by"] == "stop"
        assert (await daemon.ok("status"))["statuses"] == {"a": "active", "b": "stopped"}


@pytest.mark.real
@pytest.mark.parametrize("everything", ["reload", "restart"])
async def test_what_is_added_after_everything_was_asked_for_is_none_of_it(run, everything):
    """Both in one turn of the loop: the one that is added is not to run yet."""
    async with run(watcher("a")) as daemon:
        route, peer = Route(0, b"nobody"), Peer(uid=os.getuid())
        add = request(2, "add", name="b", cmd="sleep 1000", start=False)
        before = set(daemon.engine._running_work)
        for asked in (request(1, everything), add):
            daemon.engine._receive(Incoming(route, asked, peer))
        await asyncio.wait(daemon.engine._running_work - before)
        assert (await daemon.ok("status"))["statuses"] == {"a": "active", "b": "stopped"}


@pytest.mark.real
@pytest.mark.parametrize("everything", ["reload", "restart", "stop"])
async def test_what_is_removed_meanwhile_is_no_failure(run, everything):
    """Whoever stops last, or is reloaded last, is removed while the first one does not leave."""
    slow = {"stop_signal": "WINCH", "graceful_timeout": 1000}
    first, last = (-1, 1) if everything == "stop" else (1, -1)
    async with run(watcher("a", priority=first, **slow), watcher("b", priority=last)) as daemon:
        (pid,) = (await daemon.ok("list", name="a"))["pids"]
        await daemon.socket.send_multipart([request(1, everything, waiting=True)])
        await daemon.ok("rm", name="b", waiting=True)
        os.kill(pid, signal.SIGKILL)
        assert (await daemon.reply())["status"] == "ok"
        assert (await daemon.ok("status"))["statuses"] == {
            "a": "stopped" if everything == "stop" else "active"
        }
