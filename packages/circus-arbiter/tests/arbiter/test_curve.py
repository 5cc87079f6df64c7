"""Keys for other machines: who is let in, as what, and what a key that is taken back may still do."""

import asyncio
import itertools

import pytest
import zmq

from circus.arbiter.errors import ArbiterError
from circus.client.blocking import CircusClient
from circus.client.errors import AccessDenied, CallError
from circus.client.keys import AuthorizedKey, KeyDirectory, Role, make_pair
from circus.client.security import CurveKeys
from circus.consumer import CircusConsumer

from .conftest import watcher
from .strangers import serving

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CURVE: pip install pyzmq"),
]


class Keys:
    def __init__(self, folder):
        self.directory = KeyDirectory(folder)
        self.server = self.directory.create()

    def make(self, name=None, role=Role.VIEWER, server_key=None):
        public, secret = make_pair()
        if name is not None:
            self.directory.add(AuthorizedKey(name, role, public))
        return CurveKeys(
            server_key=server_key or self.server.public_key, public_key=public, secret_key=secret
        )


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "keys")


def with_keys(keys, *watchers):
    return serving(
        *watchers,
        curve_endpoint="tcp://127.0.0.1:*",
        curve_pubsub_endpoint="tcp://127.0.0.1:*",
        curve_dir=str(keys.directory.path),
    )


async def call(endpoint, security, command, **properties):
    def work():
        with CircusClient(endpoint=endpoint, security=security, timeout=30, context=context) as client:
            return client.send_message(command, **properties)

    context = zmq.Context()
    try:
        return await asyncio.to_thread(work)
    finally:
        context.term()


async def test_an_admin_key_does_everything_and_the_audit_has_its_name(keys):
    admin = keys.make("alice@laptop", Role.ADMIN)
    async with with_keys(keys, watcher("a", env={"PASSWORD": "hunter2"})) as daemon:
        where = daemon.engine.identity()["curve_endpoint"]
        assert (await call(where, admin, "incr", name="a", waiting=True))["numprocesses"] == 2
        assert "hunter2" in str(await call(where, admin, "options", name="a"))
        entries = (await daemon.ok("audit"))["entries"]
        assert [(e["who"], e["command"]) for e in entries] == [("key alice@laptop at 127.0.0.1", "incr")]


async def test_a_viewer_key_looks_only(keys):
    viewer = keys.make("bob")
    async with with_keys(keys, watcher("a", env={"PASSWORD": "hunter2"})) as daemon:
        where = daemon.engine.identity()["curve_endpoint"]
        assert (await call(where, viewer, "status", name="a"))["status"] == "active"
        assert "hunter2" not in str(await call(where, viewer, "options", name="a"))
        for command in ("incr", "logs"):
            refused = await call(where, viewer, command, name="a")
            assert refused["reason"].startswith(f"key bob at 127.0.0.1 may look, but not {command}")


async def test_unknown_keys_no_keys_and_keys_for_another_daemon_are_not_let_in(keys):
    known = keys.make("bob")
    unknown = keys.make()
    elsewhere = CurveKeys(server_key=make_pair()[0], public_key=known.public_key, secret_key=known.secret_key)
    async with with_keys(keys, watcher("a")) as daemon:
        where = daemon.engine.identity()["curve_endpoint"]
        with pytest.raises(AccessDenied, match="this user or key is not authorised"):
            await call(where, unknown, "list")
        with pytest.raises(AccessDenied, match="CURVE keys"):
            await call(where, None, "list")
        with pytest.raises(CallError):
            await call(where, elsewhere, "list")
        with pytest.raises(CallError):
            await call(daemon._endpoint, known, "list")
        assert (await call(where, known, "list"))["watchers"] == ["a"]


async def test_a_key_that_is_added_counts_at_once_and_one_that_is_removed_no_more(keys):
    async with with_keys(keys, watcher("a")) as daemon:
        where = daemon.engine.identity()["curve_endpoint"]
        late = keys.make("late", Role.ADMIN)
        context = zmq.Context()
        client = CircusClient(endpoint=where, security=late, context=context)
        try:
            assert (await asyncio.to_thread(client.send_message, "incr", name="a"))["status"] == "ok"
            keys.directory.remove("late")
            reply = await asyncio.to_thread(client.send_message, "list")
            assert (reply["status"], reply["errno"]) == ("error", 5)
            assert "not authorised any more" in reply["reason"]
        finally:
            client.stop()
            context.term()
        with pytest.raises(AccessDenied):
            await call(where, late, "list")


async def test_events_go_to_those_with_keys_and_output_to_admins(keys):
    async with with_keys(keys, watcher("a")) as daemon:
        where = daemon.engine.identity()["curve_pubsub_endpoint"]

        def heard(security, topics):
            with CircusConsumer(topics, endpoint=where, security=security) as consumer:
                return {topic for topic, _ in itertools.islice(consumer, 3)}

        events, output = b"watcher.a.probe", b"log.a.1.stdout"
        for role, expected in ((Role.VIEWER, {events}), (Role.ADMIN, {events, output})):
            hearing = asyncio.get_running_loop().run_in_executor(
                None, heard, keys.make(role.value, role), ["log.", ""]
            )
            while not hearing.done():
                daemon.engine._publisher.send(output, {})
                daemon.engine._publisher.send(events, {})
                await daemon.ok("numwatchers")
            assert await hearing == expected


def test_a_door_for_keys_without_keys_says_how_to_make_them(tmp_path):
    from circus.arbiter.build import Blueprint
    from circus.arbiter.engine import Engine
    from circus.process.spawn import LocalSpawner
    from circus.protocol.options import ArbiterOptions

    options = ArbiterOptions(curve_endpoint="tcp://127.0.0.1:*", curve_dir=str(tmp_path))
    with pytest.raises(ArbiterError, match="circusctl auth init"):
        Engine(Blueprint(options=options), spawner=LocalSpawner())


async def test_a_reload_ends_the_subscriptions_of_a_removed_key(keys):
    async with with_keys(keys, watcher("a")) as daemon:
        where = daemon.engine.identity()["curve_pubsub_endpoint"]
        security = keys.make("gone", Role.ADMIN)
        context = zmq.Context()
        subscriber = context.socket(zmq.SUB)
        watching = subscriber.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            subscriber.linger = 0
            security.apply(subscriber)
            subscriber.subscribe(b"")
            subscriber.connect(where)
            while not subscriber.poll(0):
                daemon.engine._publisher.send(b"watcher.a.probe", {})
                await daemon.ok("numwatchers")
            await daemon.ok("reload", waiting=True)
            assert not watching.poll(0), "an authorised key keeps its connection"
            keys.directory.remove("gone")
            await daemon.ok("reload", waiting=True)
            assert await asyncio.to_thread(watching.poll, 20_000)
        finally:
            context.destroy(0)
