"""Promise 9: exit codes mean something, every failure is named with its stage and subject, "not running" is told at once."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemons import Daemon, run

pytestmark = [pytest.mark.real, pytest.mark.slow]


FAILURES: list[tuple[str, str, list[str]]] = [
    ("unknown value", "[watcher:web]\ncmd = x\nnumprocesses = many\n", ["web", "numprocesses", "many"]),
    (
        "misspelt section option",
        "[circus]\ncheck_delai = 5\n[watcher:a]\ncmd = sleep 1\n",
        ["check_delai", "check_delay"],
    ),
    ("bad endpoint", "[circus]\nendpoint = nonsense\n[watcher:a]\ncmd = sleep 1\n", ["nonsense"]),
    (
        "taken endpoint",
        "[circus]\nendpoint = tcp://127.0.0.1:{port}\n[watcher:a]\ncmd = sleep 1\n",
        ["{port}", "in use"],
    ),
    (
        "taken socket",
        "[watcher:a]\ncmd = sleep 1\n[socket:web]\nhost = 127.0.0.1\nport = {port}\n",
        ["web", "{port}", "in use"],
    ),
    (
        "log in no folder",
        "[circus]\nlogoutput = /proc/nonexistent/folder/log\n[watcher:a]\ncmd = sleep 1\n",
        ["/proc/nonexistent/folder"],
    ),
    (
        "pid file in no folder",
        "[circus]\npidfile = /proc/nonexistent/folder/pid\n[watcher:a]\ncmd = sleep 1\n",
        ["/proc/nonexistent/folder"],
    ),
    (
        "no virtualenv",
        "[watcher:a]\ncmd = x\ncopy_env = True\nvirtualenv = /proc/nonexistent/env\n",
        ["/proc/nonexistent/env"],
    ),
]


@pytest.mark.parametrize(
    ("config", "words"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
@pytest.mark.parametrize("how", [[], ["--daemon"]], ids=["foreground", "daemon"])
def test_what_cannot_start_says_why_and_exits_1(
    folder: Path, config: str, words: list[str], how: list[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        if "[circus]" not in config:
            config = "[circus]\n" + config
        if "endpoint" not in config:
            config = config.replace(
                "[circus]\n", f"[circus]\nendpoint = ipc://{folder}/c\npubsub_endpoint = ipc://{folder}/p\n"
            )
        (folder / "c.ini").write_text(config.replace("{port}", port))
        done = run("circusd", *how, folder / "c.ini")
    text = done.stderr + done.stdout
    assert done.returncode == 1, text
    for word in words:
        assert word.replace("{port}", port) in text, text
    assert "Traceback" not in text


def test_no_configuration_and_wrong_usage(folder: Path) -> None:
    missing = run("circusd", folder / "missing.ini")
    assert missing.returncode == 1
    assert "missing.ini" in missing.stderr
    assert run("circusd", "--daemon", folder / "missing.ini").returncode == 1
    assert run("circusd", "--nonsense").returncode == 2
    assert run("circusd").returncode == 2


def test_errors_of_circusctl_exit_non_zero_also_as_json(shared: Daemon) -> None:
    for words in (
        ["status", "nobody"],
        ["incr", "nobody"],
        ["add", "a", ""],
        ["set", "nobody", "max_age", "1"],
        ["get", "nobody", "cmd"],
    ):
        for how in ([], ["--json"]):
            done = run("circusctl", "--endpoint", shared.endpoint, *how, *words)
            assert done.returncode not in {0, None}, (words, how, done.stdout)
            assert "Traceback" not in done.stderr
            if how and done.stdout.strip():
                assert json.loads(done.stdout)["status"] == "error"


def test_not_running_is_told_at_once(folder: Path) -> None:
    """Long before the time-out: with one of 1000 s the command still comes back."""
    for endpoint in (f"ipc://{folder}/nobody", "tcp://127.0.0.1:1"):
        for how in ([], ["--json"]):
            done = run("circusctl", "--endpoint", endpoint, "--timeout", "1000", *how, "status")
            assert done.returncode == 1, (done.stdout, done.stderr)
            assert "not running" in done.stdout + done.stderr or "nobody" in done.stdout + done.stderr


STAGES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no program", {"cmd": "/proc/nonexistent/x"}, ["/proc/nonexistent/x", "no such file"]),
    (
        "no folder",
        {"cmd": "sleep 1", "working_dir": "/proc/nonexistent/folder"},
        ["/proc/nonexistent/folder"],
    ),
    ("no user", {"cmd": "sleep 1", "uid": "nosuchuser"}, ["nosuchuser", "no such user"]),
    ("no group", {"cmd": "sleep 1", "gid": "nosuchgroup"}, ["nosuchgroup", "no such group"]),
    ("not executable", {"cmd": "/etc/passwd"}, ["/etc/passwd", "permission denied"]),
    ("no socket", {"cmd": "sleep $(circus.sockets.nosuch)"}, ["nosuch"]),
    (
        "no log folder",
        {
            "cmd": "sleep 1",
            "stdout_stream.class": "FileStream",
            "stdout_stream.filename": "/proc/nonexistent/l",
        },
        ["/proc/nonexistent/l"],
    ),
    ("no stream class", {"cmd": "sleep 1", "stdout_stream.class": "no.such.Class"}, ["no.such.Class"]),
    ("no hook", {"cmd": "sleep 1", "hooks.before_start": "no.such.hook"}, ["before_start"]),
]


@pytest.mark.parametrize(
    ("options", "words"), [case[1:] for case in STAGES], ids=[case[0] for case in STAGES]
)
def test_every_failed_start_is_named_in_the_reply_and_the_log(
    shared: Daemon, options: dict[str, Any], words: list[str]
) -> None:
    more = {key: value for key, value in options.items() if key != "cmd"}
    reply = shared.call(
        "add", name="bad", cmd=options["cmd"], start=True, waiting=True, options={**more, "max_retry": 1}
    )
    assert reply["status"] == "error", reply
    assert "Traceback" not in reply["reason"]
    missing = [word for word in words if word.lower() not in reply["reason"].lower()]
    assert missing == [], reply["reason"]
    if "bad" in shared.call("list")["watchers"]:
        assert words[0].lower() in shared.output().lower()
        assert shared.call("rm", name="bad", waiting=True)["status"] == "ok"


def test_the_reason_of_every_restart(shared: Daemon, add: Callable[..., None]) -> None:
    add("w", "sleep 1000")
    with shared.events("watcher.w.") as events:
        steps: list[tuple[str, Callable[[], object], str]] = [
            ("crash", lambda: os.kill(shared.call("list", name="w")["pids"][0], 9), "crash"),
            ("command", lambda: shared.call("kill", name="w", waiting=True), "command"),
            ("reload", lambda: shared.call("reload", name="w", waiting=True), "reload"),
            ("scale", lambda: shared.call("incr", name="w", waiting=True), "scale"),
            (
                "max_age",
                lambda: shared.call("set", name="w", options={"max_age": 1, "max_age_variance": 0}),
                "max_age",
            ),
        ]
        for name, act, why in steps:
            act()
            spawned = events.wait_for(lambda event: event.name == "spawn")
            assert spawned.data["why"] == why, (name, spawned)
    describe = shared.call("describe", name="w")
    assert {"crash", "command", "reload"} <= set(describe["exit_counts"])
    assert all({"why", "exit", "time", "pid", "lifetime"} <= set(one) for one in describe["exits"])


def test_a_check_and_the_start_agree_on_what_other_machines_could_reach(folder: Path) -> None:
    config = folder / "wide.ini"
    config.write_text("[circus]\nendpoint = tcp://0.0.0.0:5555\n[watcher:a]\ncmd = sleep 1\n")
    checked, started = run("circusd", "--check", config), run("circusd", config)
    assert (checked.returncode, started.returncode) == (1, 1)
    cause = "other machines could connect, and nothing would tell them from you."
    assert f"{config}:2: error: [circus] endpoint: {cause}" in checked.stdout
    assert cause in started.stderr
