"""Hooks: what they are given, what their results do, and that one that hangs or raises harms its own watcher alone."""

import asyncio
import sys
import threading

import pytest
from watching import spec_of

from circus.process.testing import FakeSpawner, Script
from circus.watcher import commands as c
from circus.watcher import events as e
from circus.watcher.hooks import resolve_hook
from circus.watcher.runner import WatcherRunner
from circus.watcher.status import Status


class Watched:
    """A watcher on fakes, in real time, since hooks run on a thread."""

    def __init__(self, script=None, **options):
        self.log = []
        self.spawner = FakeSpawner(script or Script())
        self.runner = WatcherRunner(
            spec_of(**options),
            spawner=self.spawner,
            publish=self.log.append,
            hook_context={"watcher": "w", "arbiter": "a"},
        )

    async def __aenter__(self):
        self.task = asyncio.get_running_loop().create_task(self.runner.run())
        return self

    async def __aexit__(self, *_):
        await self.runner.ask(c.Shutdown(graceful_timeout=0.2))
        await self.task

    def said(self, kind):
        return [event for event in self.log if isinstance(event, kind)]


async def test_each_hook_is_called_in_its_place_with_its_keywords_on_another_thread():
    calls = []

    def hook(**keywords):
        assert threading.current_thread() is not threading.main_thread()
        assert (keywords.pop("watcher"), keywords.pop("arbiter")) == ("w", "a")
        calls.append((keywords.pop("hook_name"), keywords))
        return True

    names = [
        "before_start", "after_start", "before_spawn", "after_spawn", "before_stop", "after_stop", "before_signal",
        "after_signal", "before_reap", "after_reap",
    ]  # fmt: skip
    async with Watched(hooks=dict.fromkeys(names, hook)) as w:
        await w.runner.ask(c.Start())
        await w.runner.ask(c.Stop())
    pid = w.spawner.children[0].pid
    assert [name for name, _ in calls] == [
        "before_start", "before_spawn", "after_spawn", "after_start", "before_stop", "before_signal", "after_signal",
        "before_reap", "after_reap", "after_stop",
    ]  # fmt: skip
    keywords = dict(calls)
    assert keywords["after_spawn"] == {"pid": pid}
    assert keywords["before_signal"] == {"pid": pid, "signum": 15}
    assert set(keywords["before_reap"]) == {"process_pid", "time"}
    assert keywords["after_reap"]["exit_code"] == -15
    assert {event.hook for event in w.said(e.HookSucceeded)} == set(names)


@pytest.mark.parametrize("name", ["before_start", "before_spawn", "after_spawn", "after_start"])
async def test_a_hook_that_says_no_stops_the_watcher(name):
    async with Watched(hooks={name: lambda **_: False}) as w:
        outcome = await w.runner.ask(c.Start())
        assert name in outcome.failures
        assert w.runner.snapshot().status is Status.STOPPED
        assert w.spawner.running == []


def boom(**_):
    raise RuntimeError("boom")


async def test_a_hook_that_raises_counts_as_no_and_is_published():
    async with Watched(hooks={"before_start": boom}) as w:
        assert "before_start" in (await w.runner.ask(c.Start())).failures
        assert w.said(e.HookFailed)[0].error == "boom"


async def test_a_failure_that_is_to_be_ignored_is():
    async with Watched(hooks={"before_start": (boom, True), "before_stop": boom}) as w:
        assert (await w.runner.ask(c.Start())).ok
        assert (await w.runner.ask(c.Stop())).ok
        assert len(w.said(e.HookFailed)) == 2


async def test_a_signal_that_a_hook_forbids_is_not_sent_but_sigkill_is():
    async with Watched(hooks={"before_signal": lambda **_: False}) as w:
        await w.runner.ask(c.Start())
        outcome = await w.runner.ask(c.Stop(graceful_timeout=0.05))
        assert outcome.killed
        assert w.spawner.children[0].signals == [9]


async def test_a_stop_ends_though_its_hook_never_returns():
    gate = threading.Event()
    async with Watched(
        hooks={"before_stop": lambda **_: gate.wait(), "after_stop": lambda **_: gate.wait()}
    ) as w:
        await w.runner.ask(c.Start())
        assert (await w.runner.ask(c.Stop(graceful_timeout=0.05))).ok
        assert {event.hook for event in w.said(e.HookFailed)} == {"before_stop", "after_stop"}
        gate.set()


async def test_a_stop_wins_over_a_hook_that_hangs_before_a_spawn():
    gate = threading.Event()
    async with Watched(hooks={"before_spawn": lambda **_: gate.wait()}) as w:
        starting = w.runner.ask(c.Start())
        assert (await w.runner.ask(c.Stop())).ok
        assert (await starting).superseded_by == "stop"
        gate.set()
    assert w.spawner.children == []


async def test_extended_stats_is_called_for_whoever_asks():
    stats = {}
    async with Watched(hooks={"extended_stats": lambda stats, **_: stats.update(more=1)}) as w:
        await w.runner.call_hook("extended_stats", pid=1, stats=stats)
        assert stats == {"more": 1}
        assert await w.runner.call_hook("before_start") is True


def test_a_name_is_found_on_the_watcher_s_own_path_which_does_not_stay(tmp_path):
    (tmp_path / "my_hooks_for_test.py").write_text("class A:\n    def hook(**kw): return True\n")
    found = resolve_hook("my_hooks_for_test.A.hook", str(tmp_path))
    assert found(x=1)
    assert str(tmp_path) not in sys.path
    sys.modules.pop("my_hooks_for_test")


@pytest.mark.parametrize("name", ["no_such_module.hook", "os.no_such_hook", "os.path.sep"])
def test_a_name_that_is_not_there(name):
    with pytest.raises(ImportError):
        resolve_hook(name)
