"""circusctl in this process, against a stand-in for circusd that knows the newer commands, too."""

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import FakeDaemon, Outcome

Ctl = Callable[..., "Outcome"]

EXIT = {
    "time": 1.0,
    "pid": 5,
    "wid": 1,
    "why": "crash",
    "exit": "signal SIGSEGV",
    "exit_code": -11,
    "lifetime": 75.0,
}
WORKER = {"wid": 1, "pid": 7, "state": "up", "age": 3.0, "restarts": 2, "last_exit": EXIT}
DESCRIBE = {
    "status": "ok",
    "name": "web",
    "state": "backoff",
    "wanted": 2,
    "running": 1,
    "workers": [WORKER, {"wid": 2, "pid": None, "state": "backoff", "age": None, "restarts": 9}],
    "exits": [EXIT],
}


def line(n: int, stream: str = "stdout", wid: int = 1) -> dict[str, Any]:
    return {"time": float(n), "wid": wid, "pid": 7, "stream": stream, "data": f"line {n}\n"}


@pytest.mark.parametrize(
    ("words", "properties"),
    [
        ("add web sleep 10", {"name": "web", "cmd": "sleep 10", "start": False}),
        (
            "add --start web python -m http.server",
            {"name": "web", "cmd": "python -m http.server", "start": True},
        ),
        ("add web sleep 10 --start", {"name": "web", "cmd": "sleep 10", "start": True}),
        ("rm web", {"name": "web"}),
        ("rm web --waiting --nostop", {"name": "web", "waiting": True, "nostop": True}),
        ("start", {"match": "glob", "waiting": False}),
        ("stop w* --match regex --waiting", {"name": "w*", "match": "regex", "waiting": True}),
        ("reload web --terminate", {"name": "web", "graceful": False, "waiting": False, "sequential": False}),
        ("reloadconfig", {"waiting": False}),
        ("quit --waiting", {"waiting": True}),
        ("incr web 3", {"name": "web", "nb": 3, "waiting": False}),
        ("set web max_retry -1", {"name": "web", "options": {"max_retry": -1}}),
        ("signal web -9", {"name": "web", "signum": 9, "children": False, "recursive": False}),
        (
            "signal web 12 hup --children",
            {"name": "web", "pid": 12, "signum": 1, "children": True, "recursive": False},
        ),
        (
            "kill web 12 --signum INT --graceful_timeout 2.5 --waiting",
            {"name": "web", "pid": 12, "signum": 2, "graceful_timeout": 2.5, "waiting": True},
        ),
        ("reopenlogs web", {"name": "web"}),
    ],
)
def test_a_command_line_is_one_request(
    circusctl: Ctl, daemon: "FakeDaemon", words: str, properties: dict[str, Any]
):
    command = words.split(maxsplit=1)[0]
    daemon.answers[command] = {"status": "ok"}
    outcome = circusctl(*words.split())
    assert (outcome.code, outcome.out, outcome.err) == (0, "ok\n", "")
    assert daemon.requests[0]["properties"] == properties


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("add web", 1, "Invalid number of arguments"),
        ("rm", 1, "Invalid number of arguments"),
        ("start a b", 1, "Invalid number of arguments"),
        ("stop a b", 1, "Invalid number of arguments"),
        ("quit web", 1, "Invalid number of arguments"),
        ("reload a b", 1, "invalid number of arguments"),
        ("status a b", 1, "message invalid"),
        ("dstats x", 1, "Invalid message"),
        ("options", 1, "number of arguments invalid"),
        ("set web numprocesses 1 x", 1, "List of key/values is invalid"),
        ("incr web many", 1, "'many' is not a number; write digits"),
        ("scale web", 1, "'web' is not NAME=N"),
        ("logs web --grep (", 1, "is not a regular expression"),
        ("statsu", 2, "error: no such command 'statsu'"),
        ("status --bogus", 2, "error: No such option: --bogus"),
        ("--timeout soon status", 2, "error: Invalid value for '--timeout'"),
        ("stop web --match fuzzy", 2, "error: Invalid value for '--match'"),
        ("signal web SIGXX", 3, "error: 'SIGXX' is not a signal"),
        ("ipython", 3, "error: there is no ipython shell"),
    ],
)
def test_wrong_arguments_say_so_and_ask_nothing(
    circusctl: Ctl, daemon: "FakeDaemon", words: str, code: int, said: str
):
    daemon.answers["list"] = {"status": "ok", "watchers": []}
    outcome = circusctl(*words.split())
    assert outcome.code == code
    assert said in outcome.err
    assert outcome.out == ""
    assert daemon.requests == []


