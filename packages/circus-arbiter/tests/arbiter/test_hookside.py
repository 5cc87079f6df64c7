"""Hooks of circusd's watchers see and use the objects that they know."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import watcher

pytestmark = pytest.mark.real


async def test_a_hook_looks_at_its_watcher_and_the_arbiter_and_acts(run: Callable[..., Any]) -> None:
    seen: dict[str, Any] = {}

    def hook(watcher: Any, arbiter: Any, hook_name: str, pid: int, **_: Any) -> bool:
        seen["thread"] = threading.current_thread() is threading.main_thread()
        seen["watcher"] = (
            watcher.name,
            watcher.cmd,
            watcher.numprocesses,
            dict(watcher.options())["colour"],
            hook_name,
        )
        seen["pids"] = (pid, watcher.pids, arbiter.get_watcher("WEB").pids)
        seen["arbiter"] = (arbiter.numwatchers(), sorted(one.name for one in arbiter.iter_watchers()))
        seen["count"] = arbiter.get_watcher("other").incr().result(10)
        return True

    web = watcher("web", hooks={"after_spawn": hook}, autostart=False, colour="mauve")
    async with run(web, watcher("other")) as arbiter:
        await arbiter.ok("start", name="web", waiting=True)
        (pid,) = (await arbiter.ok("list", name="web"))["pids"]
        assert (await arbiter.ok("numprocesses", name="other"))["numprocesses"] == 2
    assert not seen["thread"]
    assert seen["watcher"] == ("web", "sleep 1000", 1, "mauve", "after_spawn")
    assert seen["pids"] == (pid, [pid], [pid])
    assert seen["arbiter"] == (2, ["other", "web"])
    assert seen["count"] == 2


async def test_a_watcher_of_the_same_name_is_another_one(run: Callable[..., Any]) -> None:
    commands: list[str] = []

    def hook(watcher: Any, **_: Any) -> bool:
        commands.append(watcher.cmd)
        return True

    hooks = {"before_start": hook}
    async with run(watcher("web", "sleep 1001", hooks=hooks)) as arbiter:
        await arbiter.ok("rm", name="web", waiting=True)
        arbiter.engine.add(watcher("web", "sleep 1002", hooks=hooks))
        await arbiter.ok("start", name="web", waiting=True)
    assert commands == ["sleep 1001", "sleep 1002"]
