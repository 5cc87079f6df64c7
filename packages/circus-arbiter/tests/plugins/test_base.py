import asyncio
import json
import threading

import pytest
import zmq

from circus.exc import CallError
from circus.plugins import CircusPlugin, PeriodicCallback, WatcherEvent
from circus.plugins.events import is_helper, split_topic

# Written as plugins are written for the reference; nothing here is ours.
OLD_PLUGIN = """
import os
import socket

from circus import logger
from circus.plugins import CircusPlugin
from circus.util import AsyncPeriodicCallback, to_bool


class Old(CircusPlugin):

    name = 'old'

    def __init__(self, *args, **config):
        super(Old, self).__init__(*args, **config)
        self.name = config.get('name')
        self.gate = config['gate']
        self.seen = []

    def say(self, *words):
        with open(self.gate, 'a') as gate:
            gate.write(' '.join(str(word) for word in words) + '\\n')

    def handle_init(self):
        self.say('init', self.name, to_bool(self.config['flag']), self.config['text'], self.check_delay)
        self.read_end, self.write_end = os.pipe()
        self.loop.add_handler(self.read_end, self.on_pipe, self.loop.READ)
        self.loop.call_later(0.01, self.later)

    def later(self):
        self.say('timer', self.call('list')['watchers'])
        os.write(self.write_end, b'x')

    def on_pipe(self, fd, events):
        os.read(fd, 1)
        self.loop.remove_handler(fd)
        self.say('pipe')
        self.period = AsyncPeriodicCallback(self.touch, 100)
        self.period.start()

    def touch(self):
        self.cast('set', name='my app', options={'graceful_timeout': 3 + len(self.seen) % 2})

    def handle_recv(self, data):
        watcher_name, action, msg = self.split_data(data)
        if action == 'updated':
            if not self.seen:
                self.say('event', watcher_name, action, 'time' in self.load_message(msg))
            self.seen.append(action)
            raise RuntimeError('handle_recv must not end the plugin')

    def handle_stop(self):
        self.period.stop()
        self.say('stop', bool(self.seen))
"""


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_plugin_written_for_the_reference_runs_unchanged(circusd, folder):
    from daemons import Gate

    (folder / "old_plugin.py").write_text(OLD_PLUGIN)
    text = """it's "quoted", with $HOME; and a ::: too"""
    config = f"""
check_delay = 2.5
[watcher:My App]
cmd = sleep 1000
[plugin:old]
use = old_plugin.Old
working_dir = {folder}
gate = {folder}/gate
flag = yes
text = {text}
[plugin:off]
use = old_plugin.Old
active = false
"""
    with Gate(folder / "gate") as gate, circusd(config) as daemon:
        assert gate.line(deadline=60) == f"init plugin:old True {text} 2.5"
        assert gate.line(deadline=40) == "timer ['my app', 'plugin:off', 'plugin:old']"
        assert gate.line(deadline=40) == "pipe"
        assert gate.line(deadline=40) == "event my_app updated True"
        assert daemon.call("status", name="plugin:off")["status"] == "stopped"
        assert daemon.call("stop", name="plugin:old", waiting=True)["status"] == "ok"
        assert gate.line(deadline=40) == "stop True"
        assert "handle_recv failed on watcher.my_app.updated" in daemon.output()


def test_topics():
    assert split_topic("watcher.web.1.spawn") == ("web.1", "spawn")
    assert CircusPlugin.split_data([b"watcher.a.b.reap", b"{}"]) == ("a.b", "reap", b"{}")
    for topic in ("", "watcher", "watcher.spawn", "a"):
        with pytest.raises(ValueError, match="not the topic"):
            split_topic(topic)


def test_an_event_has_the_real_name_where_it_is_told():
    told = WatcherEvent.read([b"watcher.my_app.spawn", b'{"watcher": "My App", "process_pid": 3}'])
    assert (told.watcher, told.name, told.pid) == ("My App", "spawn", 3)
    assert WatcherEvent.read([b"watcher.my_app.start", b"{}"]).watcher == "my_app"
    with pytest.raises(ValueError, match="JSON object"):
        WatcherEvent.read([b"watcher.a.start", b"[]"])


def test_helpers_of_the_daemon():
    assert all(map(is_helper, ("plugin:x", "Plugin:x", "circusd-stats", "circushttpd")))
    assert not is_helper("web")


class Server:
    """A stand-in for circusd: answers `list`, keeps silent about all else, publishes what it is told to."""

    def __init__(self, folder):
        self.endpoint, self.pubsub = f"ipc://{folder}/ctl", f"ipc://{folder}/pub"
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.publisher = self.context.socket(zmq.XPUB)
        for sock in (self.router, self.publisher):
            sock.linger = 0
        self.router.bind(self.endpoint)
        self.publisher.bind(self.pubsub)
        self.got = []

    def serve(self, until):
        """Answer until that many requests have come."""
        while len(self.got) < until:
            assert self.router.poll(10_000)
            *route, body = self.router.recv_multipart()
            request = json.loads(body)
            self.got.append(request)
            if request["command"] == "list":
                reply = {"id": request["id"], "status": "ok", "watchers": ["a"], "time": 1.0}
                self.router.send_multipart([*route, json.dumps(reply).encode()])

    def publish(self, topic, **payload):
        subscription = b"\x01" + topic.partition(b".")[0] + b"."
        while self.publisher.poll(10_000) and self.publisher.recv() != subscription:
            pass
        self.publisher.send_multipart([topic, json.dumps(payload).encode()])

    def close(self):
        self.router.close()
        self.publisher.close()
        self.context.term()


