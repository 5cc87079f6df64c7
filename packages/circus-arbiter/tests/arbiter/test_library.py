"""The front door for programs that embed us, as they use it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from circus import get_arbiter, logger
from circus.arbiter import Arbiter, ThreadedArbiter
from circus.sockets import CircusSocket
from circus.watcher import Watcher

pytestmark = pytest.mark.real

ECHO = (
    "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.setblocking(True)\n"
    "while True:\n c, _ = s.accept(); c.sendall(sys.argv[2].encode()); c.close()"
)


@pytest.fixture
def endpoints(tmp_path):
    return {"controller": f"ipc://{tmp_path}/ctl", "pubsub_endpoint": f"ipc://{tmp_path}/pub"}


def alive(pid):
    return Path(f"/proc/{pid}").exists()


def test_a_command_and_a_number(endpoints):
    arbiter = get_arbiter("sleep 1000", 4)
    arbiter.endpoint, arbiter.pubsub_endpoint = endpoints["controller"], endpoints["pubsub_endpoint"]
    pids = []

    def started(future):
        assert future.exception() is None
        pids.extend(arbiter.get_watcher("sleep").get_active_pids())
        arbiter.stop()

    try:
        result = arbiter.start(started)
    finally:
        arbiter.stop()
    assert result.exception() is None
    assert len(pids) == 4
    assert not any(map(alive, pids))
    assert not arbiter.running


def test_a_list_of_mappings_with_all_options(endpoints):
    given = {
        "cmd": "sleep",
        "args": ["1000"],
        "numprocesses": 2,
        "name": "two",
        "copy_env": True,
        "extra": "kept",
    }
    arbiter = get_arbiter([given], **endpoints)
    seen = {}

    def started(_):
        watcher = arbiter.get_watcher("TWO")
        seen.update(dict(watcher.options()), statuses=arbiter.statuses(), count=arbiter.numprocesses())
        arbiter.stop()

    arbiter.start(started)
    assert (seen["extra"], seen["statuses"], seen["count"]) == ("kept", {"two": "active"}, 2)


def test_in_a_thread_of_its_own_and_stopped_from_this_one(endpoints):
    arbiter = get_arbiter("sleep 1000", numprocesses=2, background=True, **endpoints)
    assert isinstance(arbiter, ThreadedArbiter)
    ready = threading.Event()
    arbiter.start(lambda _: ready.set())
    assert ready.wait(10)
    pids = arbiter.get_watcher("sleep").get_active_pids()
    arbiter.stop()
    assert not arbiter.is_alive()
    assert len(pids) == 2
    assert not any(map(alive, pids))


def test_a_stop_right_after_the_start_of_a_thread_is_not_lost(endpoints):
    for _ in range(5):
        arbiter = get_arbiter("sleep 1000", background=True, **endpoints)
        arbiter.start()
        arbiter.stop()
        assert not arbiter.is_alive()


def test_two_arbiters_in_one_process(tmp_path):
    ready = [threading.Event(), threading.Event()]
    arbiters = [
        ThreadedArbiter(
            [Watcher(f"w{n}", "sleep 1000", numprocesses=n + 1)],
            f"ipc://{tmp_path}/c{n}",
            f"ipc://{tmp_path}/p{n}",
        )
        for n in range(2)
    ]
    for arbiter, event in zip(arbiters, ready, strict=True):
        arbiter.start(lambda _, event=event: event.set())
    try:
        assert all(event.wait(10) for event in ready)
        assert [arbiter.numprocesses() for arbiter in arbiters] == [1, 2]
    finally:
        for arbiter in arbiters:
            arbiter.stop()


async def test_on_the_caller_s_own_loop(endpoints):
    loop = asyncio.get_running_loop()
    arbiter = get_arbiter("sleep 1000", numprocesses=2, loop=loop, **endpoints)
    await arbiter.start()
    watcher = arbiter.get_watcher("sleep")
    assert len(watcher) == 2
    assert await watcher.incr() == 3
    await arbiter.stop()
    await asyncio.wait([arbiter._task] if arbiter._task else [loop.create_task(asyncio.sleep(0))])
    assert arbiter.statuses() == {"sleep": "stopped"}


def test_a_socket_in_capitals_and_an_environment_changed_after_construction(tmp_path):
    watcher = Watcher(
        "server",
        sys.executable,
        args=["-c", ECHO, "$(circus.sockets.WEB)", "$(CIRCUS.WID)"],
        use_sockets=True,
        copy_env=True,
        stop_children=True,
    )
    watcher.env["ADDED"] = "later"
    sock = CircusSocket("WEB", host="127.0.0.1", port=0)
    arbiter = Arbiter(
        [watcher], f"ipc://{tmp_path}/ctl", f"ipc://{tmp_path}/pub", sockets=[sock], check_delay=10
    )
    got = {}

    def started(_):
        def ask():
            pid = watcher.get_active_pids()[0]
            with socket.create_connection(("127.0.0.1", sock.port), timeout=10) as connection:
                got["answer"] = connection.recv(10)
            got["env"] = Path(f"/proc/{pid}/environ").read_bytes()
            arbiter.loop.add_callback(arbiter.stop)

        threading.Thread(target=ask).start()

    arbiter.start(started)
    assert got["answer"] == b"1"
    assert b"ADDED=later" in got["env"]


def test_a_subclass_whose_start_blocks_and_returns_a_finished_future(endpoints):
    class Server(Arbiter):
        def start(self, cb=None):
            future = super().start(cb)
            assert future.exception() is None
            return "served"

        def stop(self):
            self.stops = getattr(self, "stops", 0) + 1
            return super().stop()

    server = Server([Watcher("w", "sleep 1000")], endpoints["controller"], endpoints["pubsub_endpoint"])
    assert server.start(lambda _: server.stop()) == "served"
    assert server.stops == 1


def test_the_embedding_program_keeps_its_children_and_its_signal_handlers(endpoints):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    own = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    arbiter = get_arbiter("true", **endpoints)
    arbiter.start(lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert own.wait(10) == 7
    assert {number: signal.getsignal(number) for number in before} == before


def test_plugins_and_helpers_are_watchers_of_theirs(tmp_path):
    arbiter = Arbiter(
        [], f"ipc://{tmp_path}/c", f"ipc://{tmp_path}/p", statsd=True, stats_endpoint=f"ipc://{tmp_path}/s"
    )
    names = [spec.name for spec in arbiter._blueprint().watchers]
    assert names == ["circusd-stats"]


def test_the_logger_is_there_and_importing_configures_nothing():
    assert logger.name == "circus"
    code = "import circus, logging; circus.get_arbiter; assert not logging.getLogger().handlers"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
