"""Reaching a daemon's endpoints through ``ssh -L``, each as a unix socket in a folder of our own."""

import asyncio
import contextlib
import hashlib
import logging
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

__all__ = ["Tunnels", "ssh_command"]

log = logging.getLogger("circus.web")
OPEN_TIMEOUT = 20.0


def ssh_command(server: str, *, local: Path, endpoint: str) -> list[str]:
    """What is run for one endpoint.

    >>> ssh_command("me@host:2222", local=Path("/t/a"), endpoint="tcp://127.0.0.1:5555")[-4:]
    ['-p', '2222', '--', 'me@host']

    Raises:
        ValueError: neither tcp nor ipc.
    """
    parts = urlsplit(endpoint)
    if parts.scheme == "tcp":
        target = endpoint.removeprefix("tcp://")
    elif parts.scheme == "ipc":
        target = endpoint.removeprefix("ipc://")
    else:
        raise ValueError(f"cannot reach {endpoint} through ssh: it is neither tcp nor ipc")
    host, colon, port = server.rpartition(":")
    where = ["-p", port, "--", host] if colon and port.isdigit() else ["--", server]
    options = [
        "BatchMode=yes",
        "ExitOnForwardFailure=yes",
        "ServerAliveInterval=5",
        "StreamLocalBindUnlink=yes",
    ]
    flags = [word for option in options for word in ("-o", option)]
    return ["ssh", "-N", "-T", *flags, "-L", f"{local}:{target}", *where]


class Tunnels:
    """Tunnels to one server, as an asynchronous context manager; leaving it ends them.

    Args:
        server: ``[USER@]HOST[:PORT]``.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._folder = tempfile.TemporaryDirectory(prefix="circus-ssh-")
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every tunnel."""
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await child.wait()
        self._folder.cleanup()

    async def through(self, endpoint: str) -> str:
        """The local address for an endpoint; the tunnel is opened, or opened again, if need be.

        Raises:
            OSError: ssh cannot be run, or ends before the tunnel is open.
        """
        local = Path(self._folder.name, hashlib.sha256(endpoint.encode()).hexdigest()[:12])
        child = self._children.get(endpoint)
        if child is None or child.returncode is not None:
            command = ssh_command(self._server, local=local, endpoint=endpoint)
            log.info("opening a tunnel to %s through %s", endpoint, self._server)
            child = self._children[endpoint] = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL
            )
            await self._opened(child, local, endpoint)
        return f"ipc://{local}"

    async def _opened(self, child: asyncio.subprocess.Process, local: Path, endpoint: str) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                while not await asyncio.to_thread(local.exists):
                    if child.returncode is not None:
                        raise OSError(f"ssh to {self._server} for {endpoint} ended with {child.returncode}")
                    await asyncio.sleep(0.05)  # ssh says nowhere else that it listens
        except TimeoutError:
            raise OSError(
                f"ssh to {self._server} for {endpoint} did not open within {OPEN_TIMEOUT:.0f} s"
            ) from None
