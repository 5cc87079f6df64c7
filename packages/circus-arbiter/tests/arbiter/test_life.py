"""Commands on real processes, as clients see them."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from circus.protocol.events import EVENTS
from circus.protocol.replies import REPLIES, ErrorReply, OkReply
from circus.sockets import SocketSpec

from .conftest import watcher

pytestmark = pytest.mark.real


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_every_reading_command_answers_by_its_model(run):
    async with run(watcher("a", numprocesses=2), sockets=(SocketSpec(name="s", port=0),)) as daemon:
        pid = (await daemon.ok("list", name="a"))["pids"][0]
        requests = [
            ("list", {}),
            ("list", {"name": "A"}),
            ("status", {}),
            ("status", {"name": "a"}),
            ("stats", {}),
            ("stats", {"name": "a"}),
            ("stats", {"name": "a", "process": pid}),
            ("dstats", {}),
            ("options", {"name": "a"}),
            ("get", {"name": "a", "keys": ["numprocesses"]}),
            ("globaloptions", {}),
            ("listsockets", {}),
            ("numprocesses", {}),
            ("numprocesses", {"name": "a"}),
            ("numwatchers", {}),
            ("describe", {"name": "a"}),
            ("logs", {"name": "a"}),
            ("version", {}),
            ("schema", {}),
            ("audit", {}),
        ]
        for command, properties in requests:
            reply = await daemon.ok(command, **properties)
            models = REPLIES.get(command, (OkReply,))
            assert any(_fits(model, reply) for model in models), (command, reply)


def _fits(model, reply):
    try:
        model.model_validate(reply)
    except ValueError:
        return False
    return True


async def test_a_killed_worker_is_replaced_and_the_event_says_why(run):
    async with run(watcher("a", check_delay=60)) as daemon:
        await daemon.follow()
        pid = (await daemon.ok("list", name="a"))["pids"][0]
        os.kill(pid, signal.SIGKILL)
        _, reap = await daemon.event(lambda topic, _: topic == "watcher.a.reap")
        assert (reap["process_pid"], reap["exit_code"], reap["why"]) == (pid, -9, "crash")
        _, spawn = await daemon.event(lambda topic, _: topic == "watcher.a.spawn")
        assert spawn["why"] == "crash"
        assert (await daemon.ok("list", name="a"))["pids"] == [spawn["process_pid"]]


async def test_every_event_fits_its_model_and_is_numbered(run):
    async with run(watcher("a")) as daemon:
        await daemon.follow()
        await daemon.ok("incr", name="a", waiting=True)
        await daemon.ok("restart", name="a", waiting=True)
        await daemon.ok("set", name="a", options={"graceful_timeout": 3}, waiting=True)
        await daemon.ok("reload", name="a", waiting=True)
        await daemon.ok("add", name="b", cmd="sleep 1000", start=True, waiting=True)
        await daemon.ok("rm", name="b", waiting=True)
        seen, last = set(), None
        done = lambda topic: {"spawn", "stop", "reload", "updated", "add", "remove"} <= topic  # noqa: E731
        while not done(seen):
            topic, payload = await daemon.event(lambda *_: True)
            word = topic.rpartition(".")[2]
            EVENTS[word].model_validate(payload)
            assert last is None or payload["seq"] == last + 1
            last = payload["seq"]
            seen.add(word)


async def test_stop_leaves_nothing_and_start_brings_all_back(run):
    async with run(watcher("a", numprocesses=3)) as daemon:
        pids = (await daemon.ok("list", name="a"))["pids"]
        reply = await daemon.ok("stop", name="a", waiting=True)
        assert sorted(reply["info"]["stopped"]) == sorted(pids)
        assert not any(map(alive, pids))
        assert (await daemon.ok("status", name="a"))["status"] == "stopped"
        reply = await daemon.ok("start", name="a", waiting=True)
        assert len(reply["info"]["started"]) == 3


async def test_a_slow_stop_refuses_and_delays_nobody(run, tmp_path):
    gate = tmp_path / "ready"
    os.mkfifo(gate)
    stubborn = f"{sys.executable} -c \"import signal; signal.signal(15, 1); open('{gate}', 'w').close(); signal.pause()\""
    async with run(watcher("slow", cmd=stubborn, graceful_timeout=60), watcher("b")) as daemon:
        await asyncio.to_thread(lambda: gate.open().close())
        await daemon.ok("stop", name="slow")
        assert (await daemon.ok("status", name="slow"))["status"] == "stopping"
        await daemon.follow()
        pid = (await daemon.ok("list", name="b"))["pids"][0]
        os.kill(pid, signal.SIGKILL)
        await daemon.event(lambda topic, _: topic == "watcher.b.spawn")
        replies = await asyncio.gather(*(daemon.engine.roster.get("b").ask(_scale(1)) for _ in range(20)))
        assert {reply.count for reply in replies} == {21} or replies[-1].count == 21
        await daemon.ok("kill", name="slow", signum="kill", waiting=True)
        assert (await daemon.ok("status", name="slow"))["status"] == "stopped"


def _scale(delta):
    from circus.watcher.commands import Scale

    return Scale(delta)


async def test_patterns_choose_watchers(run):
    async with run(watcher("web-1"), watcher("web-2"), watcher("Other")) as daemon:
        await daemon.ok("stop", name="web*", waiting=True)
        statuses = (await daemon.ok("status"))["statuses"]
        assert statuses == {"web-1": "stopped", "web-2": "stopped", "Other": "active"}
        await daemon.ok("stop", name="oth.*", match="regex", waiting=True)
        assert (await daemon.ok("status", name="OTHER"))["status"] == "stopped"
        reply = await daemon.call("stop", name="zz*", waiting=True)
        assert (reply["errno"], reply["reason"]) == (3, "program zz* not found")


async def test_add_set_get_rm(run):
    async with run() as daemon:
        options = {"numprocesses": 2, "env": {"A": "1"}, "stop_signal": "INT", "rlimit_nofile": 64}
        await daemon.ok(
            "add", name="New One", cmd="sleep", args=["1000"], options=options, start=True, waiting=True
        )
        got = (
            await daemon.ok("get", name="new one", keys=["numprocesses", "stop_signal", "rlimits", "args"])
        )["options"]
        assert got == {"numprocesses": 2, "stop_signal": 2, "rlimits": {"nofile": 64}, "args": ["1000"]}
        await daemon.ok("set", name="new one", options={"numprocesses": 1, "max_retry": -1}, waiting=True)
        assert len((await daemon.ok("list", name="new one"))["pids"]) == 1
        reply = await daemon.call("get", name="new one", keys=["color"])
        assert (reply["errno"], reply["reason"]) == (3, "'color' option not found")
        pids = (await daemon.ok("list", name="new one"))["pids"]
        await daemon.ok("rm", name="new one", waiting=True)
        assert not any(map(alive, pids))
        assert (await daemon.ok("list"))["watchers"] == []


async def test_a_start_that_fails_says_which_step_and_why(run):
    async with run(watcher("a", cmd="/nonexistent/program")) as daemon:
        reply = await daemon.call("start", name="a", waiting=True)
        assert reply["errno"] == 5
        assert "cannot start a.1: finding the executable '/nonexistent/program'" in reply["reason"]
        assert (await daemon.ok("status", name="a"))["status"] in {"backoff", "failed"}


async def test_quit_answers_when_all_are_gone(run):
    async with run(watcher("a", numprocesses=4)) as daemon:
        pids = (await daemon.ok("list", name="a"))["pids"]
        await daemon.ok("quit", waiting=True)
        assert not any(map(alive, pids))


async def test_replies_to_refused_requests_fit_the_error_model(run):
    async with run() as daemon:
        ErrorReply.model_validate(await daemon.call("status", name="nobody"))


async def test_last_lines_and_live_lines_of_a_captured_worker(run, tmp_path):
    gate = tmp_path / "go"
    os.mkfifo(gate)
    script = f"import sys; print('first', flush=True); open('{gate}').read(); print('second', flush=True); sys.stdin.read()"
    command = f'{sys.executable} -c "{script}"'
    async with run(watcher("talker", cmd=command, respawn=False), capture=True) as daemon:
        await daemon.follow("log.talker")

        def release() -> None:
            with gate.open("w") as writer:
                writer.write("go")

        await asyncio.to_thread(release)
        topic, line = await daemon.event(
            lambda topic, line: topic.startswith("log.") and line["data"] == "second"
        )
        assert (topic, line["wid"], line["stream"]) == ("log.talker.1.stdout", 1, "stdout")
        lines = (await daemon.ok("logs", name="talker"))["lines"]
        assert [one["data"] for one in lines] == ["first", "second"]


async def test_the_last_lines_of_a_worker_that_died_are_kept(run, tmp_path):
    gate = tmp_path / "die"
    os.mkfifo(gate)
    command = f"{sys.executable} -c \"print('last words', flush=True); open('{gate}').read(1); raise SystemExit(3)\""
    async with run(watcher("mortal", cmd=command), capture=True) as daemon:
        await daemon.follow()
        pid = (await daemon.ok("list", name="mortal"))["pids"][0]

        def release() -> None:
            with gate.open("w") as writer:
                writer.write("x")

        await asyncio.to_thread(release)
        await daemon.event(lambda topic, _: topic == "watcher.mortal.spawn")
        lines = (await daemon.ok("logs", name="mortal", pid=pid))["lines"]
        assert [line["data"] for line in lines] == ["last words"]
