"""Promise 3: a crash loop backs off, says so, ends where a limit is set, and disturbs nobody else."""

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from daemons import Daemon, DaemonError, Event, Gate

pytestmark = pytest.mark.real

CRASH = """#!/bin/sh
echo these are
echo my last words
exit 7
"""
FAST = {"backoff_initial": 0.02, "backoff_max": 0.2}


def of(event: Event, *names: str) -> bool:
    return event.name in names


@pytest.mark.slow
def test_every_step_is_said(
    shared: Daemon, add: Callable[..., None], script: Callable[[str, str], Path], folder: Path
) -> None:
    add("good", "sleep 1000")
    stream = {"stdout_stream": {"class": "FileStream", "filename": str(folder / "log")}}
    with shared.events("watcher.bad.") as events:
        add("bad", script("bad", CRASH), start=False, max_restarts=4, **FAST, **stream)
        shared.call("start", name="bad")
        failed = events.wait_for(lambda event: of(event, "failed"))
    waits = [event.data for event in events.seen if of(event, "backoff")]
    assert [wait["attempt"] for wait in waits] == [2, 3, 4]
    assert [wait["reason"] for wait in waits] == ["exited with code 7"] * 3 or "7" in waits[0]["reason"]
    assert [event.data["why"] for event in events.seen if of(event, "spawn")][1:] == ["crash"] * 4
    reaps = [event.data for event in events.seen if of(event, "reap")]
    assert [(reap["why"], reap["exit_code"]) for reap in reaps] == [("crash", 7)] * 5
    assert failed.data["last_lines"] == ["these are", "my last words"]
    assert "7" in failed.data["reason"]
    assert failed.data["retry_at"] is None
    status = shared.call("status")
    assert status["statuses"]["bad"] == "failed"
    assert status["statuses"]["good"] == "active"
    details = status["details"]["bad"]
    assert "7" in details["failure"]
    assert details["last_exit"]["exit_code"] == 7
    assert details["last_exit"]["why"] == "crash"


@pytest.mark.slow
def test_backoff_is_seen_in_status_with_the_try_the_wait_and_the_last_exit(
    shared: Daemon, add: Callable[..., None], script: Callable[[str, str], Path]
) -> None:
    with shared.events("watcher.bad.backoff") as events:
        add("bad", script("bad", CRASH), start=False, backoff_initial=100, backoff_max=1000)
        shared.call("start", name="bad")
        events.wait_for(lambda event: event.data["attempt"] == 2)
    status = shared.call("status", name="bad")
    assert status["status"] == "backoff"
    assert status["backoff"]["attempt"] == 2
    assert 75 <= status["backoff"]["wait"] <= 125
    assert 0 < status["backoff"]["left"] <= status["backoff"]["wait"]
    assert "7" in status["backoff"]["reason"]
    assert status["last_exit"]["exit_code"] == 7
    assert shared.call("stop", name="bad", waiting=True)["status"] == "ok"
    assert shared.call("status", name="bad")["status"] == "stopped"


@pytest.mark.slow
def test_an_operator_start_forgives(
    shared: Daemon, add: Callable[..., None], script: Callable[[str, str], Path], folder: Path
) -> None:
    (folder / "broken").touch()
    text = "#!/bin/sh\ntest -e {dir}/broken && exit 1\nexec sleep 1000\n"
    add("bad", script("bad", text), start=False, max_restarts=2, **FAST)
    shared.call("start", name="bad")
    shared.until(lambda reply: reply["status"] == "failed", "status", name="bad")
    (folder / "broken").unlink()
    assert shared.call("start", name="bad", waiting=True)["status"] == "ok"
    reply = shared.call("status", name="bad")
    assert (reply["status"], "failure" in reply) == ("active", False)


