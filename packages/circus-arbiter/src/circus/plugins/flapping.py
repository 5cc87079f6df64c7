"""A plugin that pauses, and in the end stops, a watcher whose workers die again and again.

Theory: an *exit* counts if nobody commanded it; circusd says why each one happened. So many exits within the window,
without the pauses that circusd itself makes between quick deaths, are flapping: the watcher is stopped and started
again after a while, so many times in a row; then it stays stopped. A quiet time as long as the window ends the row.
The daemon backs off and gives up by itself, too (`max_restarts`); this plugin is for those who rely on its options.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, assert_never, final

from circus.plugins.base import CircusPlugin
from circus.plugins.events import WatcherEvent
from circus.protocol.values import parse_bool

__all__ = ["Flapping", "History", "Limits", "Verdict", "is_unasked"]

log = logging.getLogger("circus")

_UNASKED = frozenset({"crash", "exit"})


def is_unasked(payload: Mapping[str, Any]) -> bool:
    """Whether the exit that a reap event tells of was commanded by nobody."""
    return payload.get("why", "crash") in _UNASKED


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What counts as flapping, and what is done then; times in seconds.

    Args:
        attempts: so many exits
        window: within this time are flapping.
        retry_in: the watcher is started again after this.
        max_retry: so many times in a row; then it stays stopped. -1: no limit.
        active: whether anything is done at all.
    """

    attempts: int = 2
    window: float = 1.0
    retry_in: float = 7.0
    max_retry: int = 5
    active: bool = True

    def override(self, options: Mapping[str, Any]) -> "Limits":
        """These limits with those that are given, as text or not; other options do not matter.

        Raises:
            ValueError: a value makes no sense.
        """
        changed: dict[str, Any] = {}
        for field in fields(self):
            if (value := options.get(field.name)) is not None:
                changed[field.name] = _READ[field.name](value)
        limits = replace(self, **changed)
        if limits.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, not {limits.attempts}")
        return limits


_READ: dict[str, Callable[[Any], Any]] = {
    "attempts": int,
    "window": float,
    "retry_in": float,
    "max_retry": int,
    "active": parse_bool,
}


class Verdict(Enum):
    """What to do about an exit."""

    NOTHING = "nothing"
    PAUSE = "pause"
    """Stop the watcher, and start it after `Limits.retry_in`."""
    GIVE_UP = "give up"
    """Stop the watcher for good."""


@final
class History:
    """The exits of one watcher. Time is an argument, monotonic, in seconds."""

    def __init__(self) -> None:
        self.tries = 0
        self._exits: deque[float] = deque()
        self._last_exit: float | None = None
        self._idle = 0.0
        """Seconds that circusd, or we, made it wait. Times of exits are of a clock without them."""
        self._idle_until = 0.0

    def waits(self, seconds: float, *, now: float) -> None:
        """The next worker is started only after some time; that time is not quiet, and not within the window."""
        until = now + seconds
        self._idle += max(0.0, until - max(now, self._idle_until))
        self._idle_until = max(self._idle_until, until)

    def exited(self, limits: Limits, *, now: float) -> Verdict:
        """A worker has ended, and nobody had commanded it."""
        # What is left of a pause (other workers of the watcher run meanwhile) has not passed yet.
        running = now - self._idle + max(0.0, self._idle_until - now)
        if self._last_exit is not None and running - self._last_exit > limits.window:
            self.forget()
        self._last_exit = running
        self._exits.append(running)
        while len(self._exits) > limits.attempts:
            self._exits.popleft()
        if len(self._exits) < limits.attempts or running - self._exits[0] > limits.window:
            return Verdict.NOTHING
        self._exits.clear()
        if limits.max_retry != -1 and self.tries >= limits.max_retry:
            self.forget()
            return Verdict.GIVE_UP
        self.tries += 1
        return Verdict.PAUSE

    def forget(self) -> None:
        """It ran well, or somebody took it in hand: begin anew."""
        self.tries = 0
        self._exits.clear()


class Flapping(CircusPlugin):
    """Stops watchers that flap. Options: those of `Limits`; a watcher's own are ``flapping.attempts`` and so on."""

    name = "flapping"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.limits = Limits().override({**config, "active": True})
        self.configs: dict[str, Limits] = {}
        self.histories: dict[str, History] = {}
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping: set[str] = set()
        """Watchers that we told to stop and that have not said so yet."""

    def handle_stop(self) -> None:
        """Start nothing any more."""
        for timer in self.timers.values():
            timer.cancel()

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Follow the watcher that the event is about."""
        event = WatcherEvent.read(data)
        name = event.watcher
        match event.name:
            case "reap" if is_unasked(event.payload):
                self.check(name)
            case "backoff":
                self._history(name).waits(float(event.payload.get("wait", 0)), now=time.monotonic())
            case "updated":
                self.configs.pop(name, None)
            case "stop":
                self._stopped(name)
            case "start":
                self._cancel(name)
            case "add" | "remove":
                self.reset(name)
            case _:
                pass

    def check(self, watcher: str) -> None:
        """A worker of the watcher has ended unasked: see what that makes."""
        limits = self._limits(watcher)
        if not limits.active or watcher in self.timers:
            return
        history = self._history(watcher)
        verdict = history.exited(limits, now=time.monotonic())
        match verdict:
            case Verdict.NOTHING:
                pass
            case Verdict.PAUSE:
                wait = f"{limits.retry_in:g} s"
                log.info("%s: flapping: stopped for %s (attempt %d)", watcher, wait, history.tries)
                self._stop(watcher)
                self.timers[watcher] = self.loop.call_later(limits.retry_in, self._start, watcher)
                history.waits(limits.retry_in, now=time.monotonic())
            case Verdict.GIVE_UP:
                log.info("%s: flapping: stopped for good after %d attempts", watcher, limits.max_retry)
                self._stop(watcher)
            case _:
                assert_never(verdict)

    def reset(self, watcher: str) -> None:
        """Forget all about a watcher."""
        self._cancel(watcher)
        self.histories.pop(watcher, None)
        self.configs.pop(watcher, None)
        self._stopping.discard(watcher)

    def _stop(self, watcher: str) -> None:
        self._stopping.add(watcher)
        self.cast("stop", name=watcher, match="simple")

    def _start(self, watcher: str) -> None:
        del self.timers[watcher]
        self.cast("start", name=watcher, match="simple")

    def _stopped(self, watcher: str) -> None:
        if watcher in self._stopping:
            self._stopping.discard(watcher)
        else:
            self.reset(watcher)  # somebody else stopped it: they decide when it starts

    def _cancel(self, watcher: str) -> None:
        timer = self.timers.pop(watcher, None)
        if timer is not None:
            timer.cancel()

    def _history(self, watcher: str) -> History:
        return self.histories.setdefault(watcher, History())

    def _limits(self, watcher: str) -> Limits:
        if watcher not in self.configs:
            options = self.call("options", name=watcher).get("options", {})
            head = f"{self.name}."
            own = {key.removeprefix(head): value for key, value in options.items() if key.startswith(head)}
            try:
                self.configs[watcher] = self.limits.override(own)
            except ValueError as error:
                log.warning("%s: its flapping options are ignored: %s", watcher, error)
                self.configs[watcher] = self.limits
        return self.configs[watcher]