@pytest.fixture
def server(folder):
    server = Server(folder)
    yield server
    server.close()


class Recorder(CircusPlugin):
    name = "recorder"

    def __init__(self, *args, **config):
        super().__init__(*args, **config)
        self.said = []

    def handle_init(self):
        self.said.append("init")

    def handle_recv(self, data):
        self.said.append(self.split_data(data)[:2])
        self.stop()

    def handle_stop(self):
        self.said.append("stop")


def plugin_of(kind, server, **config):
    return kind(server.endpoint, server.pubsub, 1.0, None, **config)


def test_a_life_ends_by_stop_and_can_be_stopped_again(server):
    plugin = plugin_of(Recorder, server)
    publishing = threading.Thread(target=server.publish, args=(b"watcher.a.spawn",))
    publishing.start()
    plugin.start()
    publishing.join()
    plugin.stop()
    assert plugin.said == ["init", ("a", "spawn"), "stop"]
    assert not plugin.running


def test_stop_from_another_thread(server):
    running = threading.Event()

    class Waiting(Recorder):
        def handle_init(self):
            self.loop.call_later(0.01, running.set)

    plugin = plugin_of(Waiting, server)
    thread = threading.Thread(target=plugin.start)
    thread.start()
    assert running.wait(10)
    plugin.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert plugin.said == ["stop"]


def test_a_plugin_may_stop_its_loop_itself(server):
    class Impatient(Recorder):
        def handle_init(self):
            self.loop.add_callback(self.loop.stop)

    plugin = plugin_of(Impatient, server)
    plugin.start()
    assert plugin.said == []


def test_stopped_while_it_begins(server):
    class Doubtful(Recorder):
        async def handle_init(self):
            self.stop()
            await asyncio.sleep(0)

    plugin = plugin_of(Doubtful, server)
    plugin.start()
    assert plugin.said == []


def test_what_handle_init_raises_comes_out_of_start(server):
    class Broken(Recorder):
        def handle_init(self):
            raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        plugin_of(Broken, server).start()


def test_an_inactive_plugin_does_not_start(server):
    plugin = plugin_of(Recorder, server, active="False")
    with pytest.raises(ValueError, match="Will not start an inactive plugin"):
        plugin.start()
    plugin.stop()


def test_a_call_has_a_deadline_and_a_cast_waits_for_nothing(server):
    class Hasty(Recorder):
        call_timeout = 0.2

    plugin = plugin_of(Hasty, server)
    serving = threading.Thread(target=server.serve, args=(3,))
    serving.start()
    plugin.cast("incr", name="a")
    with pytest.raises(CallError, match="Timed out"):
        plugin.call("status", name="a")
    plugin.client.timeout = 10_000
    assert plugin.call("list")["watchers"] == ["a"]
    serving.join()
    plugin.stop()
    assert [(one["command"], one.get("msg_type")) for one in server.got] == [
        ("incr", "cast"),
        ("status", None),
        ("list", None),
    ]


def test_a_thread_that_was_there_before_the_start_may_call(server):
    class Threaded(Recorder):
        def __init__(self, *args, **config):
            super().__init__(*args, **config)
            self.thread = threading.Thread(target=self.work)
            self.thread.start()

        def work(self):
            self.said.append(self.call("list")["watchers"])
            self.loop.add_callback(self.stop)

    serving = threading.Thread(target=server.serve, args=(1,))
    serving.start()
    plugin = plugin_of(Threaded, server)
    plugin.start()
    plugin.thread.join()
    serving.join()
    assert ["a"] in plugin.said


def test_more_can_be_subscribed_to(server):
    class Curious(Recorder):
        def initialize(self):
            super().initialize()
            self.sub_socket.subscribe("arbiter.")

        def handle_recv(self, data):
            self.said.append(data[0])
            self.stop()

    plugin = plugin_of(Curious, server)
    publishing = threading.Thread(target=server.publish, args=(b"arbiter.ready",))
    publishing.start()
    plugin.start()
    publishing.join()
    assert plugin.said == ["init", b"arbiter.ready", "stop"]


async def test_periodic_calls_come_one_at_a_time_and_go_on_after_errors():
    loop = asyncio.get_running_loop()
    errors = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    calls, done = [], asyncio.Event()

    async def callback():
        calls.append("begin")
        await asyncio.sleep(0)
        calls.append("end")
        if len(calls) == 2:
            raise LookupError
        if len(calls) == 6:
            period.stop()
            done.set()

    period = PeriodicCallback(callback, 1)
    assert not period.is_running()
    period.start()
    period.start()
    async with asyncio.timeout(10):
        await done.wait()
    assert calls == ["begin", "end"] * 3
    assert [type(error) for error in errors] == [LookupError]
    assert not period.is_running()


def test_a_period_is_above_0():
    with pytest.raises(ValueError, match="above 0 ms"):
        PeriodicCallback(lambda: None, 0)