@pytest.mark.slow
def test_retry_after_tries_again_and_says_when(
    shared: Daemon, add: Callable[..., None], script: Callable[[str, str], Path]
) -> None:
    with shared.events("watcher.bad.") as events:
        add("bad", script("bad", CRASH), start=False, max_restarts=1, retry_after=0.3, **FAST)
        shared.call("start", name="bad")
        failed = events.wait_for(lambda event: of(event, "failed"))
        assert failed.data["retry_at"] > failed.data["time"]
        retried = events.wait_for(lambda event: of(event, "spawn") and event.data["why"] == "retry")
        assert retried.data["time"] >= failed.data["retry_at"] - 0.05
        events.wait_for(lambda event: of(event, "failed"))


@pytest.mark.slow
def test_a_command_that_is_not_there(shared: Daemon, add: Callable[..., None]) -> None:
    add("good", "sleep 1000")
    with shared.events("watcher.bad.") as events:
        add("bad", "/nonexistent/program --flag", start=False, max_retry=3, **FAST)
        reply = shared.call("start", name="bad", waiting=True)
        assert reply["status"] == "error"
        assert "/nonexistent/program" in reply["reason"]
        failed = events.wait_for(lambda event: of(event, "failed"))
    assert "/nonexistent/program" in failed.data["reason"]
    assert shared.call("status", name="bad")["status"] == "failed"
    add("endless", "/nonexistent/program", start=False, max_retry=-1, **FAST)
    shared.call("start", name="endless")
    shared.until(lambda one: one.get("backoff", {}).get("attempt", 0) > 5, "status", name="endless")
    assert shared.call("status", name="good")["status"] == "active"


SHUTDOWN = """
[watcher:vital]
cmd = {cmd}
on_failure = shutdown
max_restarts = 2
backoff_initial = 0.02
graceful_timeout = 0.2
copy_env = True
[watcher:other]
cmd = sleep 1000
copy_env = True
"""


@pytest.mark.parametrize("cmd", ["sh -c 'echo oh; exit 9'", "/nonexistent/program"])
@pytest.mark.slow
def test_on_failure_shutdown_ends_circusd_with_the_reason(daemon: Callable[..., Daemon], cmd: str) -> None:
    circusd = daemon(SHUTDOWN.replace("{cmd}", cmd), start=False)
    circusd_started(circusd)
    assert circusd.wait() == 3
    assert "circusd ends: watcher vital failed" in circusd.output()
    assert ("9" if "9" in cmd else "/nonexistent/program") in circusd.output()


def circusd_started(circusd: Daemon) -> None:
    """It may be over before it is asked for the first time."""
    with suppress(DaemonError):
        circusd.start()


@pytest.mark.parametrize("way", ["stop", "restart", "kill", "rm", "quit", "reload", "signal"])
@pytest.mark.slow
def test_an_operator_never_makes_it_fail(
    daemon: Callable[..., Daemon], gate: Callable[[str], Gate], script: Callable[[str, str], Path], way: str
) -> None:
    """Each ends the worker with a code that would be a crash; again and again."""
    up = gate("up")
    text = "#!/bin/sh\ntrap 'exit 9' TERM\necho $$ > {dir}/up\nwhile :; do sleep 1000 & wait; done\n"
    circusd = daemon(SHUTDOWN.replace("{cmd}", str(script("vital", text))))
    up.line()
    if way == "quit":
        circusd.call("quit", waiting=True)
        assert circusd.wait() == 0
        return
    for _ in range(1 if way == "rm" else 4):
        more = {"signum": "usr2"} if way == "signal" else {}
        if way == "signal":
            assert circusd.call("status", name="vital")["status"] == "active"
            break
        assert circusd.call(way, name="vital", waiting=True, **more)["status"] == "ok"
        if way == "stop":
            assert circusd.call("start", name="vital", waiting=True)["status"] == "ok"
        if way != "rm":
            up.line()
    assert circusd.call("status", name="other")["status"] == "active"
    assert circusd.stop(signum=signal.SIGTERM) == 0
