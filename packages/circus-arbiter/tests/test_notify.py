"""What circusd tells systemd, read as systemd reads it: datagrams on a socket that NOTIFY_SOCKET names."""

import os
import signal
import socket

import pytest

from circus.circusd.notify import notify
from daemons import DEADLINE, Daemon
from requires import OURS, needs_daemon


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(DEADLINE)
        yield receiver


def told(receiver):
    return dict(line.split("=", 1) for line in receiver.recv(4096).decode().splitlines())


def test_a_socket_in_the_file_system(manager, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    assert notify("READY=1\nMAINPID=7")
    assert told(manager) == {"READY": "1", "MAINPID": "7"}


def test_a_socket_with_an_abstract_name(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("")  # the kernel chooses an abstract name
        receiver.settimeout(DEADLINE)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + receiver.getsockname()[1:].decode())
        assert notify("READY=1")
        assert told(receiver) == {"READY": "1"}


@pytest.mark.parametrize("address", [None, "", "relative", "vsock:2:1234", "/nowhere/at/all"])
def test_nobody_who_listens_is_no_error(address, monkeypatch):
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify("READY=1")


@needs_daemon()
@pytest.mark.real
@pytest.mark.slow
def test_the_main_process_says_that_it_is_ready_and_that_it_begins_to_stop(manager, tmp_path):
    daemon = Daemon(
        tmp_path / "d",
        "[watcher:slow]\ncmd = sleep 1000\nstop_signal = WINCH\ngraceful_timeout = 1000\n",
        program=OURS / "circusd",
        env={"NOTIFY_SOCKET": manager.getsockname()},
    )
    with daemon:
        assert told(manager) == {"READY": "1", "MAINPID": str(daemon.pid)}
        daemon.settle()
        (worker,) = daemon.call("list", name="slow")["pids"]
        os.kill(daemon.pid, signal.SIGTERM)
        assert told(manager) == {"STOPPING": "1"}
        os.kill(worker, signal.SIGKILL)  # it was there until now: nothing of ours ended it
        assert daemon.wait() == 0
