import signal

import pytest

from circus.ctl.convert import check_signal, option_pairs, seconds_ago
from circus.ctl.describe import age
from circus.ctl.discover import control_endpoint
from circus.ctl.feed import event_line
from circus.ctl.plain import reason
from circus.exc import ArgumentError


@pytest.mark.parametrize("text", ["9", "-9", "KILL", "kill", "SIGKILL", "sigkill"])
def test_a_signal_has_many_names(text: str):
    assert check_signal(text) == 9


def test_real_time_signals_count_up():
    assert check_signal("SIGRTMIN+1") == signal.SIGRTMIN + 1


@pytest.mark.parametrize("text", ["SIGXX", "", "0", "9999", "TERM KILL"])
def test_what_is_no_signal_is_told(text: str):
    with pytest.raises(ArgumentError, match="is not a signal"):
        check_signal(text)


def test_options_are_typed_as_the_daemon_wants_them():
    words = "NumProcesses 3 send_hup yes env A=1,B=x=y stop_signal TERM rlimit_nofile 10 stdout_stream.max_bytes 5"
    assert option_pairs(words.split()) == {
        "numprocesses": 3,
        "send_hup": True,
        "env": {"A": "1", "B": "x=y"},
        "stop_signal": 15,
        "rlimit_nofile": 10,
        "stdout_stream.max_bytes": 5,
    }
    assert option_pairs(["hooks", "before_start:a.b"]) == {"hooks": {"before_start": "a.b"}}
    assert option_pairs(["hooks.before_start", "a.b", "priority", "3"])["priority"] == "3"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("numprocesses many", "write a number"),
        ("send_hup perhaps", "write true or false"),
        ("env A", "write NAME=VALUE"),
        ("foo 1", "unknown key 'foo'"),
        ("numprocesses", "List of key/values is invalid"),
        ("hooks x", "write hook"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(words: str, said: str):
    with pytest.raises(ArgumentError, match=said):
        option_pairs(words.split())


def test_times_are_ago_or_since_the_epoch():
    assert seconds_ago("10m", 1e9) == 1e9 - 600
    assert seconds_ago("90", 1e9) == 1e9 - 90
    assert seconds_ago("1700000000", 1e9) == 1.7e9
    with pytest.raises(ArgumentError, match="is not a time"):
        seconds_ago("yesterday", 1e9)


def test_ages_are_short():
    assert [age(s) for s in (None, 4, 192, 18180, 187200)] == ["", "4s", "3m12s", "5h03m", "2d4h"]


def test_an_older_daemons_reason_loses_the_request_in_front():
    assert reason({"reason": """command b'{"command": "add"}': 'x' already exist"""}) == "'x' already exist"
    assert reason({"reason": """command b"it's": 'x' already exist"""}) == "'x' already exist"
    assert reason({"reason": "program x not found"}) == "program x not found"
    assert reason({}) == "no reason given"


@pytest.mark.parametrize("message", [b"noise", b"[]", b"{}", b'{"time": "x", "a": [1]}', b"\xff"])
def test_no_event_is_too_odd_to_be_shown(message: bytes):
    assert len(event_line(b"watcher.web.spawn", message)) == 4


def test_an_event_in_one_line():
    when, subject, event, details = event_line(
        b"watcher.my.web.reap", b'{"time": 1.5, "process_pid": 7, "exit_code": -9, "why": "a crash"}'
    )
    assert when.endswith("01.500")
    assert (subject, event) == ("my.web", "reap")
    assert details == 'pid=7 exit_code=-9 why="a crash"'


def test_where_circusd_is(tmp_path, monkeypatch):
    import os
    import socket

    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert control_endpoint("tcp://h:1", environ) == "tcp://h:1"
    assert control_endpoint(None, {**environ, "CIRCUSCTL_ENDPOINT": "tcp://h:2"}) == "tcp://h:2"
    fallback = control_endpoint(None, environ)
    folder = tmp_path / "circus"
    folder.mkdir()
    (folder / "not-a-socket.sock").touch()
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(str(folder / "circusd.sock"))
        assert control_endpoint(None, environ) == fallback, "nobody listens: a killed daemon left it"
        one.listen()
        assert control_endpoint(None, environ) == f"ipc://{folder}/circusd.sock"
        assert control_endpoint(None, environ, uid=os.getuid() + 1) in {fallback, "tcp://127.0.0.1:5555"} or (
            os.getuid() == 0
        )
        other.bind(str(folder / "circusd-pubsub.sock"))
        other.listen()
        assert control_endpoint(None, environ) == f"ipc://{folder}/circusd.sock"
        (folder / "second.sock").unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as third:
            third.bind(str(folder / "second.sock"))
            third.listen()
            assert control_endpoint(None, environ) == fallback
