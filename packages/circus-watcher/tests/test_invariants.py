"""Commands in any order, workers of any temper: the invariants hold, and everything ends."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watching import Fixture, script, spec_of

from circus.process.errors import Stage
from circus.process.exits import ExitStatus
from circus.process.testing import Script
from circus.watcher import commands as c
from circus.watcher.status import Phase

CRASH = ExitStatus(code=3)

scripts = st.sampled_from(
    [
        Script(),
        Script(lifetime=0.05, exit=CRASH),
        Script(lifetime=3.0),
        Script(on_signal=None),
        Script(on_signal=1.5, strays=1),
        Script(fails=Stage.EXEC),
        Script(fails=Stage.FORK),
    ]
)
moves = st.sampled_from(
    [
        c.Start(),
        c.Stop(),
        c.Stop(graceful_timeout=0),
        c.Restart(),
        c.Reload(),
        c.Reload(sequential=True),
        c.Reload(graceful=False),
        c.Scale(1),
        c.Scale(-1),
        c.SetCount(3),
        c.Kill(),
        c.Configure(spec_of(cmd="other", numprocesses=2)),
    ]
)


@pytest.mark.slow
@given(
    st.lists(scripts, min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.1, 2.0, 50.0]), moves), max_size=15),
    st.booleans(),
    st.integers(0, 3),
)
def test_commands_in_any_order_end_and_the_invariants_hold(kinds, asked, singleton, warmup):
    async def test(w):
        seen = []

        def spawn(spec, original=w.spawner.spawn):
            slots = Counter(child.label for child in w.spawner.running)
            wanted = w.runner.spec.count
            limit = wanted + (0 if w.runner.spec.options.singleton else max(1, wanted))
            assert slots[spec.label] == 0, "two workers in one slot"
            assert len(w.spawner.running) < limit, "more than wanted plus surge"
            assert w.runner.snapshot().phase in {Phase.RISING, Phase.RUNNING}, "a start while it stops"
            return original(spec)

        w.spawner.spawn = spawn
        for pause, command in asked:
            await asyncio.sleep(pause)
            seen.append(w.runner.ask(command))
        stop = await w.runner.ask(c.Stop())
        assert not stop.superseded_by
        assert w.spawner.running == []
        assert all(child.survivors() == () for child in w.spawner.children)
        async with asyncio.timeout(1):
            await asyncio.gather(*seen)
        spawned = len(w.spawner.children)
        await asyncio.sleep(1000)
        assert len(w.spawner.children) == spawned

    def kind(spec):
        return kinds[int(spec.label.rpartition(".")[2]) % len(kinds)]

    options = {"singleton": singleton, "numprocesses": 1 if singleton else 2, "warmup_delay": warmup}
    script(test, Fixture(kind, graceful_timeout=5, **options))
