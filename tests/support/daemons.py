"""Start, ask, watch and stop a circusd, ours or the reference's, in a folder of its own.

Everything is bound to ipc endpoints in that folder, so that tests share neither ports nor files. Every wait has a
deadline in seconds and is woken by what it waits for: a reply, an event, the end of the daemon, a line in a fifo.

    with Daemon(tmp_path, INI, program=OURS / "circusd") as daemon:
        daemon.settle()
        assert daemon.call("status", name="web")["status"] == "active"
        with daemon.events() as events:
            daemon.call("incr", name="web", waiting=True)
            events.wait_for(lambda event: event.name == "spawn")
"""

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from requires import OURS

__all__ = ["Daemon", "DaemonError", "DeadlineError", "Event", "Events", "Gate", "run"]

DEADLINE = 15.0
RESTING = frozenset({"active", "stopped", "failed", "backoff"})


class DeadlineError(AssertionError):
    """What was waited for did not come in time."""


def run(program: str, *args: object, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run one of this workspace's programs to its end.

    Args:
        program: its name.
        args: its arguments, as texts.
        env: variables beside ours.
    """
    return subprocess.run(
        [OURS / program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )


class DaemonError(AssertionError):
    """The daemon ended while it was needed; the text holds its output."""


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


@dataclass(frozen=True, slots=True)
class Event:
    """One published event: ``watcher.web.spawn`` has the name ``spawn``."""

    topic: str
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return self.topic.rpartition(".")[2]

    @property
    def watcher(self) -> str:
        return self.topic.split(".", 1)[-1].rpartition(".")[0]


class Daemon:
    """A circusd in `folder`; as a context manager it is started at the top and ended at the bottom.

    Args:
        folder: where its files and sockets are; kept short, since a unix socket's path has 107 bytes.
        config: the text of its configuration; ``{dir}`` is replaced by the folder. The ``[circus]`` section's
            endpoints are put in front, so that `config` starts with further options of ``[circus]``.
        program: the circusd to run.
        args: further words of its command line.
        env: laid over the environment of the tests.
        stats: give it a stats endpoint, which makes it run circusd-stats.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        program: Path,
        args: Iterable[str] = (),
        env: dict[str, str] | None = None,
        stats: bool = False,
    ) -> None:
        self.folder = folder
        self.program = program
        self.config = folder / "circus.ini"
        self.log = folder / "circusd.log"
        self.endpoint = f"ipc://{folder}/ctl"
        self.pubsub_endpoint = f"ipc://{folder}/pub"
        self.stats_endpoint = f"ipc://{folder}/stats"
        self._stats = stats
        folder.mkdir(parents=True, exist_ok=True)
        self.write(config)
        self._args = list(args)
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._pidfd = -1
        self._calls = 0
        self.known_pids: set[int] = set()
        """Pids of workers that a caller came across, for telling pids from other numbers in texts."""

    def write(self, config: str) -> None:
        """Replace the configuration file."""
        head = f"[circus]\nendpoint = {self.endpoint}\npubsub_endpoint = {self.pubsub_endpoint}\n"
        if self._stats:
            head += f"stats_endpoint = {self.stats_endpoint}\n"
        self.config.write_text(head + config.replace("{dir}", str(self.folder)))

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        return self._running().poll()

    def start(self, *, deadline: float = DEADLINE) -> Self:
        """Start it (again, perhaps) and return when it answers.

        Raises:
            DaemonError: it ended instead.
            DeadlineError: it runs, and does not answer.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, *self._args, self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self.folder,
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        self._context = zmq.Context()
        try:
            self.call("list", deadline=deadline)
        except BaseException:
            self.stop(signum=signal.SIGKILL)
            raise
        return self

    def wait(self, *, deadline: float = DEADLINE) -> int:
        """Its exit code, once it ended."""
        try:
            return self._running().wait(deadline)
        except subprocess.TimeoutExpired:
            raise DeadlineError(f"circusd still runs; its output:\n{self.output()}") from None

    def stop(self, *, signum: int = signal.SIGTERM, deadline: float = DEADLINE) -> int | None:
        """End it and close everything; after the deadline by SIGKILL. Returns the exit code."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signum)
            try:
                process.wait(deadline)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(deadline)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if self._socket is not None:
            self._socket.close(0)
            self._socket = None
        if self._context is not None:
            self._context.term()
            self._context = None
        return None if process is None else process.returncode

    def output(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start the daemon first"
        return self._process

    # --- asking --------------------------------------------------------------------------------------------------

    def call(self, command: str, *, deadline: float = DEADLINE, **properties: Any) -> dict[str, Any]:
        """The reply to a command."""
        self._calls += 1
        request = {"id": f"call-{self._calls}", "command": command, "properties": properties}
        frame = json.dumps(request).encode()
        until = time.monotonic() + deadline
        reply = self.send(frame, deadline=deadline)
        while (
            reply is not None and reply.get("id") != request["id"]
        ):  # of a call that came too late for its caller
            reply = self.receive(until)
        if reply is None:
            raise DeadlineError(
                f"no reply to {command} within {deadline} s; the daemon's output:\n{self.output()}"
            )
        return reply

    def send(self, *frames: bytes, deadline: float = DEADLINE) -> dict[str, Any] | None:
        """Send raw frames; the reply, or None if none comes until the deadline."""
        return self.send_all([frames], deadline=deadline)

    def send_all(
        self, messages: Iterable[Sequence[bytes]], *, deadline: float = DEADLINE
    ) -> dict[str, Any] | None:
        """Send several messages at once; the first reply, or None if none comes until the deadline."""
        if self._socket is None:
            assert self._context is not None, "start the daemon first"
            self._socket = self._context.socket(zmq.DEALER)
            self._socket.linger = 0
            self._socket.connect(self.endpoint)
        for frames in messages:
            self._socket.send_multipart(frames)
        return self.receive(time.monotonic() + deadline)

    def receive(self, until: float) -> dict[str, Any] | None:
        """The next reply, or None if none comes until that time of the monotonic clock."""
        assert self._socket is not None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        if self._pidfd >= 0:
            poller.register(self._pidfd, zmq.POLLIN)
        ready = dict(poller.poll(int(_left(until) * 1000)))
        if self._socket in ready:
            return json.loads(self._socket.recv_multipart()[-1])
        if ready:
            raise DaemonError(f"circusd ended with {self.wait()}; its output:\n{self.output()}")
        return None

    def until(
        self,
        done: Callable[[dict[str, Any]], bool],
        command: str,
        *,
        deadline: float = DEADLINE,
        **properties: Any,
    ) -> dict[str, Any]:
        """Ask again and again (paced, until the deadline) until a reply is as wanted."""
        until = time.monotonic() + deadline
        while True:
            reply = self.call(command, deadline=max(0.1, _left(until)), **properties)
            if done(reply):
                return reply
            if not _left(until):
                raise DeadlineError(f"{command} still answers {reply}; the daemon's output:\n{self.output()}")
            select.select([self._pidfd], [], [], 0.02)

    def settle(self, *, times: int = 3, deadline: float = DEADLINE) -> None:
        """Wait until nothing changes any more: `times` equal pictures of all watchers and pids in a row."""
        until, last, seen = time.monotonic() + deadline, None, 0
        while seen < times:
            statuses = self.call("status").get("statuses", {})
            pids = {name: self.call("list", name=name).get("pids") for name in statuses}
            picture = (statuses, pids)
            resting = RESTING.issuperset(statuses.values())
            seen = seen + 1 if resting and picture == last else 0
            last = picture
            if not _left(until):
                raise DeadlineError(f"still changing: {picture}; the daemon's output:\n{self.output()}")
            select.select([self._pidfd], [], [], 0.02)

    def events(self, *topics: str) -> "Events":
        """A recorder of its events, subscribed from here on."""
        assert self._context is not None, "start the daemon first"
        events = Events(self._context, self.pubsub_endpoint, topics or ("",))
        self.call("numwatchers")  # a round trip: the subscription, sent before, has arrived
        return events


class Events:
    """Records what is published. Close it, or use it as a context manager."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str, topics: Iterable[str]
    ) -> None:
        self.seen: list[Event] = []
        self._socket = context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.rcvhwm = 0
        for topic in topics:
            self._socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            self._socket.connect(endpoint)
            if not monitor.poll(int(DEADLINE * 1000)):
                self._socket.close(0)
                raise DeadlineError(f"nobody publishes at {endpoint}")
            recv_monitor_message(monitor)
        finally:
            if not self._socket.closed:
                self._socket.disable_monitor()
            monitor.close(0)

    def next(self, *, deadline: float = DEADLINE) -> Event | None:
        """The next event, or None if none comes until the deadline."""
        if not self._socket.poll(int(deadline * 1000)):
            return None
        topic, data = self._socket.recv_multipart()[:2]
        event = Event(topic.decode(), json.loads(data))
        self.seen.append(event)
        return event

    def wait_for(self, wanted: Callable[[Event], bool], *, deadline: float = DEADLINE) -> Event:
        """The next event that is wanted, from here on."""
        until, start = time.monotonic() + deadline, len(self.seen)
        while (event := self.next(deadline=_left(until))) is not None:
            if wanted(event):
                return event
        raise DeadlineError(f"the event did not come within {deadline} s; seen: {self.seen[start:]}")

    def drain(self) -> list[Event]:
        """All events so far, those that have arrived and were not yet read included."""
        while self.next(deadline=0) is not None:
            pass
        return self.seen

    def close(self) -> None:
        self._socket.close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Gate:
    """A fifo between a test and its workers: they report to it line by line, or wait at it for a line.

    A worker that reports: ``echo up > {path}``. A worker that waits: ``read line < {path}``. Use one gate for each
    direction. Both ends are held open here, so that no worker blocks in opening it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._buffer = b""

    def line(self, *, deadline: float = DEADLINE) -> str:
        """The next line that a worker reported."""
        until = time.monotonic() + deadline
        while b"\n" not in self._buffer:
            if not select.select([self._descriptor], [], [], _left(until))[0]:
                raise DeadlineError(f"nobody wrote to {self.path} within {deadline} s")
            self._buffer += os.read(self._descriptor, 65536)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")

    def release(self, text: str = "go", *, times: int = 1) -> None:
        """Let waiting workers go on, one a line."""
        os.write(self._descriptor, f"{text}\n".encode() * times)

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def free_port() -> int:
    """A port that nobody used a moment ago, for what cannot be told to choose one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
