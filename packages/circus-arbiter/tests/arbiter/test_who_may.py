"""Who may do what, over TCP and ipc, by the kernel's word: real daemons, real other users."""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from circus.arbiter.build import Blueprint
from circus.arbiter.engine import Engine
from circus.arbiter.errors import ArbiterError, EndpointError
from circus.process.spawn import LocalSpawner
from circus.protocol.messages import REQUESTS
from circus.protocol.options import ArbiterOptions
from requires import needs_root

from .conftest import DEADLINE, watcher
from .strangers import NOBODY, OTHER, serving, stranger

pytestmark = [pytest.mark.real, pytest.mark.slow, needs_root()]

CHANGING = {
    "add": {"name": "evil", "cmd": "id", "start": True},
    "rm": {"name": "a"},
    "start": {"name": "a"},
    "stop": {"name": "a"},
    "restart": {"name": "a"},
    "reload": {"name": "a"},
    "reloadconfig": {"dry_run": True},
    "quit": {},
    "incr": {"name": "a"},
    "decr": {"name": "a"},
    "set": {"name": "a", "options": {"cmd": "id"}},
    "signal": {"name": "a", "signum": 9},
    "kill": {"name": "a"},
    "reopenlogs": {"name": "a"},
    "ipython": {},
}
READING = {
    "get": {"name": "a", "keys": ["numprocesses"]},
    "options": {"name": "a"},
    "globaloptions": {},
    "list": {},
    "listsockets": {},
    "numprocesses": {},
    "numwatchers": {},
    "status": {},
    "stats": {},
    "dstats": {},
    "describe": {"name": "a"},
    "audit": {},
    "version": {},
    "schema": {},
}
SPECIAL = {"listen", "logs"}


def secretive(**options):
    return watcher("a", env={"PASSWORD": "hunter2"}, color="hunter2", **options)


@pytest.fixture
def open_folder():
    """A folder that every user can get into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def other():
    with stranger() as one:
        yield one


def test_every_command_is_in_a_list_here():
    assert set(CHANGING) | set(READING) | SPECIAL == set(REQUESTS)


async def _looks_only(daemon, other, endpoint, who):
    before = await daemon.ok("describe", name="a")
    for command, properties in CHANGING.items():
        reply = await other.call(endpoint, command, **properties)
        assert reply["status"] == "error", command
        assert f"may look, but not {command}" in reply["reason"]
        assert reply["reason"].startswith(who)
    for command, properties in READING.items():
        reply = await other.call(endpoint, command, **properties)
        assert reply["status"] != "error", (command, reply)
        assert "hunter2" not in str(reply)
    refused = await other.call(endpoint, "logs", name="a")
    assert (refused["status"], refused["errno"]) == ("error", 5)
    after = await daemon.ok("describe", name="a")
    assert [w["pid"] for w in after["workers"]] == [w["pid"] for w in before["workers"]]
    entries = (await daemon.ok("audit", lines=100))["entries"]
    refusals = [e["command"] for e in entries if not e["allowed"] and e["who"].startswith(who)]
    assert sorted(refusals) == sorted([*CHANGING, "logs"])


async def test_another_user_over_tcp_may_look_and_nothing_else(other):
    async with serving(secretive()) as daemon:
        await _looks_only(daemon, other, daemon._endpoint, "nobody at 127.0.0.1")


async def test_another_user_over_ipc_may_look_and_nothing_else(other, open_folder):
    endpoint = f"ipc://{open_folder}/ctl"
    async with serving(secretive(), endpoint=endpoint) as daemon:
        (open_folder / "ctl").chmod(0o777)
        await _looks_only(daemon, other, endpoint, f"nobody (pid {other._process.pid})")


async def test_the_file_of_an_ipc_endpoint_keeps_others_out(other, open_folder):
    endpoint = f"ipc://{open_folder}/ctl"
    async with serving(secretive(), endpoint=endpoint):
        request = {"command": "list", "patience": 0.3}
        assert await other.did("call", endpoint=endpoint, request=request) is None


async def test_a_name_that_somebody_made_up_fills_neither_log_nor_audit(other, caplog):
    """Of who may ask for a change, too: there is no such watcher, and still it is written down who wanted it."""
    caplog.set_level("INFO", "circus.audit")
    name = "x" * 10_000 + "\x1b[2J"
    async with serving(secretive()) as daemon:
        assert (await other.call(daemon._endpoint, "stop", name=name))["status"] == "error"
        assert (await daemon.call("stop", name=name))["status"] == "error"
        refused, allowed = (await daemon.ok("audit"))["entries"][-2:]
    assert (refused["allowed"], allowed["allowed"]) == (False, True)
    assert refused["subject"] == allowed["subject"] == "x" * 500 + "..."
    lines = [record.getMessage() for record in caplog.records if record.name == "circus.audit"]
    assert len(lines) == 2
    assert max(map(len, lines)) < 600


async def test_our_own_user_and_root_do_everything_over_tcp():
    async with serving(secretive()) as daemon:
        assert (await daemon.ok("options", name="a"))["options"]["env"] == {"PASSWORD": "hunter2"}
        assert (await daemon.ok("get", name="a", keys=["color"]))["options"] == {"color": "hunter2"}
        assert (await daemon.ok("incr", name="a", waiting=True))["numprocesses"] == 2
        assert (await daemon.ok("logs", name="a"))["lines"] == []
        assert (await daemon.ok("audit"))["entries"][-1]["who"] == "root at 127.0.0.1"


async def test_a_cast_of_a_client_that_left_at_once_is_still_its_users(other):
    """Once a client has closed, the kernel shows its socket as root's: it is asked before that."""
    async with serving(secretive()) as daemon:
        with stranger(0) as root:
            for who, expected in ((other, 1), (root, 2)):
                await who.did("connect", endpoint=daemon._endpoint)
                body = '{"command": "incr", "msg_type": "cast", "properties": {"name": "a"}}'
                who.do("send", bodies=[body])
                who.do("close")
                while len((await daemon.ok("audit"))["entries"]) < expected:
                    pass
            entries = (await daemon.ok("audit"))["entries"]
            assert [(e["who"], e["allowed"]) for e in entries] == [
                ("nobody at 127.0.0.1", False),
                ("root at 127.0.0.1", True),
            ]


