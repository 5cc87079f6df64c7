"""A stand-in for circusd: a ROUTER and an XPUB on ipc, answering what a test says. And the reference's own daemon."""

import contextlib
import io
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq

Answer = dict[str, Any] | bytes | None
Handler = Callable[[dict[str, Any]], Answer]

REPOSITORY = Path(__file__).resolve().parents[3]


class FakeDaemon:
    """Runs in a thread of its own; `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder / 'control.sock'}"
        self.pubsub_endpoint = f"ipc://{folder / 'pubsub.sock'}"
        self.answers: dict[str, Answer | Handler] = {}
        self.requests: list[dict[str, Any]] = []
        self.arrived: queue.Queue[dict[str, Any]] = queue.Queue()
        self.subscriptions: queue.Queue[bytes] = queue.Queue()
        self._context = zmq.Context()
        self._inbox = self._context.socket(zmq.PULL)
        self._inbox.bind("inproc://fake")
        self._outbox = self._context.socket(zmq.PUSH)
        self._outbox.connect("inproc://fake")
        self._router = self._context.socket(zmq.ROUTER)
        self._pub = self._context.socket(zmq.XPUB)
        self._router.bind(self.endpoint)
        self._pub.bind(self.pubsub_endpoint)
        self.answers["globaloptions"] = {
            "status": "ok",
            "options": {"pubsub_endpoint": self.pubsub_endpoint},
        }
        self._held: list[tuple[bytes, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._run, name="fake-daemon")
        self._thread.start()

    def publish(self, topic: str, document: Any) -> None:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        self._outbox.send_multipart([b"publish", topic.encode(), raw])

    def answer_held(self, reply: dict[str, Any]) -> None:
        """Answer the oldest request that was not answered."""
        self._outbox.send_multipart([b"answer", json.dumps(reply).encode()])

    def stop(self) -> None:
        if self._thread.is_alive():
            self._outbox.send_multipart([b"stop"])
            self._thread.join()
            self._outbox.close()
            self._context.term()

    def _run(self) -> None:
        poller = zmq.Poller()
        for socket in (self._inbox, self._router, self._pub):
            poller.register(socket, zmq.POLLIN)
        going = True
        while going:
            ready = dict(poller.poll())
            if self._pub in ready:
                self.subscriptions.put(self._pub.recv())
            if self._router in ready:
                self._handle(self._router.recv_multipart())
            if self._inbox in ready:
                match self._inbox.recv_multipart():
                    case [b"publish", topic, raw]:
                        self._pub.send_multipart([topic, raw])
                    case [b"answer", raw]:
                        peer, request = self._held.pop(0)
                        reply = {"id": request.get("id"), **json.loads(raw)}
                        self._router.send_multipart([peer, json.dumps(reply).encode()])
                    case _:
                        going = False
        for socket in (self._inbox, self._router, self._pub):
            socket.close(linger=200)

    def _handle(self, frames: list[bytes]) -> None:
        peer, raw = frames[0], frames[-1]
        request = json.loads(raw)
        self.requests.append(request)
        self.arrived.put(request)
        answer = self.answers.get(
            request["command"],
            {"status": "error", "reason": f"unknown command: {request['command']!r}", "errno": 2},
        )
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, bytes):
            self._router.send_multipart([peer, answer])
        elif answer is None:
            self._held.append((peer, request))
        else:
            reply = {"id": request.get("id"), "time": 1.0, **answer}
            self._router.send_multipart([peer, json.dumps(reply).encode()])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(tmp_path)
    yield fake
    fake.stop()


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def circusctl(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs a command line in this process, against the fake."""
    from circus.ctl.app import run

    for name in ("FORCE_COLOR", "NO_COLOR", "AUTO_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CIRCUSCTL_ENDPOINT", daemon.endpoint)

    def call(*words: str) -> Outcome:
        code = run(list(words))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


def reference_python() -> Path | None:
    told = os.environ.get("CIRCUS_REFERENCE_PYTHON")
    path = Path(told) if told else REPOSITORY / ".venv-reference" / "bin" / "python"
    return path if path.exists() else None


# Runs lines of the reference's circusctl in one interpreter: its start-up would be most of the time.
DRIVER = """
import contextlib, io, json, sys
from circus import circusctl
for line in sys.stdin:
    sys.argv = ["circusctl", *json.loads(line)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            circusctl.main()
            code = 0
        except SystemExit as exit:
            code = exit.code or 0
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@dataclass
class Reference:
    """A daemon of the reference, and its own circusctl."""

    endpoint: str
    driver: "subprocess.Popen[str]"

    def circusctl(self, *words: str) -> Outcome:
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        self.driver.stdin.write(json.dumps(["--endpoint", self.endpoint, *words]) + "\n")
        self.driver.stdin.flush()
        return Outcome(*json.loads(self.driver.stdout.readline()))

    def ours(self, *words: str) -> Outcome:
        from circus.ctl.app import run

        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(["--endpoint", self.endpoint, *words])
        return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    python = reference_python()
    if python is None:
        pytest.skip("the reference is not installed; run: make reference")
    folder = tmp_path_factory.mktemp("reference")
    endpoint = f"ipc://{folder}/control.sock"
    watchers = "".join(
        f"[watcher:{name}]\ncmd = sleep 1000\nnumprocesses = 2\ngraceful_timeout = 2\n{extra}\n"
        for name, extra in (
            ("aa", ""),
            ("bb", ""),
            ("lone", "numprocesses = 1\nsingleton = True"),
            ("envy", "[env:envy]\nB = 2\nA = 1"),
        )
    )
    (folder / "c.ini").write_text(
        f"[circus]\nendpoint = {endpoint}\npubsub_endpoint = ipc://{folder}/pubsub.sock\n"
        f"stats_endpoint = ipc://{folder}/stats.sock\ncheck_delay = 1\nstatsd = False\n\n"
        f"[socket:unixy]\npath = {folder}/unixy.sock\n\n[socket:web]\nhost = 127.0.0.1\nport = 0\n\n"
        + watchers
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "circus.circusd", str(folder / "c.ini")], stdout=log, stderr=log, cwd=folder
        )
    try:
        from circus.client import CircusClient

        with CircusClient(endpoint=endpoint, timeout=15, patience=15) as client:
            client.call("numwatchers")
        pipe = subprocess.PIPE
        with subprocess.Popen([str(python), "-c", DRIVER], stdin=pipe, stdout=pipe, text=True) as driver:
            yield Reference(endpoint, driver)
    finally:
        process.terminate()
        process.wait(15)
