"""Fair shares of the loop: how many a round, and that nobody who waits is forgotten."""

import asyncio

import pytest
from watching import Fixture, script

from circus.process.testing import run_virtual
from circus.watcher import commands as c
from circus.watcher.pace import Pace, spawns_a_round


@pytest.mark.parametrize(("cost", "places"), [(0.0, 4), (0.0025, 4), (0.003, 3), (0.005, 2), (0.5, 2)])
def test_the_dearer_a_spawn_the_fewer_a_round(cost, places):
    assert spawns_a_round(cost) == places


async def rounds_of(count, begin):
    """How many of so many get their turn in each round of the loop; ``begin`` takes what is to be called then."""
    turns: list[int] = []
    now = 0
    for _ in range(count):
        begin(lambda: turns.append(now))
    while len(turns) < count:
        await asyncio.sleep(0)
        now += 1
    return [turns.count(number) for number in range(now + 1)]


def test_sleepers_are_awakened_some_a_round():
    async def main():
        pace, loop = Pace(), asyncio.get_running_loop()

        def begin(call):
            sleeper = loop.create_future()
            sleeper.add_done_callback(lambda _: call())
            pace.wake(sleeper)

        rounds = await rounds_of(1000, begin)
        assert sum(rounds) == 1000
        assert max(rounds) <= 32

    run_virtual(main())


def test_who_has_gone_away_takes_no_place():
    async def main():
        pace, loop = Pace(), asyncio.get_running_loop()
        sleepers = [loop.create_future() for _ in range(200)]
        for sleeper in sleepers:
            pace.wake(sleeper)
        for sleeper in sleepers[32:199]:
            sleeper.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sleepers[199].done()

    run_virtual(main())


def test_spawns_take_turns():
    async def main():
        pace = Pace()
        async with asyncio.TaskGroup() as group:

            async def turn(call):
                place = pace.line_up()
                if place is not None:
                    await place
                call()

            rounds = await rounds_of(100, lambda call: group.create_task(turn(call)))
        assert sum(rounds) == 100
        assert max(rounds) <= 4

    run_virtual(main())


def test_a_large_watcher_starts_reloads_and_stops_in_portions():
    async def test(w):
        assert len((await w.start()).started) == 300
        outcome = await w.runner.ask(c.Reload())
        assert (len(outcome.started), len(outcome.stopped), outcome.kept) == (300, 300, ())
        assert len((await w.runner.ask(c.SetCount(20))).stopped) == 280
        assert len((await w.runner.ask(c.Stop())).stopped) == 20
        assert w.spawner.running == []

    script(test, Fixture(numprocesses=300))


@pytest.mark.parametrize("later", [c.Stop(), c.SetCount(0)])
def test_who_waits_for_a_turn_to_spawn_still_takes_commands(later):
    pace = Pace()

    async def test(w):
        for _ in range(4):
            assert pace.line_up() is None
        pace.line_up, free = (
            lambda: asyncio.get_running_loop().create_future(),
            pace.line_up,
        )  # no turn ever comes
        started = w.runner.ask(c.Start())
        await asyncio.sleep(1)
        assert not started.done()
        async with asyncio.timeout(10):
            assert (await w.runner.ask(later)).ok
        assert w.spawner.children == []
        pace.line_up = free

    script(test, Fixture(runner={"pace": pace}))
