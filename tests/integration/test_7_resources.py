"""Promise 7: out of descriptors, processes or readers, or with a clock that jumps, circusd goes on and recovers by itself."""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from crowd import resident_kib
from daemons import Daemon, Gate
from requires import needs_program, needs_root

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(60)]


def test_no_more_descriptors(shared: Daemon, add: Callable[..., None], folder: Path) -> None:
    add("steady", "sleep 1000")
    (steady,) = shared.call("list", name="steady")["pids"]
    soft, hard = resource.prlimit(shared.pid, resource.RLIMIT_NOFILE)
    taken = len(os.listdir(f"/proc/{shared.pid}/fd"))
    try:
        with shared.events("watcher.hungry.backoff") as events:
            resource.prlimit(shared.pid, resource.RLIMIT_NOFILE, (taken + 6, hard))
            add(
                "hungry",
                "sleep 1000",
                numprocesses=20,
                start=False,
                max_retry=1,
                backoff_initial=0.05,
                backoff_max=0.2,
                stdout_stream={"class": "FileStream", "filename": str(folder / "log")},
            )
            shared.call("start", name="hungry")
            told = events.wait_for(lambda event: True)
        assert "too many open files" in told.data["reason"].lower()
        os.kill(steady, signal.SIGKILL)
        assert shared.call("status")["statuses"]["hungry"] in {"backoff", "starting"}
    finally:
        resource.prlimit(shared.pid, resource.RLIMIT_NOFILE, (soft, hard))
    shared.until(lambda reply: len(reply["pids"]) == 20, "list", name="hungry")
    shared.until(lambda reply: reply["pids"] and steady not in reply["pids"], "list", name="steady")
    shared.until(lambda reply: reply["status"] == "active", "status", name="hungry")
    assert shared.call("stop", name="hungry", waiting=True)["status"] == "ok"


NOBODY = ["setpriv", "--reuid", "65534", "--clear-groups"]


@needs_root()
@needs_program("setpriv", debian="util-linux")
def test_no_more_processes(
    folder: Path, daemon: Callable[..., Daemon], script: Callable[[str, str], Path]
) -> None:
    """Root is exempt from the limit, so circusd runs as another user here, who may read what root may."""
    circusd = daemon(
        "[watcher:a]\ncmd = sleep 1000\nmax_retry = 1\nbackoff_max = 0.2\ncopy_env = True\n"
        "[watcher:b]\ncmd = sleep 1000\ncopy_env = True\n",
        start=False,
    )
    circusd.program = script(
        "as-nobody",
        f"#!/bin/sh\nexec prlimit --nproc=40: {' '.join(NOBODY)} --inh-caps=+dac_override"
        f' --ambient-caps=+dac_override {circusd.program} "$@"\n',
    )
    shutil.chown(folder, 65534)
    circusd.start()
    circusd.settle()
    with circusd.events("watcher.a.") as events:
        circusd.call("incr", name="a", nb=59)
        told = events.wait_for(lambda event: event.name == "backoff")
    assert "temporarily unavailable" in told.data["reason"]
    assert circusd.call("status")["statuses"]["b"] == "active"
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limit = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    subprocess.run([*NOBODY, "prlimit", "--pid", str(circusd.pid), f"--nproc={limit}:{limit}"], check=True)
    circusd.until(lambda reply: len(reply["pids"]) == 60, "list", name="a")
    circusd.until(lambda reply: reply["status"] == "active", "status", name="a")
    assert circusd.stop() == 0


def test_subscribers_that_do_not_read_cost_bounded_memory(shared: Daemon, add: Callable[..., None]) -> None:
    """They lose events, and see by the numbers that they did; one that reads gets every event."""
    add("busy", "sleep 1000", start=False)
    with zmq.Context() as context, context.socket(zmq.SUB) as deaf, context.socket(zmq.SUB) as dead:
        for subscriber in (deaf, dead):
            subscriber.linger = 0
            subscriber.rcvhwm = 1
            subscriber.setsockopt(zmq.SUBSCRIBE, b"")
            subscriber.connect(shared.pubsub_endpoint)
        with shared.events("watcher.busy.updated") as events:
            before = resident_kib(shared.pid)
            for number in range(8000):
                shared.call("set", name="busy", options={"max_age": number + 1}, waiting=True)
            after = resident_kib(shared.pid)
            seen = events.drain()
            while len(seen) < 8000:
                events.wait_for(lambda event: True)
        numbers = [event.data["seq"] for event in seen]
        assert numbers == list(range(numbers[0], numbers[0] + 8000))
        dead.close(0)
        assert after - before < 32_000, f"{before} KiB grew to {after} KiB"
    assert shared.call("numwatchers")["status"] == "ok"


def libfaketime() -> Path | None:
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@needs_program("faketime")
def test_the_clock_jumps_by_a_day(
    daemon: Callable[..., Daemon],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
) -> None:
    """Back-off, grace and recovery go by the monotonic clock: a day forward makes nothing hurry, a day back makes nothing wait."""
    library = libfaketime()
    if library is None:
        pytest.skip("libfaketime is not where Debian puts it: apt-get install faketime")
    clock = folder / "clock"
    clock.write_text("+0")
    up = gate("up")
    script("deaf", '#!/bin/sh\ntrap "" TERM\necho $$ > {dir}/up\nexec sleep 1000\n')
    env = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    circusd = daemon(
        "[watcher:w]\ncmd = sleep 1000\n[watcher:old]\ncmd = sleep 1000\nmax_age = 3600\nmax_age_variance = 0\n"
        "[watcher:loop]\ncmd = sh -c 'exit 3'\nbackoff_initial = 500\nbackoff_max = 1000\n"
        "[watcher:deaf]\ncmd = {dir}/deaf\ngraceful_timeout = 1000\n",
        env=env,
    )
    circusd.until(lambda reply: reply["status"] == "backoff", "status", name="loop")
    deaf = int(up.line())
    (aged,) = circusd.call("list", name="old")["pids"]
    circusd.call("stop", name="deaf")
    times = [circusd.call("numwatchers")["time"]]
    for jump in ("+1d", "-1d", "+0"):
        clock.write_text(jump)
        (pid,) = circusd.call("list", name="w")["pids"]
        with circusd.events("watcher.w.spawn") as events:
            os.kill(pid, signal.SIGKILL)
            assert events.wait_for(lambda event: True).data["process_pid"] != pid
        times.append(circusd.call("numwatchers")["time"])
        status = circusd.call("status", name="loop")
        assert 300 < status["backoff"]["left"] <= 625
        assert circusd.call("status", name="deaf")["status"] == "stopping"
        assert circusd.call("list", name="old")["pids"] == [aged]
    assert times[1] - times[0] > 80_000, "the clock did jump"
    assert times[2] - times[1] < -80_000
    os.kill(deaf, signal.SIGKILL)
    assert circusd.stop() == 0
