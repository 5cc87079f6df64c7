"""``--ssh`` through a real OpenSSH server: circusctl, the client as a library, and a server that says no."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from circus.client import CircusClient, TunnelError
from daemons import Daemon, run
from requires import needs_program, needs_root

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    needs_root(),
    needs_program("sshd", debian="openssh-server"),
]

SERVER = """
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
"""
CLIENT = """
Host *
  IdentityFile {folder}/user
  IdentitiesOnly yes
  BatchMode yes
  UserKnownHostsFile {folder}/known
  ProxyCommand {sshd} -i -f {folder}/sshd_config -E {folder}/sshd.log
"""
CONFIG = "[watcher:web]\ncmd = sleep 1000\nnumprocesses = 2\n"
AS = f"{getpass.getuser()}@127.0.0.1"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh whose server is an sshd of our own, one a connection, without a port; its folder."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it where no init has made it
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / name], check=True
        )
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    (tmp_path / "known").write_text(f"127.0.0.1 {(tmp_path / 'host.pub').read_text()}")
    (tmp_path / "sshd_config").write_text(SERVER.format(folder=tmp_path))
    (tmp_path / "config").write_text(CLIENT.format(folder=tmp_path, sshd=shutil.which("sshd")))
    own = tmp_path / "bin"
    own.mkdir()
    (own / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/config "$@"\n')
    (own / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    return tmp_path


def test_circusctl_and_the_client_go_through_a_server(daemon: Callable[..., Daemon], ssh: Path) -> None:
    circusd = daemon(CONFIG)
    done = run("circusctl", "--endpoint", circusd.endpoint, "--ssh", AS, "status")
    assert (done.returncode, done.stdout) == (0, "web: active\n"), done.stderr
    done = run("circusctl", "--endpoint", circusd.endpoint, "--ssh", AS, "incr", "web")
    assert done.returncode == 0, done.stderr
    with CircusClient(endpoint=circusd.endpoint, ssh_server=AS) as client:
        assert client.send_message("numprocesses", name="web")["numprocesses"] == 3


def test_a_server_that_does_not_let_us_in_is_named_in_its_own_words(
    daemon: Callable[..., Daemon], ssh: Path
) -> None:
    circusd = daemon(CONFIG)
    (ssh / "authorized").write_text("")
    done = run("circusctl", "--endpoint", circusd.endpoint, "--ssh", AS, "status")
    assert done.returncode != 0
    assert "127.0.0.1" in done.stderr
    assert "Permission denied" in done.stderr
    with pytest.raises(TunnelError, match="Permission denied"):
        CircusClient(endpoint=circusd.endpoint, ssh_server=AS)


def test_a_changed_host_key_is_refused(daemon: Callable[..., Daemon], ssh: Path) -> None:
    circusd = daemon(CONFIG)
    (ssh / "known").write_text(f"127.0.0.1 {(ssh / 'user.pub').read_text()}")
    done = run("circusctl", "--endpoint", circusd.endpoint, "--ssh", AS, "status")
    assert done.returncode != 0
    assert "Host key verification failed" in done.stderr
