import asyncio
import concurrent.futures
import grp
import logging
import os
import pwd
import signal
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus import util


def test_endpoints_and_constants():
    assert util.DEFAULT_ENDPOINT_DEALER == "tcp://127.0.0.1:5555"
    assert util.DEFAULT_ENDPOINT_SUB == "tcp://127.0.0.1:5556"
    assert util.DEFAULT_ENDPOINT_STATS == "tcp://127.0.0.1:5557"
    assert util.LOG_LEVELS["warning"] == logging.WARNING
    assert not util.IS_WINDOWS


def test_a_future_s_exception_is_logged_and_returned(caplog):
    failed, fine = concurrent.futures.Future(), concurrent.futures.Future()
    failed.set_exception(ValueError("no"))
    fine.set_result(1)
    assert isinstance(util.check_future_exception_and_log(failed), ValueError)
    assert "exception no caught" in caplog.text
    assert util.check_future_exception_and_log(fine) is None
    assert util.check_future_exception_and_log("no future") is None


async def test_futures_of_a_loop_and_sleep():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(OSError("x"))
    assert isinstance(util.check_future_exception_and_log(future), OSError)
    await util.tornado_sleep(0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), (True, True), ("yes", True), (" On ", True), ("0", False), ("no", False)],
)
def test_booleans(value, expected):
    assert util.to_bool(value) is expected


@pytest.mark.parametrize("value", [15, "15", "term", "SIGTERM", "TERM"])
def test_signals(value):
    assert util.to_signum(value) == signal.SIGTERM


def test_signals_with_an_offset_and_none():
    assert util.to_signum("SIGRTMIN+1") == signal.SIGRTMIN + 1
    for wrong in ("nope", "SIGRTMIN+x", "TERM+9999"):
        with pytest.raises(ValueError, match="is not a signal"):
            util.to_signum(wrong)


def test_users_and_groups():
    user, group = pwd.getpwuid(0), grp.getgrgid(0)
    assert util.to_uid(user.pw_name) == util.to_uid(0) == util.to_uid("0") == 0
    assert util.to_gid(group.gr_name) == util.to_gid("0") == 0
    assert util.get_username_from_uid(0) == util.get_username_from_uid(user.pw_name) == user.pw_name
    assert util.get_default_gid(0) == util.get_default_gid(user.pw_name) == user.pw_gid
    for wrong in ("no such user", 2**31 - 7, 2**80):
        with pytest.raises(ValueError, match="there is no user"):
            util.to_uid(wrong)
        with pytest.raises(ValueError, match="there is no group"):
            util.to_gid(wrong)


def test_text_and_bytes():
    assert util.to_str(b"\xc3\xa4\xff") == "ä\N{REPLACEMENT CHARACTER}"
    assert util.to_str(5) == "5"
    assert util.to_bytes("ä") == b"\xc3\xa4"
    assert util.to_bytes(b"x") == b"x"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (3251610, "3.10M"), (1 << 80, "1.00Y")]
)
def test_sizes_for_people(size, text):
    assert util.bytes2human(size) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1K", 1024), ("1k", 1024), ("1.5 Ki", 1536), ("2 kilo", 2048), ("1 mebi", 1 << 20)],
)
def test_sizes_from_people(text, size):
    assert util.human2bytes(text) == size


@settings(deadline=None)
@given(st.integers(0, 1 << 60))
def test_a_size_comes_back_nearly(size):
    assert util.human2bytes(util.bytes2human(size)) == pytest.approx(size, rel=0.01)


def test_what_is_no_size():
    for wrong in ("", "x", "1 parsec", "K"):
        with pytest.raises(ValueError, match="is not a size"):
            util.human2bytes(wrong)
    with pytest.raises(TypeError):
        util.bytes2human("1")


def test_environments(monkeypatch):
    monkeypatch.setenv("PLACE", "/opt")
    assert util.parse_env_dict({" A ": " $PLACE/bin ", "B": "$NOT_THERE_AT_ALL!"}) == {
        "A": "/opt/bin",
        "B": "!",
    }
    assert util.parse_env_str("A=1, B=x=y") == {"A": "1", "B": "x=y"}
    assert util.env_to_str({"B": "2", "A": "1"}) == "A=1,B=2"
    assert util.env_to_str(None) == ""
    assert util.convert_opt("env", {"A": "1"}) == "A=1"
    assert util.convert_opt("x", None) == ""
    assert util.convert_opt("x", 5) == "5"


def test_working_directory(tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for told, expected in ((str(link), str(link)), ("/", str(tmp_path)), ("/no/such", str(tmp_path))):
        monkeypatch.setenv("PWD", told)
        assert util.get_working_dir() == expected
    monkeypatch.delenv("PWD")
    assert util.get_working_dir() == str(tmp_path)


def test_variables():
    values = {"wid": 1, "env": {"HOME": "/root"}}
    text = "$(circus.wid) ((CIRCUS.ENV.home)) $(circus.no) $(wid)"
    assert util.replace_gnu_args(text, **values) == "1 /root $(circus.no) $(wid)"
    assert (
        util.replace_gnu_args(text, prefix=None, **values)
        == "$(circus.wid) ((CIRCUS.ENV.home)) $(circus.no) 1"
    )


def test_names():
    assert util.resolve_name("os") is os
    assert util.resolve_name("os.path") is os.path
    assert util.resolve_name("os.path.join") is os.path.join
    assert util.resolve_name("os.path:join") is os.path.join
    assert util.resolve_name("no.such.thing", silent=True) is None
    for wrong in ("no_such_module", "os.nothing", "os:nothing", "no.such.thing"):
        with pytest.raises(ImportError):
            util.resolve_name(wrong)


def test_a_module_that_cannot_import_something_says_what(tmp_path, monkeypatch):
    (tmp_path / "circus_broken_module.py").write_text("import circus_missing_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="circus_missing_module"):
        util.resolve_name("circus_broken_module.func")


def test_a_module_is_read_again(tmp_path, monkeypatch):
    file = tmp_path / "circus_reloaded_module.py"
    file.write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert util.resolve_name("circus_reloaded_module.VALUE") == 1
    file.write_text("VALUE = 22\n")
    assert util.resolve_name("circus_reloaded_module.VALUE", reload=True) == 22
    del sys.modules["circus_reloaded_module"]


class FakeSocket:
    def __init__(self):
        self.endpoints = []

    def connect(self, endpoint):
        self.endpoints.append(endpoint)


FAKE_SSH = """#!/bin/sh
echo "$@" > "$0.args"
echo ready
exec cat
"""


def test_a_connection():
    sock = FakeSocket()
    util.get_connection(sock, "tcp://127.0.0.1:5555")
    assert sock.endpoints == ["tcp://127.0.0.1:5555"]


@pytest.mark.real
def test_a_connection_through_ssh(tmp_path, monkeypatch):
    pytest.importorskip("circus.client.ssh")
    program = tmp_path / "ssh"
    program.write_text(FAKE_SSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    sock = FakeSocket()
    util.get_connection(sock, "tcp://127.0.0.1:5555", "me@far:2222", "/a/key")
    assert sock.endpoints[0].startswith("ipc://")
    words = (tmp_path / "ssh.args").read_text()
    assert "2222" in words
    assert "/a/key" in words
    del sock  # and the tunnel with it


def test_this_process():
    facts = util.get_info(with_childs=True)
    assert facts["pid"] == os.getpid()
    assert util.get_info(os.getpid(), interval=0.01)["mem"] > 0
    with pytest.raises(ProcessLookupError):
        util.get_info(2**22 + 1)
    assert util.get_python_version() == sys.version_info[:3]
