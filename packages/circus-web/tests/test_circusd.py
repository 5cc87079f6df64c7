"""The console with a real circusd: its processes, its output, its death and return."""

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from web_console import Console, console, real_circusd

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        importlib.util.find_spec("circus.circusd") is None,
        reason="circusd is missing: pip install circus-arbiter",
    ),
]

CONFIG = f"""
[watcher:chatty]
cmd = {sys.executable} -c "import signal; print('hello', flush=True); signal.pause()"
numprocesses = 2
[watcher:crasher]
cmd = {sys.executable} -c "raise SystemExit(3)"
max_restarts = 1
"""


class Page:
    """What a page is told, put together."""

    def __init__(self, socket: ClientConnection, daemon: str) -> None:
        self.socket, self.daemon = socket, daemon
        self.watchers: dict[str, Any] = {}
        self.state = ""
        self.lines: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def until(self, wanted: Callable[[], bool], deadline: float = 60.0) -> None:
        end_at = time.monotonic() + deadline
        while not wanted():
            self.take(json.loads(self.socket.recv(timeout=max(0.1, end_at - time.monotonic()))))

    def take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                view = message["daemons"][0]
                self.state, self.watchers, self.events = view["state"], view["watchers"], view["events"]
            case "frame":
                frame = message["daemons"][self.daemon]
                self.state = frame["link"]["state"]
                self.watchers.update(frame["watchers"])
                self.events += frame["events"]
            case "lines":
                self.lines += message["lines"]
            case _:
                pass

    def view(self, name: str, field: str) -> Any:
        return self.watchers.get(name, {}).get(field)


@contextmanager
def opened(web: Console, endpoint: str) -> Iterator[tuple[Page, httpx.Client]]:
    """A page, and a client of the API."""
    headers = {"authorization": f"Bearer {web.token}"}
    with httpx.Client(base_url=web.url, headers=headers) as client:
        daemon = next(one["id"] for one in client.get("/api/endpoints").json() if one["endpoint"] == endpoint)
        address = web.url.replace("http", "ws") + "/api/live"
        with connect(address, additional_headers=headers, max_size=None) as socket:
            yield Page(socket, daemon), client


def test_a_real_circusd_is_shown_commanded_lost_and_found(tmp_path: Path):
    endpoint = f"ipc://{tmp_path}/ctl"
    with console(tmp_path / "web", [endpoint]) as web, opened(web, endpoint) as (page, client):
        path = f"/api/daemons/{page.daemon}"
        with real_circusd(tmp_path, CONFIG):
            page.until(lambda: page.state == "alive" and page.view("chatty", "running") == 2)
            page.until(lambda: page.view("crasher", "state") == "failed")
            assert page.view("crasher", "level") == "bad"
            assert "exit code 3" in page.view("crasher", "why")

            page.socket.send(json.dumps({"type": "follow", "daemon": page.daemon, "watcher": "chatty"}))
            page.until(lambda: len(page.lines) == 2)
            first = page.lines[0]["pid"]
            answer = client.post(f"{path}/commands/kill", json={"name": "chatty", "pid": first, "signum": 9})
            assert answer.status_code == 200, answer.text
            page.until(lambda: len(page.lines) == 3)
            assert {line["data"] for line in page.lines} == {"hello"}
            assert len({line["pid"] for line in page.lines}) == 3, (
                "the log goes on with the worker's successor"
            )
            page.until(
                lambda: any(one["event"] == "reap" and str(first) in one["text"] for one in page.events)
            )

            plan = client.post(f"{path}/commands/reloadconfig", json={"dry_run": True}).json()["plan"]
            assert plan["steps"] == []
            said = client.get(f"{path}/watchers/chatty/logs?lines=10").json()["lines"]
            assert {line["data"] for line in said} == {"hello"}
            assert client.get("/health").status_code == 503
            options = {"graceful_timeout": 5}
            set_ = client.post(
                f"{path}/commands/set", json={"name": "chatty", "options": options, "waiting": True}
            )
            assert set_.status_code == 200, set_.text
            assert client.get(f"{path}/watchers/chatty/options").json()["options"]["graceful_timeout"] == 5
        page.until(lambda: page.state == "dead")
        assert page.view("chatty", "level") == "unknown"
        assert client.post(f"{path}/commands/stop", json={"name": "chatty"}).status_code in {503, 504}
        with real_circusd(tmp_path, CONFIG):
            page.until(lambda: page.state == "alive" and page.view("chatty", "running") == 2)
