"""Running a console on a listening socket."""

import asyncio
import contextlib
import logging
import socket
import sys
from dataclasses import dataclass
from types import FrameType
from typing import final

import uvicorn

from circus.web.app import STATIC, make_console
from circus.web.auth import Gate
from circus.web.ssh import Tunnels

__all__ = ["Console", "run"]

log = logging.getLogger("circus.web")
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than clients pause, who meet a reset if they ask just when it is closed."""
DRAIN = 2
"""Seconds that open pages have to go when the console stops."""


@dataclass(frozen=True, slots=True)
class Console:
    """What the command line asked for.

    Args:
        endpoints: daemons to show.
        patterns: further endpoints that may be connected to.
        gate: who may come in.
        version: ours, as it is shown.
        allowed_hosts: names under which we are called.
        open_to_all: whether nobody has to sign in.
        ssh: server through which the daemons are reached.
        tls: certificate and key.
    """

    endpoints: tuple[str, ...]
    patterns: tuple[str, ...]
    gate: Gate
    version: str
    allowed_hosts: tuple[str, ...]
    open_to_all: bool
    ssh: str | None
    tls: tuple[str, str | None] | None


@final
class _Server(uvicorn.Server):
    """Sleeps until something comes; uvicorn's own loop wakes up ten times a second to see what time it is, and whether to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self._asked_to_end = asyncio.Event()

    async def main_loop(self) -> None:
        await self._asked_to_end.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._asked_to_end.set)


async def run(console: Console, listener: socket.socket) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code."""
    if not (STATIC / "vendor" / "VERSIONS").is_file():
        sys.stderr.write(
            "circushttpd: the front end's libraries are missing; in a source tree, run"
            " `pip install -e packages/circus-web`\n"
        )
        return 2
    async with contextlib.AsyncExitStack() as stack:
        tunnels = await stack.enter_async_context(Tunnels(console.ssh)) if console.ssh else None
        app, context = make_console(
            console.endpoints,
            patterns=console.patterns,
            gate=console.gate,
            version=console.version,
            allowed_hosts=console.allowed_hosts,
            open_to_all=console.open_to_all,
            tunnel=tunnels.through if tunnels is not None else None,
        )
        stack.callback(context.destroy, linger=0)
        certificate, key = console.tls or (None, None)
        server = _Server(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                ws_max_size=1 << 16,
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # comes with the others of ours, see guard.py
                ssl_certfile=certificate,
                ssl_keyfile=key,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        await server.serve(sockets=[listener])
        return 0 if server.started else 1
