"""A check says of endpoints what the start would: which are refused, which are open since somebody wanted it so."""

import pytest

from circus.circusd.doors import with_doors
from circus.config import check

WORKER = "[watcher:a]\ncmd = x\n"
NAMES = {"box.example": ["192.0.2.7"], "me.example": ["127.0.1.1"]}


@pytest.fixture
def said(tmp_path):
    def report(circus):
        path = tmp_path / "c.ini"
        path.write_text(f"[circus]\n{circus}{WORKER}")
        made = with_doors(check(path, environ={}), str(path), {}, addresses=lambda name: NAMES.get(name, []))
        return made.ok, [str(problem).removeprefix(f"{path}:") for problem in made.problems]

    return report


def test_what_the_start_refuses_is_an_error_at_its_line(said):
    ok, (commands, events) = said("endpoint = tcp://*:5555\npubsub_endpoint = tcp://box.example:5556\n")
    assert not ok
    assert commands.startswith("2: error: [circus] endpoint: other machines could connect")
    assert "set curve_endpoint" in commands
    assert "allow_remote = True" in commands
    assert events.startswith("3: error: [circus] pubsub_endpoint: other machines could connect")
    ok, (statistics,) = said("statsd = True\nstats_endpoint = tcp://0.0.0.0:5557\n")
    assert not ok
    assert statistics.startswith("3: error: [circus] stats_endpoint: ")


def test_what_this_machine_alone_reaches_is_not_spoken_of(said):
    assert said("endpoint = tcp://me.example:5555\npubsub_endpoint = ipc:///run/x\nhttpd = True\n") == (
        True,
        [],
    )
    assert said("curve_endpoint = tcp://0.0.0.0:5565\n") == (True, [])
    assert said("httpd = True\nhttpd_host = ::1\n") == (True, [])


def test_what_was_said_in_so_many_words_is_a_warning(said):
    ok, (warning,) = said("endpoint = tcp://*:5555\nallow_remote = True\n")
    assert ok
    assert warning == (
        "3: warning: [circus] allow_remote: whoever can connect to tcp://*:5555 from another machine"
        " may run any program as our user"
    )
    ok, (warning,) = said("auth = legacy\n")
    assert ok
    assert warning.startswith("2: warning: [circus] auth: everybody who can connect")


def test_a_console_that_others_reach_needs_tls(said):
    ok, (warning,) = said("httpd = True\nhttpd_host = 0.0.0.0\n")
    assert ok
    assert warning.startswith("3: warning: [circus] httpd_host: other machines could connect")
    assert "--tls-cert FILE --tls-key FILE" in warning
    assert said("httpd_host = 0.0.0.0\n") == (True, [])


def test_a_file_with_errors_has_these_alone(tmp_path):
    path = tmp_path / "c.ini"
    path.write_text("[circus]\nendpoint = tcp://*:1\n[watcher:a]\nnumprocesses = 2\n")
    report = check(path, environ={})
    assert with_doors(report, str(path), {}) is report
