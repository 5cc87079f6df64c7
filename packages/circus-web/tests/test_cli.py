"""The command line, and what it starts."""

import os
import signal
import sys
from pathlib import Path

import pytest

from circus.web.cli import main
from circus.web.ssh import Tunnels, ssh_command
from circus.web.wire import reachable
from web_console import console, end

FAKE_SSH = f"""#!{sys.executable}
import os, socket, sys, time
local = sys.argv[sys.argv.index("-L") + 1].split(":")[0]
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(local)
    listener.listen()
    listener.accept()
"""


def test_a_public_address_without_tls_is_refused_with_the_way_out(capsys: pytest.CaptureFixture[str]):
    assert main(["--host", "0.0.0.0", "--port", "0"]) == 2
    assert "--tls-cert" in capsys.readouterr().err
    assert main(["--host", "0.0.0.0", "--port", "0", "--insecure-no-auth"]) == 2
    assert "drop --insecure-no-auth" in capsys.readouterr().err


def test_an_address_that_cannot_be_listened_on_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["--fd", "999999"]) == 2
    assert "descriptor 999999" in capsys.readouterr().err


def test_a_wrong_users_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "users").write_text("ann\n")
    assert main(["--port", "0", "--users", str(tmp_path / "users")]) == 2
    assert "line 1" in capsys.readouterr().err


def test_options_also_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CIRCUSHTTPD_OPTIONS", "--version")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("endpoint", "seen_from", "expected"),
    [
        ("tcp://0.0.0.0:5556", "tcp://10.0.0.7:5555", "tcp://10.0.0.7:5556"),
        ("tcp://*:5556", "tcp://[::1]:5555", "tcp://[::1]:5556"),
        ("tcp://*:5556", "ipc:///x", "tcp://127.0.0.1:5556"),
        ("tcp://10.0.0.1:5556", "tcp://10.0.0.7:5555", "tcp://10.0.0.1:5556"),
        ("ipc:///p", "ipc:///x", "ipc:///p"),
    ],
)
def test_an_endpoint_is_reached_from_here(endpoint: str, seen_from: str, expected: str):
    assert reachable(endpoint, seen_from=seen_from) == expected


def test_ssh_is_given_no_word_that_it_could_take_for_an_option():
    command = ssh_command("-oProxyCommand=sh", local=Path("/t/a"), endpoint="ipc:///c")
    assert command[-2:] == ["--", "-oProxyCommand=sh"]
    assert "/t/a:/c" in command
    with pytest.raises(ValueError, match="neither tcp nor ipc"):
        ssh_command("h", local=Path("/t/a"), endpoint="udp://x:1")


def is_socket(address: str) -> bool:
    return Path(address.removeprefix("ipc://")).is_socket()


@pytest.mark.real
@pytest.mark.slow
async def test_tunnels_are_opened_once_and_end_with_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ssh = tmp_path / "ssh"
    ssh.write_text(FAKE_SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    async with Tunnels("me@host") as tunnels:
        address = await tunnels.through("tcp://127.0.0.1:5555")
        assert address == await tunnels.through("tcp://127.0.0.1:5555")
        assert is_socket(address)
    assert not is_socket(address)


@pytest.mark.real
@pytest.mark.slow
def test_it_serves_on_the_socket_that_circusd_hands_down_and_ends_when_asked(tmp_path: Path):
    with console(tmp_path, [f"ipc://{tmp_path}/nobody"]) as web:
        assert (tmp_path / "circus").stat().st_mode & 0o777 == 0o700
        end(web.process)
        assert web.process.returncode in {0, -signal.SIGTERM}
    assert "token=" not in web.log.read_text(), "the token is in no log"
