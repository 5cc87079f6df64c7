"""How the console keeps to a daemon."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from circus.exc import CallError
from circus.web import link
from fake_circusd import Fake
from web_world import FakeCaller, World


async def test_a_heartbeat_is_one_question_however_much_has_changed(world: World):
    """Else a daemon that answers is taken for dead when a thousand watchers change at once."""
    world.fake.state = dict.fromkeys(world.fake.state, "stopped")
    world.link._probe.set()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        heartbeat = tasks.create_task(world.link._keep_alive(), name="heartbeat")
        await world.link._wake.wait()
        heartbeat.cancel()
    assert [one["command"] for one in world.caller.asked] == ["status"]
    assert world.link._dirty >= {"web", "mail"}, "they are looked at next"


class Tired(FakeCaller):
    """Answers so many times."""

    def __init__(self, fake: Fake, *, after: int) -> None:
        super().__init__(fake)
        self.after = after

    async def call(self, cmd: Mapping[str, Any]) -> dict[str, Any]:
        if len(self.asked) == self.after:
            self.broken = CallError("Timed out.")
        return await super().call(cmd)


async def test_while_nobody_looks_a_heartbeat_asks_for_nothing_that_costs(world: World, monkeypatch: Any):
    """A status of a thousand watchers is work for the daemon; events tell of changes, and one heartbeat of ten looks all the same."""
    monkeypatch.setattr(link, "HEARTBEAT", 0.0)

    async def beats(count: int) -> list[str]:
        world.link._caller = caller = Tired(world.fake, after=count)
        with pytest.raises(link._LostError):
            await world.link._keep_alive()
        return [one["command"] for one in caller.asked if one["command"] != "listsockets"]

    assert (await beats(9)).count("status") == 1
    world.link.show()
    assert set(await beats(9)) == {"status"}
    world.link.rest()
    assert (await beats(9)).count("version") >= 8
