"""Circus, and the reference: one configuration, two programs."""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from benchmarks.job import Job
from benchmarks.peers.base import Missing, Peer, first_line, python_environment

__all__ = ["Circus", "Reference", "ask"]

_TIMEOUT_MS = 120_000
_ids = itertools.count()


def endpoint(job: Job, name: str) -> str:
    """Of one of its sockets."""
    return f"ipc://{job.folder}/{name}"


def ask(job: Job, command: str, **properties: Any) -> Callable[[], dict[str, Any]]:
    """A request over a connection of its own that stays open; each call is one round trip."""
    import zmq  # noqa: PLC0415 - the suite without Circus' dependencies says what is missing, by peer

    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.rcvtimeo = _TIMEOUT_MS
    socket.connect(endpoint(job, "control"))

    def request() -> dict[str, Any]:
        call_id = str(next(_ids))
        call = {"id": call_id, "msg_type": "command", "command": command, "properties": properties}
        socket.send(json.dumps(call).encode())
        while True:
            try:
                reply: dict[str, Any] = json.loads(socket.recv_multipart()[-1])
            except zmq.Again:
                raise OSError("no answer") from None
            if reply.get("id") == call_id:
                break
        if reply.get("status") == "error":
            raise RuntimeError(reply.get("reason"))
        return reply

    return request


class _CircusLike(Peer):
    publishes_figures = True
    gives_sockets = True

    def __init__(self) -> None:
        self._programs = Path()

    def configure(self, job: Job) -> list[str]:
        path = job.folder / "circus.ini"
        path.write_text("\n".join(self._lines(job)) + "\n")
        return [str(self._programs / "circusd"), str(path)]

    def _lines(self, job: Job) -> list[str]:
        lines = [
            "[circus]",
            f"endpoint = {endpoint(job, 'control')}",
            f"pubsub_endpoint = {endpoint(job, 'events')}",
        ]
        if job.stats:  # an endpoint alone would turn it on as well
            lines += [f"stats_endpoint = {endpoint(job, 'stats')}", "statsd = True"]
        if job.port is not None:
            lines += ["[socket:web]", "host = 127.0.0.1", f"port = {job.port}", "backlog = 4096"]
        for name in job.names:
            lines += [f"[watcher:{name}]", f"cmd = {' '.join(job.command)}"]
            lines += [f"numprocesses = {job.workers if not job.one_each else 1}"]
            if job.port is not None:
                lines += ["use_sockets = True"]
            if job.log is not None:
                lines += [
                    "stdout_stream.class = FileStream",
                    f"stdout_stream.filename = {job.log.folder}/{name}.log",
                    f"stdout_stream.max_bytes = {job.log.limit}",
                    f"stdout_stream.backup_count = {job.log.files}",
                ]
                lines += ["stdout_stream.time_format = %Y-%m-%d %H:%M:%S"] if job.log.time_prefix else []
        if job.log is not None:
            job.log.folder.mkdir(exist_ok=True)
        return lines

    def answers(self, job: Job) -> Callable[[], object]:
        return ask(job, "numwatchers")

    def lists(self, job: Job) -> Callable[[], object]:
        return ask(job, "list", name=job.names[0])

    def figures(self, job: Job) -> Callable[[], object]:
        return ask(job, "stats", name=job.names[0])

    @contextmanager
    def watches(self, job: Job) -> Iterator[None]:
        import zmq  # noqa: PLC0415 - see ask

        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        socket.linger = 0
        socket.subscribe(b"stat.")
        socket.connect(endpoint(job, "stats"))
        try:
            yield
        finally:
            socket.close()

    def status_command(self, job: Job) -> list[str]:
        return [str(self._programs / "circusctl"), "--endpoint", endpoint(job, "control"), "status"]

    def reloads(self, job: Job) -> Callable[[], object]:
        return ask(job, "reload", name=job.names[0], waiting=True)


@final
class Circus(_CircusLike):
    """Ours, from the environment that the suite runs in."""

    name = "circus"

    def install(self) -> None:
        self._programs = Path(sys.executable).parent
        if not (self._programs / "circusd").exists():
            raise Missing("circusd is not in this environment: make setup")

    def version(self) -> str:
        return first_line(str(self._programs / "circusd"), "--version")


@final
class Reference(_CircusLike):
    """The reference, from PyPI."""

    name = "reference"

    def install(self) -> None:
        self._programs = python_environment("reference", "circus==0.19.0")

    def version(self) -> str:
        return first_line(str(self._programs / "circusd"), "--version")

    def stop(self, job: Job, daemon: int) -> None:  # noqa: ARG002 - asked over its socket
        """It ignores a signal, and refuses a request, while it is busy with anything else; so ask until it does not."""
        request = ask(job, "quit")
        for _ in range(400):
            try:
                request()
                return
            except RuntimeError:
                time.sleep(0.05)
