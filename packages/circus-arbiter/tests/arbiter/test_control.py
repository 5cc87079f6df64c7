"""The control channel under every kind of bad input: an error reply, nothing changed, the next request answered."""

import asyncio
import json
from time import monotonic

import pytest
import zmq
import zmq.asyncio

from circus.arbiter.control import SHARE

from .conftest import DEADLINE, watcher

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("body", "errno"),
    [
        (b"", 1),
        (b"   ", 1),
        (b"\xff\xfe\x00", 1),
        (b"not json", 1),
        (b"[]", 1),
        (b"null", 1),
        (b"3", 1),
        (b'"list"', 1),
        (b"[" * 100_000, 1),
        (b"{}", 2),
        (b'{"command": 3}', 2),
        (b'{"command": "fly"}', 2),
        (b'{"command": "stop", "properties": []}', 3),
        (b'{"command": "incr"}', 3),
        (b'{"command": "incr", "properties": {"name": 3}}', 3),
        (b'{"command": "incr", "properties": {"name": "a", "nb": "many"}}', 3),
        (b'{"command": "signal", "properties": {"name": "a", "signum": "SIGXX"}}', 3),
        (b'{"command": "set", "properties": {"name": "a", "options": {"foo": 1}}}', 3),
        (b'{"command": "listen"}', 3),
        (b'{"command": "ipython"}', 5),
        (b'{"command": "add", "properties": {"name": "A", "cmd": "true"}}', 5),
    ],
)
async def test_bad_requests_are_answered_and_change_nothing(run, body, errno):
    async with run(watcher("a")) as daemon:
        before = await daemon.ok("describe", name="a")
        reply = await daemon.raw(body)
        assert (reply["status"], reply["errno"], reply["tb"]) == ("error", errno, None)
        assert reply["reason"]
        after = await daemon.ok("describe", name="a")
        assert [w["pid"] for w in after["workers"]] == [w["pid"] for w in before["workers"]]


async def test_ten_megabytes_of_noise_are_answered(run):
    async with run(watcher("a")) as daemon:
        reply = await daemon.raw(b"\x00" * 10_000_000)
        assert (reply["status"], reply["errno"]) == ("error", 1)
        assert (await daemon.ok("list"))["watchers"] == ["a"]


async def test_too_many_frames_are_answered(run):
    async with run() as daemon:
        reply = await daemon.raw(b"one", b"two", b"three")
        assert (reply["status"], reply["errno"]) == ("error", 1)
        assert (await daemon.ok("numwatchers"))["numwatchers"] == 0


async def test_a_req_socket_is_answered_in_its_framing(run):
    async with run(watcher("a")) as daemon:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.REQ)
        socket.linger = 0
        socket.connect(daemon._endpoint)
        try:
            async with asyncio.timeout(DEADLINE):
                await socket.send(b'{"command": "list"}')
                assert json.loads(await socket.recv())["watchers"] == ["a"]
        finally:
            socket.close()
            context.term()


async def test_a_cast_gets_no_reply_and_is_done(run):
    async with run(watcher("a")) as daemon:
        body = {"command": "incr", "properties": {"name": "a"}, "msg_type": "cast"}
        await daemon.socket.send(json.dumps(body).encode())
        reply = await daemon.ok("incr", name="a", waiting=True)
        assert reply["numprocesses"] == 3


async def test_a_flood_of_requests_is_answered_in_order(run):
    async with run() as daemon:
        for number in range(5_000):
            await daemon.socket.send(json.dumps({"id": number, "command": "numwatchers"}).encode())
        assert [(await daemon.reply())["id"] for _ in range(5_000)] == list(range(5_000))


async def test_requests_that_take_long_are_taken_one_a_turn_of_the_loop(run):
    async with run() as daemon:
        loop, receive = asyncio.get_running_loop(), daemon.engine._receive
        turn, seen = 0, []

        def next_turn():
            nonlocal turn
            turn += 1
            if len(seen) < 20:
                loop.call_soon(next_turn)

        def slow(incoming):
            seen.append(turn)
            end = monotonic() + SHARE
            while monotonic() < end:
                pass
            receive(incoming)

        daemon.engine._control._receive = slow
        next_turn()
        for _ in range(20):
            await daemon.socket.send(b'{"command": "numwatchers"}')
        replies = [await daemon.reply() for _ in range(20)]
        assert {reply["status"] for reply in replies} == {"ok"}
        assert len(set(seen)) == len(seen) == 20