async def test_who_left_before_it_was_looked_at_is_nobody(other):
    async with serving(secretive()) as daemon:
        other.do("connect", endpoint=daemon._endpoint, handshake=False)
        other.do("close")
        assert (await daemon.ok("numprocesses", name="a"))["numprocesses"] == 1


@pytest.mark.parametrize("reset", [False, True])
async def test_a_descriptor_that_is_used_again_helps_nobody(other, reset):
    """A stranger sends and leaves while we do not look; root connects, and sits at the stranger's descriptor."""
    async with serving(secretive()) as daemon:
        watch = daemon.engine._front.control._doors[0].watch
        expected = 0
        with stranger(0) as root:
            for _ in range(20):
                await other.did("connect", endpoint=daemon._endpoint)
                other.do("send", bodies=['{"command": "quit"}'] * 5)
                other.do("close", reset=reset)
                root.do("connect", endpoint=daemon._endpoint, handshake=False)
                expected += 0 if reset else 5
                while len((await daemon.ok("audit", lines=1000))["entries"]) < expected:
                    pass
                root.do("close")
        entries = (await daemon.ok("audit", lines=1000))["entries"]
        assert not [e for e in entries if e["allowed"] or e["who"] != "nobody at 127.0.0.1"]
        assert not daemon.engine.stopping
        assert any(len(row) > 1 for row in watch._seats._rows.values())


async def test_nobody_can_say_who_it_is_by_itself(other):
    forged = {"User-Id": "ipc/0/1", "Peer-Address": "localhost:0:0:1", "__fd": "0"}
    async with serving(secretive()) as daemon:
        await other.did("connect", endpoint=daemon._endpoint, properties=forged)
        await other.did("send", bodies=['{"command": "quit", "id": "x"}'])
        while not (entries := (await daemon.ok("audit"))["entries"]):
            pass
        assert [(e["who"], e["allowed"]) for e in entries] == [("nobody at 127.0.0.1", False)]


async def test_requests_before_the_end_of_the_handshake_are_cut(other):
    async with serving(secretive()) as daemon:
        await other.did("connect", endpoint=daemon._endpoint, handshake=False)
        other.do("send", bodies=['{"command": "list", "id": "x"}'])
        assert (await daemon.ok("numprocesses", name="a"))["numprocesses"] == 1


