"""What the tests of the runner share: a watcher on fakes, in virtual time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from circus.process.testing import FakeSpawner, Script, run_virtual
from circus.protocol.options import WatcherOptions
from circus.watcher import events
from circus.watcher.commands import Shutdown, Start
from circus.watcher.runner import WatcherRunner
from circus.watcher.spec import WatcherSpec

__all__ = ["Fixture", "script", "spec_of"]


def spec_of(name: str = "web", **options: Any) -> WatcherSpec:
    """A spec with a command."""
    return WatcherSpec.resolve(name, WatcherOptions(**{"cmd": "worker", **options}), environ={"PATH": "/bin"})


class Fixture:
    """A runner, its fakes and what it published."""

    def __init__(self, scripts: Any = None, *, runner: dict[str, Any] | None = None, **options: Any) -> None:
        self.spawner = FakeSpawner(Script() if scripts is None else scripts)
        self.log: list[events.Event] = []
        self.runner = WatcherRunner(
            spec_of(**options),
            spawner=self.spawner,
            publish=self.log.append,
            rng=random.Random(1),
            **(runner or {}),
        )

    def said(self, kind: type) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.log if isinstance(event, kind)]

    @property
    def words(self) -> list[str]:
        """The kinds of all events, in order."""
        return [type(event).__name__ for event in self.log]

    async def start(self) -> Any:
        """Start it."""
        return await self.runner.ask(Start())


def script(test: Callable[..., Awaitable[None]], fixture: Fixture) -> None:
    """Run a test in virtual time, beside its watcher, and shut the watcher down."""

    async def main() -> None:
        async with asyncio.timeout(10_000_000), asyncio.TaskGroup() as group:
            task = group.create_task(fixture.runner.run())
            try:
                await test(fixture)
            except BaseException:
                task.cancel()
                raise
            await fixture.runner.ask(Shutdown(graceful_timeout=1))
            await task

    run_virtual(main())
