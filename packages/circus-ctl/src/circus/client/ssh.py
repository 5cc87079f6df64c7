"""A tunnel through the system's ssh, which knows the user's keys, agents, jumps and known hosts.

The near end is a unix socket in a directory of our own, so that no other local user can go through, and no port has
to be guessed. ssh says that it is ready by its LocalCommand, which it runs after the forwarding is set up.
"""

# ruff: noqa: TID251 - ssh is no worker: a helper of this client, which knows nothing of the layer that spawns those
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Final

from circus.client.errors import TunnelError

__all__ = ["Tunnel", "open_tunnel", "ssh_command"]

_READY: Final = b"ready"
_TIMEOUT: Final = 60.0
"""Seconds; a person may have to type a password."""


def ssh_command(endpoint: str, *, server: str, keyfile: str | None, near: str) -> list[str]:
    """The command line of the tunnel. Pure.

    Args:
        endpoint: as the far host sees it, ``tcp://HOST:PORT`` or ``ipc://PATH``.
        server: ``[user@]host[:port]``.
        keyfile: a private key, or None for what ssh is configured to use.
        near: path of the unix socket to listen on.

    Raises:
        TunnelError: the server or the endpoint cannot be one.
    """
    host, colon, port = server.rpartition(":")
    if not colon or not port.isdigit():
        host, port = server, ""
    if not host or host.startswith("-"):
        raise TunnelError(f"cannot go through ssh: {server!r} is not user@host:port")
    scheme, _, far = endpoint.partition("://")
    if scheme not in {"tcp", "ipc"} or not far:
        raise TunnelError(f"cannot go through ssh to {endpoint!r}: write tcp://HOST:PORT or ipc://PATH")
    command = ["ssh", "-N", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "PermitLocalCommand=yes"]
    command += ["-o", f"LocalCommand=echo {_READY.decode()}", "-o", "ServerAliveInterval=15"]
    command += ["-p", port] if port else []
    command += ["-i", keyfile] if keyfile else []
    return [*command, "-L", f"{near}:{far}", "--", host]


class Tunnel:
    """A running ssh and its near end; `close` ends it.

    Args:
        endpoint: what to connect to in place of the far one.
        process: the ssh, owned from now on.
        folder: the directory of the near end, owned from now on.
    """

    def __init__(self, endpoint: str, *, process: "subprocess.Popen[bytes]", folder: str) -> None:
        self.endpoint = endpoint
        self._process = process
        self._folder = folder

    def close(self) -> None:
        """End ssh and remove the near end."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def open_tunnel(
    endpoint: str, *, server: str, keyfile: str | None = None, timeout: float = _TIMEOUT
) -> Tunnel:
    """Start ssh and wait until it forwards.

    Args:
        endpoint: as the far host sees it.
        server: ``[user@]host[:port]``.
        keyfile: a private key.
        timeout: seconds to wait; ssh asks for passwords on the terminal meanwhile.

    Raises:
        TunnelError: there is no ssh, or it ended, or took too long; its own words are in the text.
    """
    folder = tempfile.mkdtemp(prefix="circus-ssh-")
    try:
        near = str(Path(folder) / "near")
        command = ssh_command(endpoint, server=server, keyfile=keyfile, near=near)
        with (Path(folder) / "stderr").open("w+b") as words:
            process = _start(command, words)
            tunnel = Tunnel(f"ipc://{near}", process=process, folder=folder)
            if _is_ready(process, timeout):
                return tunnel
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
            ended = process.poll() is not None
            tunnel.close()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    why = said or ("it ended without a word" if ended else f"it was not ready within {timeout:g} s")
    raise TunnelError(f"cannot go through ssh to {server}: {why}")


def _start(command: list[str], words: IO[bytes]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words)
    except FileNotFoundError as error:
        raise TunnelError(
            "cannot go through ssh: there is no ssh command; install an OpenSSH client"
        ) from error
    except OSError as error:
        raise TunnelError(f"cannot go through ssh: {error}") from error


def _is_ready(process: "subprocess.Popen[bytes]", timeout: float) -> bool:
    assert process.stdout is not None
    deadline = time.monotonic() + timeout
    said = b""
    while _READY not in said:
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        chunk: bytes = os.read(process.stdout.fileno(), 256) if readable else b""
        if not chunk:
            return False
        said += chunk
    return True