async def test_endpoint_owner_may_command_and_gets_the_file(other, open_folder):
    endpoint = f"ipc://{open_folder}/ctl"
    async with serving(secretive(), endpoint=endpoint, endpoint_owner="nobody") as daemon:
        assert (open_folder / "ctl").stat().st_uid == NOBODY
        assert (await other.call(endpoint, "incr", name="a", waiting=True))["numprocesses"] == 2
        for uid, status in ((None, "error"), ("root", "error"), ("nobody", "ok")):
            options = {} if uid is None else {"uid": uid}
            reply = await other.call(
                endpoint, "add", name="mine", cmd="sleep 100", options=options, start=False
            )
            assert reply["status"] == status
            if status == "error":
                assert reply["reason"] == "uid does not match endpoint_owner"
        assert (await daemon.ok("add", name="ours", cmd="sleep 100"))["status"] == "ok"
        with stranger(OTHER) as third:
            (open_folder / "ctl").chmod(0o777)
            assert (await third.call(endpoint, "incr", name="a"))["status"] == "error"


def test_an_endpoint_owner_that_is_no_user_is_said():
    options = ArbiterOptions(endpoint_owner="not-a-user")
    with pytest.raises(ArbiterError, match="endpoint_owner: there is no user 'not-a-user'"):
        Engine(Blueprint(options=options), spawner=LocalSpawner())


async def test_legacy_restores_the_old_openness_and_says_so(other, caplog):
    async with serving(secretive(), auth="legacy") as daemon:
        assert (await other.call(daemon._endpoint, "incr", name="a", waiting=True))["numprocesses"] == 2
        assert (await other.call(daemon._endpoint, "get", name="a", keys=["color"]))["options"]
    assert any("auth = legacy" in record.message for record in caplog.records)


@pytest.mark.parametrize("option", ["endpoint", "pubsub_endpoint"])
async def test_what_other_machines_can_reach_is_not_bound_without_a_word(option, tmp_path):
    options = ArbiterOptions(
        **{"endpoint": f"ipc://{tmp_path}/c", "pubsub_endpoint": f"ipc://{tmp_path}/p", option: "tcp://*:*"}
    )
    engine = Engine(Blueprint(options=options), spawner=LocalSpawner())
    with pytest.raises(EndpointError, match="circusctl auth init") as caught:
        await engine.run()
    assert "allow_remote = True" in str(caught.value)


async def test_live_output_goes_to_those_who_may_command(other):
    loud = watcher(
        "loud", cmd="sh -c 'while read line; do echo $line; done'", stdout_stream={"class": "StdoutStream"}
    )
    async with serving(loud) as daemon:
        pubsub = daemon.engine.identity()["pubsub_endpoint"]
        await other.did("subscribe", endpoint=pubsub, topics=["log.", "log.loud", "lo", ""])
        daemon.events_socket.subscribe("log.")
        publisher = daemon.engine._publisher
        async with asyncio.timeout(DEADLINE):
            while not daemon.engine._log_wanted:
                await daemon.ok("numwatchers")
            # Its last subscription is the one that it gets something for: then all were looked at.
            task = asyncio.get_running_loop().run_in_executor(
                None, lambda: other.do("heard", until="watcher.")
            )
            while not task.done():
                publisher.send(b"log.loud.1.stdout", {"data": "hunter2"})
                publisher.send(b"watcher.loud.probe", {})
                await daemon.ok("numwatchers")
            heard = await task
        assert heard
        assert all(topic.startswith("watcher.") for topic in heard)
        topic, _ = await daemon.event(lambda topic, _: topic.startswith("log."))
        assert topic == "log.loud.1.stdout"


async def test_four_thousand_connections_are_told_apart(other):
    import resource
    import socket

    from .stranger import GREETING, ready

    wanted = 4200
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * wanted + 200:
        pytest.skip(f"needs ulimit -n {2 * wanted + 200}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = []
    try:
        async with serving(secretive()) as daemon:
            host, _, port = daemon._endpoint.removeprefix("tcp://").rpartition(":")
            for number in range(wanted):
                one = socket.create_connection((host, int(port)))
                one.sendall(GREETING + ready({}))
                many.append(one)
                if number % 100 == 99:
                    await daemon.ok("numwatchers")
            reply = await other.call(daemon._endpoint, "incr", name="a")
            assert reply["reason"].startswith("nobody at 127.0.0.1 may look")
            assert (await daemon.ok("incr", name="a", waiting=True))["numprocesses"] == 2
            seats = daemon.engine._front.control._doors[0].watch._seats._rows
            known = [row[-1].peer.uid for row in seats.values() if not row[-1].left]
            assert len(known) >= wanted
            assert set(known) == {os.getuid()}
            for one in many:
                one.close()
    finally:
        for one in many:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
