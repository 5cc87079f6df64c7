"""One watcher as the arbiter holds it: its runner, the task that owns it, and what is told about it.

Nothing is decided here; the runner decides, the engine asks.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from logging import getLogger
from types import MappingProxyType
from typing import Any, final

from circus.protocol.messages import Logs
from circus.protocol.options import WatcherOptions
from circus.watcher.commands import Command, Outcome, Shutdown, Start, Stop
from circus.watcher.output import Follow, HubOutput
from circus.watcher.runner import WatcherRunner

__all__ = ["Entry", "HookKeywords", "Told", "Turn", "outcomes_of", "turns_to_start"]

log = getLogger("circus.arbiter")

Turn = Callable[[], "asyncio.Future[Outcome]"]
"""Gives a command whose time has come."""
Told = list[tuple[str, Outcome]]
"""What came of a command, by the name of each watcher that it was given to."""


@final
class HookKeywords(Mapping[str, Any]):
    """The keywords of a watcher's hooks, which are known only once there is its entry."""

    known: Mapping[str, Any] = MappingProxyType({})

    def __getitem__(self, key: str) -> Any:
        return self.known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


@final
class Entry:
    """A watcher in the roster.

    Args:
        runner: the watcher's owner.
        output: where its workers' output goes; the runner's.
    """

    def __init__(self, runner: WatcherRunner, output: HubOutput) -> None:
        self.runner = runner
        self._output = output
        self._owner: asyncio.Task[None] | None = None
        self._stops = 0

    def __repr__(self) -> str:
        return f"<Entry {self.name}: {self.runner.snapshot().status.value}>"

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return self.runner.name

    @property
    def options(self) -> WatcherOptions:
        """As they are now."""
        return self.runner.spec.options

    @property
    def priority(self) -> int:
        """The highest starts first and stops last."""
        return self.options.priority

    @property
    def autostart(self) -> bool:
        """Whether it starts with the daemon."""
        return self.options.autostart

    def start_owner(self, tasks: asyncio.TaskGroup) -> None:
        """Run the owner as a child of the arbiter's tasks; until then commands wait."""
        self._owner = tasks.create_task(self._own(), name=f"watcher {self.name}")

    async def _own(self) -> None:
        """Run the owner; should it fail in a way that nobody foresaw, that costs this watcher alone."""
        try:
            await self.runner.run()
        except Exception:
            log.exception(
                "watcher %s: internal error; its workers were killed, and it answers no more", self.name
            )

    async def ended(self) -> None:
        """Wait until the owner has ended; ask it to with `Shutdown` or `Release`."""
        if self._owner is not None:
            await asyncio.wait([self._owner])

    def ask(self, command: Command) -> "asyncio.Future[Outcome]":
        """Tell the watcher to do something, now: commands count in the order in which this is called.

        Returns:
            A future of what came of it.
        """
        self._stops += isinstance(command, Stop | Shutdown)
        return self.runner.ask(command)

    def later(self, command: Command, *, stops: int = 0) -> Turn:
        """What tells the watcher this when its turn comes. A stop that somebody asks for in between overrides it.

        Args:
            command: what to tell.
            stops: how many in between are the caller's own.
        """
        allowed = self._stops + stops

        def turn() -> "asyncio.Future[Outcome]":
            if self._stops == allowed:
                return self.ask(command)
            overridden = asyncio.get_running_loop().create_future()
            overridden.set_result(Outcome(superseded_by="stop", count=self.runner.spec.count))
            return overridden

        return turn

    def cast(self, command: Command) -> None:
        """Tell the watcher to do something; nobody waits for what comes of it."""
        _ = self.ask(command)

    async def extend_stats(self, pid: int, stats: dict[str, Any]) -> None:
        """Let the `extended_stats` hook add to the figures of a process."""
        await self.runner.call_hook("extended_stats", pid=pid, stats=stats)

    # -- output ------------------------------------------------------------------------------------------------

    @property
    def captures(self) -> bool:
        """Whether any output of its workers comes to us."""
        return any(self._output.captures())

    def follow(self, follow: Follow | None) -> None:
        """Tell somebody of every new line from now on; None: nobody any more."""
        self._output.follow(follow)

    def log_lines(self, request: Logs) -> list[dict[str, Any]]:
        """The last lines that a request asks for."""
        found = self._output.lines(
            count=request.lines, pid=request.pid, stream=request.stream, since=request.since
        )
        return [
            {
                "time": one.line.wall,
                "wid": one.source.wid,
                "pid": one.source.pid,
                "stream": one.source.stream,
                "data": one.line.data.decode("utf-8", "replace"),
            }
            for one in found
        ]


def turns_to_start(entries: Iterable[Entry], *, stops: int = 0) -> dict[Entry, Turn]:
    """What starts each of these watchers when its turn comes, as `Entry.later` says, in their order."""
    return {entry: entry.later(Start(), stops=stops) for entry in entries}


async def outcomes_of(asked: Iterable[tuple[str, "asyncio.Future[Outcome]"]]) -> Told:
    """Wait for all of them, each with the name of its watcher."""
    asked = list(asked)
    outcomes = await asyncio.gather(*(future for _, future in asked))
    return [(name, outcome) for (name, _), outcome in zip(asked, outcomes, strict=True)]
