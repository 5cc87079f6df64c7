"""The examples of the README run as they stand, but for the endpoint."""

import re
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import FakeDaemon

README = (Path(__file__).parents[1] / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def speaking(daemon: "FakeDaemon") -> "FakeDaemon":
    def named(found: dict[str, Any], all_: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            name = request["properties"].get("name")
            if name is None:
                return {"status": "ok", **all_}
            if name == "web":
                return {"status": "ok", **found}
            return {"status": "error", "reason": f"program {name} not found", "errno": 3}

        return answer

    daemon.answers["status"] = named({"status": "active"}, {"statuses": {"web": "active"}})
    daemon.answers["list"] = named({"pids": [7]}, {"watchers": ["web"]})
    daemon.answers["stop"] = {"status": "ok"}
    return daemon


def here(program: str, daemon: "FakeDaemon") -> str:
    text = program.replace("tcp://127.0.0.1:5555", daemon.endpoint)
    return text.replace("tcp://127.0.0.1:5556", daemon.pubsub_endpoint)


@pytest.mark.parametrize("program", PROGRAMS[:2])
def test_asking(program: str, speaking: "FakeDaemon", capsys: pytest.CaptureFixture[str]):
    exec(compile(here(program, speaking), "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out == "{'web': 'active'}\n"


def test_listening(speaking: "FakeDaemon", capsys: pytest.CaptureFixture[str]):
    def publish() -> None:
        speaking.subscriptions.get(timeout=30)
        speaking.publish("watcher.web.spawn", {})

    thread = threading.Thread(target=publish)
    thread.start()
    exec(compile(here(PROGRAMS[2], speaking), "README.md", "exec"), {"__name__": "readme"})
    thread.join()
    assert "watcher.web.spawn" in capsys.readouterr().out


def test_the_command_says_what_the_readme_shows(circusctl, speaking: "FakeDaemon"):
    (session,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    blocks = re.findall(r"\$ circusctl (.*)\n((?:[^$].*\n)*)", session)
    assert len(blocks) == 5
    for command, said in blocks:
        outcome = circusctl(*shlex.split(command))
        assert outcome.out + outcome.err == said
