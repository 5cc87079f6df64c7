import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from circus.client import CircusClient, TunnelError
from circus.client.ssh import open_tunnel, ssh_command

if TYPE_CHECKING:
    from conftest import FakeDaemon

# A stand-in for ssh: it forwards its -L by a loop of its own, and says that it is ready as LocalCommand would.
FORWARDING = """
import socket, sys, threading
near, far = sys.argv[sys.argv.index("-L") + 1].split(":", 1)
listener = socket.socket(socket.AF_UNIX)
listener.bind(near)
listener.listen()
print("ready", flush=True)

def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.close()

while True:
    one, _ = listener.accept()
    other = socket.socket(socket.AF_UNIX)
    other.connect(far)
    for pair in ((one, other), (other, one)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(program: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "ssh").write_text(f"#!{sys.executable}\n{program}")
        (folder / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return write


def test_the_command_line_is_that_of_ssh():
    command = ssh_command("tcp://127.0.0.1:5555", server="joe@h:22", keyfile="k", near="/n")
    assert command[:3] == ["ssh", "-N", "-T"]
    assert command[-6:] == ["-i", "k", "-L", "/n:127.0.0.1:5555", "--", "joe@h"]
    assert "-p 22" in " ".join(command)
    assert ssh_command("ipc:///s", server="h", keyfile=None, near="/n")[-3:] == ["/n:/s", "--", "h"]


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [("udp://x", "h"), ("tcp://", "h"), ("tcp://x:1", ""), ("tcp://x:1", "-oProxyCommand=x")],
)
def test_what_cannot_be_tunnelled_is_told(endpoint: str, server: str):
    with pytest.raises(TunnelError, match="cannot go through ssh"):
        ssh_command(endpoint, server=server, keyfile=None, near="/n")


@pytest.mark.real
def test_a_call_goes_through_the_tunnel_and_nothing_is_left(daemon: "FakeDaemon", fake_ssh):
    fake_ssh(FORWARDING)
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    with CircusClient(endpoint=daemon.endpoint, ssh_server="joe@far") as client:
        assert client.call("list")["watchers"] == ["web"]
        folder = Path(client._channel._address.removeprefix("ipc://")).parent
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


@pytest.mark.real
def test_the_words_of_an_ssh_that_ends_are_told(fake_ssh):
    fake_ssh("import sys; sys.exit('joe@far: Permission denied')")
    with pytest.raises(TunnelError, match="joe@far: Permission denied"):
        open_tunnel("tcp://127.0.0.1:1", server="joe@far")


@pytest.mark.real
def test_an_ssh_that_hangs_is_ended(fake_ssh):
    fake_ssh("import signal; signal.pause()")
    with pytest.raises(TunnelError, match=r"was not ready within 0\.2 s"):
        open_tunnel("tcp://127.0.0.1:1", server="joe@far", timeout=0.2)


def test_no_ssh_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TunnelError, match="install an OpenSSH client"):
        open_tunnel("tcp://127.0.0.1:1", server="joe@far")