def test_an_error_is_one_line_and_a_code(circusctl: Ctl, daemon: "FakeDaemon"):
    refusal = {"status": "error", "reason": "program x not found", "tb": None, "errno": 3}
    daemon.answers["status"] = refusal
    assert circusctl("status", "x").err == "error: program x not found\n"
    outcome = circusctl("status", "x", "--json")
    assert outcome.code == 3
    assert json.loads(outcome.out)["reason"] == "program x not found"


def test_output_has_four_forms(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["status"] = {"status": "ok", "statuses": {"web": "active", "beat": "stopped"}}
    daemon.answers["describe"] = DESCRIBE
    assert circusctl("status").out == "beat: stopped\nweb: active\n"
    assert circusctl("status", "-o", "name").out == "beat\nweb\n"
    assert "STATUS" in circusctl("-o", "table", "status").out
    wide = circusctl("status", "-o", "wide").out
    assert "1/2" in wide
    assert "SIGSEGV (crash) after 1m15s" in wide
    assert json.loads(circusctl("status", "--prettify", "--json").out)["statuses"]["web"] == "active"


@pytest.mark.parametrize(("state", "code"), [("active", 0), ("stopped", 3), ("backoff", 3)])
def test_is_active(circusctl: Ctl, daemon: "FakeDaemon", state: str, code: int):
    daemon.answers["status"] = {"status": state}
    outcome = circusctl("is-active", "web")
    assert (outcome.code, outcome.out) == (code, f"{state}\n")


def test_is_active_of_nothing_is_four(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["status"] = {"status": "error", "reason": "program web not found"}
    assert circusctl("is-active", "web").code == 4


def test_not_running_is_one_and_a_line(circusctl: Ctl, tmp_path):
    outcome = circusctl("--endpoint", f"ipc://{tmp_path}/none", "status")
    assert outcome.code == 1
    assert outcome.err == f"error: circusd is not running: nobody listens at ipc://{tmp_path}/none\n"


def test_a_time_out_begins_with_the_known_words(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["status"] = None
    outcome = circusctl("status", "--timeout", "0.05")
    assert outcome.code == 1
    assert outcome.err.startswith("Timed out.\n")
    assert "--endpoint" in outcome.err


def test_describe_env_version_audit(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["describe"] = DESCRIBE
    daemon.answers["get"] = {"status": "ok", "options": {"env": {"B": "2", "A": "1"}}}
    daemon.answers["version"] = {"status": "ok", "version": "1.0.0", "pid": 3, "uptime": 90.0}
    daemon.answers["audit"] = {
        "status": "ok",
        "entries": [{"time": 1.0, "who": "root", "command": "stop web"}],
    }
    text = circusctl("describe", "web").out
    assert "state: backoff" in text
    assert "worker 1: up pid=7 age=3s restarts=2 last exit: signal SIGSEGV (crash) after 1m15s" in text
    assert "LAST EXIT" in circusctl("describe", "web", "-o", "table").out
    assert circusctl("env", "web").out == "A=1\nB=2\n"
    assert "uptime: 90.0" in circusctl("version").out
    assert "1m30s" in circusctl("version", "-o", "table").out
    assert "who=root command=stop web" in circusctl("audit", "-n", "1").out
    assert "stop web" in circusctl("audit", "-o", "table").out


def test_an_older_daemon_is_told_apart(circusctl: Ctl):
    outcome = circusctl("describe", "web")
    assert (outcome.code, outcome.err) == (3, "error: unknown command: 'describe'\n")


def test_scale_sets_each(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["set"] = {"status": "ok"}
    assert circusctl("scale", "web=3", "beat=0").out == "ok\nok\n"
    assert [r["properties"]["options"]["numprocesses"] for r in daemon.requests] == [3, 0]


def test_diff_never_reloads_a_daemon_that_knows_no_dry_run(circusctl: Ctl, daemon: "FakeDaemon"):
    plan = {"steps": [{"name": "web"}], "needs_restart": [], "text": "restart web: cmd"}
    daemon.answers["reloadconfig"] = {"status": "ok", "plan": plan}
    assert circusctl("diff").code == 3
    assert [request["command"] for request in daemon.requests] == ["version"]
    daemon.answers["version"] = {"status": "ok"}
    outcome = circusctl("diff")
    assert (outcome.code, outcome.out) == (1, "restart web: cmd\n")
    daemon.answers["reloadconfig"] = {"status": "ok", "plan": {"steps": [], "text": "nothing to do"}}
    assert circusctl("reloadconfig", "--dry-run").out == "nothing would change\n"
    assert daemon.requests[-1]["properties"]["dry_run"] is True


def test_logs_shows_the_last_lines_in_order(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["logs"] = lambda r: {
        "status": "ok",
        "lines": [line(1), line(3, "stderr")] if r["properties"]["name"] == "web" else [line(2, wid=4)],
    }
    outcome = circusctl("logs", "web", "beat", "-n", "5")
    assert outcome.out == "web.1 | line 1\nbeat.4 | line 2\nweb.1 | line 3\n"
    assert circusctl("logs", "web", "--stderr").out == "web.1 | line 3\n"
    assert daemon.requests[-1]["properties"] == {"name": "web", "lines": 50, "stream": "stderr"}
    assert circusctl("logs", "web", "--grep", "[12]").out == "web.1 | line 1\n"
    assert json.loads(circusctl("logs", "beat", "--json").out)["wid"] == 4


def test_logs_follow_loses_nothing_and_shows_nothing_twice(circusctl: Ctl, daemon: "FakeDaemon"):
    def publish() -> None:
        assert daemon.subscriptions.get(timeout=30) == b"\x01log.my_web."
        while daemon.arrived.get(timeout=30)["command"] != "logs":
            pass
        daemon.publish("log.my_web.1.stdout", line(2))  # was in the past, too
        daemon.publish("log.my_web.more.1.stdout", line(9))  # another watcher
        daemon.publish("log.my_web.1.stdout", b"noise")
        daemon.publish("log.my_web.2.stderr", line(3, "stderr", 2))
        daemon.publish("log.my_web.1.stdout", {**line(4), "data": "END"})

    daemon.answers["logs"] = {"status": "ok", "lines": [line(1), line(2)]}
    thread = threading.Thread(target=publish)
    thread.start()
    # A follower ends when its reader has gone; here the reader is a file that breaks at a word.
    outcome = _until("END", circusctl, "logs", "-f", "my web")
    thread.join()
    assert outcome == "my web.1 | line 1\nmy web.1 | line 2\nmy web.2 | line 3\n"


def _until(word: str, circusctl: Ctl, *words: str) -> str:
    from circus.ctl.session import Session

    written: list[str] = []
    original = Session.write

    def write(self: Session, text: str) -> None:
        if word in text:
            raise KeyboardInterrupt
        written.append(text)

    Session.write = write  # type: ignore[method-assign]
    try:
        circusctl(*words)
    finally:
        Session.write = original  # type: ignore[method-assign]
    return "".join(written)


def test_events_are_lines(circusctl: Ctl, daemon: "FakeDaemon"):
    def publish() -> None:
        for _ in range(2):
            daemon.subscriptions.get(timeout=30)
        daemon.publish("watcher.web.spawn", {"process_pid": 7, "time": 1.0, "wid": 1, "why": "crash"})

    thread = threading.Thread(target=publish)
    thread.start()
    outcome = circusctl("events", "-n", "1")
    thread.join()
    assert outcome.out.endswith("web spawn pid=7 wid=1 why=crash\n")


def test_listen_prints_topics_and_json_without_byte_prefixes(circusctl: Ctl, daemon: "FakeDaemon"):
    def publish() -> None:
        daemon.subscriptions.get(timeout=30)
        daemon.publish("watcher.web.spawn", {"a": 1})
        daemon.publish("watcher.web.end", {"END": 1})

    thread = threading.Thread(target=publish)
    thread.start()
    out = _until("END", circusctl, "listen", "watcher.web")
    thread.join()
    assert out == 'watcher.web.spawn: {"a": 1}\n'


def test_wait_is_woken_by_an_event(circusctl: Ctl, daemon: "FakeDaemon"):
    states = iter(["starting", "active"])
    daemon.answers["status"] = lambda _: {"status": next(states)}

    def publish() -> None:
        daemon.subscriptions.get(timeout=30)
        while daemon.arrived.get(timeout=30)["command"] != "status":
            pass
        daemon.publish("watcher.web.start", {"time": 1.0})

    thread = threading.Thread(target=publish)
    thread.start()
    outcome = circusctl("wait", "web", "--timeout", "10")
    thread.join()
    assert (outcome.code, outcome.out) == (0, "active\n")


def test_wait_gives_up_in_time_or_when_it_is_hopeless(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["status"] = {"status": "stopped"}
    outcome = circusctl("wait", "web", "--timeout", "0")
    assert (outcome.code, outcome.err) == (1, "error: web is stopped, not active, after 0 s\n")
    assert circusctl("wait", "web", "--for=stopped").code == 0
    daemon.answers["status"] = {"status": "failed"}
    assert circusctl("wait", "web").err == "error: web has failed\n"
    daemon.answers["status"] = {"status": "error", "reason": "program web not found"}
    assert circusctl("wait", "web", "--for", "deleted").out == "deleted\n"
    assert circusctl("wait", "web").code == 3


def test_help_tells_of_every_command(circusctl: Ctl):
    from circus.ctl.table import COMMANDS

    text = circusctl("--help").out
    for name, entry in COMMANDS.items():
        assert (f" {name} " in text) is not entry.hidden
        assert entry.function
    outcome = circusctl("--help", "stop")
    assert outcome.code == 0
    assert "SIGKILL when their grace is over" in outcome.out
    assert circusctl("stop", "--help").out == outcome.out


def test_each_command_of_the_protocol_is_one_of_ours():
    from circus.ctl.table import COMMANDS
    from circus.protocol import REQUESTS

    assert set(REQUESTS) <= set(COMMANDS)


def test_what_the_table_says_of_options_is_so():
    from typer.main import get_command

    from circus.ctl.app import application
    from circus.ctl.table import COMMANDS

    group = get_command(application(COMMANDS, rich_help=False))
    for name, entry in COMMANDS.items():
        own = {option for param in group.commands[name].params for option in param.opts}  # type: ignore[attr-defined]
        globals_ = {option for param in group.params for option in param.opts}
        assert own & globals_ == entry.own_options


def test_version_schema_and_check(circusctl: Ctl):
    from importlib.metadata import version

    assert circusctl("--version").out == f"circusctl {version('circus-ctl')}\n"
    assert "$defs" in json.loads(circusctl("schema").out)


def test_schema_of_the_daemon(circusctl: Ctl, daemon: "FakeDaemon"):
    daemon.answers["schema"] = {"status": "ok", "schema": {}}
    assert json.loads(circusctl("schema", "--daemon").out)["schema"] == {}
