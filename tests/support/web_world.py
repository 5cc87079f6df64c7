"""A console without a network: a real application over a made-up daemon in the same process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import zmq.asyncio

from circus.exc import CallError
from circus.web.api import Context
from circus.web.app import make_app
from circus.web.auth import Gate, Role, hash_password, parse_users
from circus.web.hub import Hub
from circus.web.link import Link, LinkState
from fake_circusd import Fake

OPERATOR, VIEWER, LINK = "o" * 40, "v" * 40, "l" * 40
HOST = "127.0.0.1:8080"


class FakeCaller:
    """Answers from a made-up daemon; `broken` makes it silent."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.asked: list[dict[str, Any]] = []
        self.broken: CallError | None = None

    async def call(self, cmd: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(dict(cmd))
        if self.broken is not None:
            raise self.broken
        return {"id": "x", "time": 1.0, **self.fake.answer(cmd["command"], cmd["properties"])}

    def stop(self) -> None:
        """Nothing to free."""


@dataclass
class World:
    """All that a test may want to look at."""

    app: Any
    hub: Hub
    gate: Gate
    link: Link
    fake: Fake
    caller: FakeCaller

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=f"http://{HOST}", headers=headers
        )

    @property
    def path(self) -> str:
        return f"/api/daemons/{self.link.id}"


@cache
def _users() -> str:
    return f"ann:operator:{hash_password('s3same')}"


def make_world(folder: Path, context: zmq.asyncio.Context, *, offers: bool = True) -> World:
    """A console that follows one daemon, as if its link had just met it."""
    fake = Fake(folder)
    fake.context.destroy()
    fake.set_the_scene()
    hub = Hub(["ipc:///made-up"], context=context, patterns=["tcp://127.0.0.1:*"])
    gate = Gate(tokens={Role.OPERATOR: OPERATOR, Role.VIEWER: VIEWER}, link=LINK,
                users=parse_users(_users()))  # fmt: skip
    link = Link("ipc:///made-up", context=context)
    caller = FakeCaller(fake)
    link._caller = caller
    link.offers, link.state = offers, LinkState.ALIVE
    link.facts = {"version": "1.0.0", "pid": 1, "uptime": 5.0, "check_delay": 5.0, "stats_endpoint": "ipc:///s",
                  "pubsub_endpoint": "ipc:///p"}  # fmt: skip
    link.picture.set_statuses(fake.state)
    for name in fake.options:
        link.picture.set_options(name, fake.options[name])
        link.picture.set_described(name, fake.do_describe({"name": name}), now=10.0)
    link.picture.sockets = fake.sockets
    link.picture.tick(now=10.0)
    hub.links[link.id] = link
    app = make_app(
        Context(hub, gate, "1.0.0", open_to_all=False), allowed_hosts=["localhost"], owns_hub=False
    )
    return World(app, hub, gate, link, fake, caller)
