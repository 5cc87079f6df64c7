"""BentoML serves with two workers, replaces a killed one, reloads after an edit, and stops on SIGTERM."""

import http.client
import json
import os
import signal
import socket
from contextlib import closing

import pytest

from .conftest import environment, gone

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.allow_leaks("processes"),
]

SERVICE = """
import os
import bentoml


@bentoml.service(workers=2)
class Hello:
    @bentoml.api
    def pid(self, text: str = "x") -> str:
        return f"WORD {text} {os.getpid()}"
"""


@pytest.fixture
def bento(tmp_path):
    (tmp_path / "service.py").write_text(SERVICE)
    return environment("bentoml", tmp_path, BENTOML_HOME=str(tmp_path / "home"), BENTOML_DO_NOT_TRACK="True")


def serve(bento, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ("bentoml", "serve", "service:Hello", "--host", "127.0.0.1", "--port", str(port), *options)
    return bento.start(*words), port


def ask(port):
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request(
                "POST", "/pid", json.dumps({"text": "hi"}), {"Content-Type": "application/json"}
            )
            with connection.getresponse() as answer:
                return answer.read().decode() if answer.status == 200 else ""
    except OSError:
        return ""


def test_two_workers_one_killed_and_a_stop(bento):
    process, port = serve(bento)
    try:
        answer = bento.until("an answer", lambda: ask(port))
        killed = int(answer.split()[-1])
        os.kill(killed, signal.SIGKILL)
        pids = set()

        def replaced():
            pids.add(ask(port).split()[-1:] and ask(port).split()[-1])
            return {pid for pid in pids if pid and int(pid) != killed}

        assert bento.until("an answer of another worker", replaced)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}
        assert ask(port) == ""
    finally:
        gone(process)


def test_an_edit_is_served_after_a_reload(bento):
    process, port = serve(bento, "--reload")
    try:
        assert bento.until("an answer", lambda: ask(port)).startswith("WORD")
        service = bento.folder / "service.py"
        service.write_text(SERVICE.replace("WORD", "EDITED"))
        assert bento.until("the edited answer", lambda: ask(port).startswith("EDITED"))
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    finally:
        gone(process)
