"""How the console keeps to a daemon."""

import asyncio

from web_world import World


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
