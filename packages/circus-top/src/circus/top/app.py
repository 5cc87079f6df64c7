"""The live display: feeds in, keys in, frames out. Decides nothing that `view` and `render` do not."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Final, final

from rich.console import Console

from circus.top.feed import Feed
from circus.top.model import World
from circus.top.press import press
from circus.top.render import body_height, render
from circus.top.rows import rows_of, selected
from circus.top.terminal import Terminal
from circus.top.view import Ask, Effect, Mode, Perform, Quit, View

__all__ = ["App", "wall"]

_DETAIL_EVERY: Final = 2.0
"""Seconds after which an open detail screen asks again."""
_HURRY: Final = 4.0
"""Seconds in which the first figures are looked for more often."""


def wall() -> float:
    """Seconds since the epoch, to be shown only."""
    return datetime.now(tz=UTC).timestamp()


@final
class App:
    """Runs until the user leaves.

    Args:
        world: what the feeds fill.
        feeds: one a daemon; they stay the caller's.
        view: how to begin.
        interval: seconds between two looks.
        console: where to draw.
    """

    def __init__(
        self, world: World, feeds: Sequence[Feed], view: View, *, interval: float, console: Console
    ) -> None:
        self._world = world
        self._feeds = {feed.daemon.endpoint: feed for feed in feeds}
        self._view = view
        self._interval = interval
        self._console = console
        self._work = asyncio.Event()
        self._is_over = False
        self._height = 1
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Show, until a key or a signal ends it. The terminal is given back whatever happens."""
        terminal = Terminal(
            on_keys=self._on_keys, on_change=self._work.set, on_end=self._end, console=self._console
        )
        with terminal:
            async with asyncio.TaskGroup() as group:
                self._group = group
                tasks = [group.create_task(feed.run(), name="feed") for feed in self._feeds.values()]
                tasks.append(group.create_task(self._refresh_detail(), name="detail"))
                await self._show(terminal)
                for task in tasks:
                    task.cancel()

    async def _show(self, terminal: Terminal) -> None:
        loop = asyncio.get_running_loop()
        next_tick = loop.time()
        hurry_until = next_tick + _HURRY
        while not self._is_over:
            self._work.clear()
            now = loop.time()
            if now >= next_tick:
                self._tick(now)
                is_new = now < hurry_until and not all(feed.is_complete for feed in self._feeds.values())
                interval = min(self._interval, 0.1) if is_new else self._interval
                next_tick = max(next_tick + interval, now + interval / 2)
            self._draw(terminal)
            try:
                async with asyncio.timeout_at(next_tick):
                    await self._work.wait()
            except TimeoutError:
                continue

    def _tick(self, now: float) -> None:
        self._world.wall = wall()
        for feed in self._feeds.values():
            feed.take(now=now, wall=self._world.wall, keep=not self._view.paused)

    def _draw(self, terminal: Terminal) -> None:
        look = terminal.look
        self._height = body_height(look.height)
        frame, self._view = render(self._world, self._view, look)
        terminal.show(frame)

    def _on_keys(self, keys: list[str]) -> None:
        for key in keys:
            rows = rows_of(self._world, self._view)
            self._view, effects = press(self._view, key, rows, height=self._height)
            for effect in effects:
                self._carry_out(effect)
        self._work.set()

    def _end(self) -> None:
        self._is_over = True
        self._work.set()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Quit():
                self._end()
            case Ask():
                self._spawn(self._ask(effect))
            case Perform():
                self._spawn(self._perform(effect))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        if self._group is not None:
            self._group.create_task(work)

    async def _ask(self, effect: Ask) -> None:
        await self._feeds[effect.endpoint].ask_detail(effect.watcher)
        self._work.set()

    async def _perform(self, effect: Perform) -> None:
        self._say(f"{effect.about} ...")
        self._say(
            f"{effect.about}: {await self._feeds[effect.endpoint].perform(effect.command, effect.properties)}"
        )

    def _say(self, text: str) -> None:
        self._view = self._view.saying(text)
        self._work.set()

    async def _refresh_detail(self) -> None:
        while True:
            await asyncio.sleep(_DETAIL_EVERY)
            if self._view.mode is Mode.DETAIL:
                row = selected(self._view, rows_of(self._world, self._view))
                if row is not None and row.watcher is not None:
                    await self._ask(Ask(row.endpoint, row.watcher.name))
