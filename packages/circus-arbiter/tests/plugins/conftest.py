"""A circusd of its own for each test, a server that keeps what statsd would be told, and a folder of plugins."""

import select
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemons import Daemon, DeadlineError
from requires import OURS

DEADLINE = 40.0
PYTHON = sys.executable


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: the path of a unix socket has 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="cp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def circusd(folder: Path) -> Callable[..., AbstractContextManager[Daemon]]:
    @contextmanager
    def running(config: str, **keywords: Any) -> Iterator[Daemon]:
        """A daemon; in debug mode, so that the log of the plugins is in its output."""
        daemon = Daemon(folder, f"debug = true\n{config}", program=OURS / "circusd", **keywords)
        with daemon:
            yield daemon

    return running


class Statsd:
    """Receives metrics, in place of a statsd."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.seen: list[str] = []

    def next(self, *, deadline: float = DEADLINE) -> str | None:
        if not select.select([self._socket], [], [], max(0.0, deadline))[0]:
            return None
        line = self._socket.recv(4096).decode()
        self.seen.append(line)
        return line

    def wait_for(self, wanted: Callable[[str], bool] | str) -> str:
        """The next metric that is wanted; a text is a part of it."""
        test = (lambda line: wanted in line) if isinstance(wanted, str) else wanted
        until = time.monotonic() + DEADLINE
        while (line := self.next(deadline=until - time.monotonic())) is not None:
            if test(line):
                return line
        raise DeadlineError(f"statsd was not told; it was told {self.seen}")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def statsd() -> Iterator[Statsd]:
    server = Statsd()
    yield server
    server.close()


def free_udp_port() -> int:
    """A port that nobody used a moment ago, for what cannot be told to choose one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def workers(daemon: Daemon, watcher: str) -> list[int]:
    """The pids of a watcher's workers, once there are some: circusd answers before all have been started."""
    return daemon.until(lambda reply: bool(reply.get("pids")), "list", name=watcher, deadline=DEADLINE)[
        "pids"
    ]
