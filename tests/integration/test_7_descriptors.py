"""Promise 7: whoever holds connections, and however many, circusd runs on: with few descriptors a thousand clients wait outside."""

import os
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from crowd import Crowd
from daemons import Daemon
from requires import OURS, needs_program

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(90)]

CLIENTS = 1000
WORKERS = (
    "[watcher:a]\ncmd = sleep 1000\nnumprocesses = 3\n"
    "[watcher:loud]\ncmd = sh -c 'while echo line; do sleep 1; done'\nstdout_stream.class = FileStream\n"
    "stdout_stream.filename = {dir}/out\n"
)


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """Our own descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"needs ulimit -Hn {count}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def flood(stack: ExitStack, addresses: list[str | tuple[str, int]]) -> int:
    """Connect as often as can be, and stay; how many came through."""
    through = 0
    for number in range(CLIENTS):
        address = addresses[number % len(addresses)]
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        one.setblocking(False)
        try:
            one.connect(address)
        except BlockingIOError:
            continue
        through += 1
    return through


def pids(circusd: Daemon) -> dict[str, list[int]]:
    return {name: circusd.call("list", name=name)["pids"] for name in ("a", "loud")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@needs_program("prlimit", debian="util-linux")
@pytest.mark.parametrize("limit", [80, 256, 1024])
def test_a_flood_of_clients(
    limit: int, folder: Path, daemon: Callable[..., Daemon], script: Callable[[str, str], Path]
) -> None:
    """Over ipc, where libzmq would end the process without a descriptor, and TCP at once; they say nothing, and stay."""
    circusd = daemon(WORKERS, start=False)
    port = free_port()
    text = circusd.config.read_text()
    circusd.config.write_text(text.replace(circusd.pubsub_endpoint, f"tcp://127.0.0.1:{port}"))
    program = circusd.program
    circusd.program = script("few", f'#!/bin/sh\nexec prlimit --nofile={limit}:{limit} {program} "$@"\n')
    circusd.start()
    circusd.settle()
    before = pids(circusd)
    assert len(before["a"]) == 3
    with room_for(CLIENTS + 200), ExitStack() as stack:
        for _ in range(3):
            with ExitStack() as wave:
                flood(wave, [str(folder / "ctl"), ("127.0.0.1", port)])
                assert circusd.call("status")["statuses"] == {"a": "active", "loud": "active"}
                assert pids(circusd) == before
        flood(stack, [str(folder / "ctl"), ("127.0.0.1", port)])
        fresh = subprocess_status(circusd)
        assert "loud: active" in fresh
        assert pids(circusd) == before
    os.kill(before["a"][0], 9)
    circusd.until(
        lambda reply: len(reply["pids"]) == 3 and before["a"][0] not in reply["pids"], "list", name="a"
    )
    told = re.findall("too few descriptors for more clients.*LimitNOFILE", circusd.log.read_text())
    assert len(told) in ({1, 2} if limit < CLIENTS else {0, 1, 2})
    assert circusd.stop() == 0


def subprocess_status(circusd: Daemon) -> str:
    """What a client is told that comes in the middle of all this."""
    return subprocess.run(
        [OURS / "circusctl", "--timeout", "30", "--endpoint", circusd.endpoint, "status"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    ).stdout


@needs_program("prlimit", debian="util-linux")
@pytest.mark.parametrize("limit", [128, 400])
def test_workers_without_number_lock_nobody_out(
    limit: int, daemon: Callable[..., Daemon], script: Callable[[str, str], Path]
) -> None:
    """More are wanted than there are descriptors for: who comes to say so is let in, also beside one who stays."""
    circusd = daemon(
        "[watcher:w]\ncmd = sleep 1000\nnumprocesses = 400\nbackoff_max = 0.2\nstdout_stream.class = FileStream\n"
        "stdout_stream.filename = {dir}/out\n",
        start=False,
    )
    program = circusd.program
    circusd.program = script("few", f'#!/bin/sh\nexec prlimit --nofile={limit}:{limit} {program} "$@"\n')
    circusd.start()
    status = circusd.until(lambda reply: reply["status"] == "backoff", "status", name="w")
    assert "are kept for clients" in status["backoff"]["reason"]
    for _ in range(3):
        with Crowd(circusd.endpoint) as another:
            (reply,) = another.collect([another.ask("list", name="w")])
            assert 10 < len(reply["pids"]) < 400
    with Crowd(circusd.endpoint) as another:
        few = {"numprocesses": 2}
        (reply,) = another.collect([another.ask("set", name="w", options=few, waiting=True)])
        assert reply["status"] == "ok"
    circusd.until(lambda reply: reply["status"] == "active", "status", name="w")
    assert circusd.stop() == 0
