"""All slots of one watcher and the counts over them, kept as each event comes: nothing here costs more with more workers.

The board applies the pure table (`circus.watcher.machine`) to one worker at a time, carries a plan out, and hands the effects
back; it does no I/O and knows no clock. One owner, no lock.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import final

from circus.watcher.events import Why
from circus.watcher.machine import Effect, Event, Rules, Start, State, Stop, Worker, step
from circus.watcher.plan import Census, Plan
from circus.watcher.restart import Intensity
from circus.watcher.slots import Slots

__all__ = ["Board", "Carry"]

Carry = Callable[[Worker, Worker, tuple[Effect, ...]], None]
"""Told of each step: the worker before, the worker after, and the effects to carry out."""

_LEAVING = frozenset({State.STOPPING, State.KILLING, State.STUCK})
_IDLE = frozenset({State.BACKOFF, State.GAVE_UP})


@final
class Board:
    """The slots.

    Args:
        carry: called after each step, when the counts are right again.
    """

    def __init__(self, carry: Carry) -> None:
        self.workers: dict[int, Worker] = {}
        self.generation = 0
        self.spent = 0
        """Slots that are not filled again because their worker ended and `respawn` or `on_demand` says so."""
        self.intensity = Intensity()
        self._carry = carry
        self._slots = Slots()
        self._counts = dict.fromkeys(State, 0)
        # Slots that stay, by what is the cheapest to give up: those without a process, then the oldest process.
        self._idle: dict[int, None] = {}
        self._busy: dict[int, None] = {}
        self._old_idle: dict[int, None] = {}
        self._old_busy: dict[int, None] = {}
        self._refilling = 0
        self._ready = 0

    # -- looking -----------------------------------------------------------------------------------------------------------

    def count(self, state: State, *others: State) -> int:
        """How many workers are in one of these states."""
        count = self._counts[state]
        return count + sum(self._counts[other] for other in others) if others else count

    @property
    def up(self) -> int:
        """Workers that are up, of whatever generation."""
        return self._counts[State.UP]

    @property
    def old(self) -> int:
        """Workers of earlier generations that were not told to leave yet."""
        return len(self._old_idle) + len(self._old_busy)

    @property
    def living(self) -> int:
        """Slots that are neither empty nor stuck."""
        return len(self.workers) - self._counts[State.STUCK]

    def census(self, *, singleton: bool, rested: bool) -> Census:
        """The counts that a plan is made from."""
        counts = self._counts
        stuck = counts[State.STUCK]
        leaving = counts[State.STOPPING] + counts[State.KILLING]
        return Census(
            staying=len(self._idle) + len(self._busy) + self._refilling,
            old=self.old,
            leaving=leaving - self._refilling,
            alive=counts[State.STARTING] + counts[State.UP] + leaving + (stuck if singleton else 0),
            ready=self._ready,
            starting=counts[State.STARTING],
            rested=rested,
        )

    # -- changing ----------------------------------------------------------------------------------------------------------

    def apply(self, wid: int, event: Event, now: float, rules: Rules) -> Worker:
        """One event for one worker; returns the worker as it is afterwards.

        Raises:
            KeyError: the slot is empty.
            IllegalTransitionError: the event cannot come now.
        """
        before = self.workers[wid]
        after, effects = step(before, event, now, rules)
        if after is not before:
            self._replace(before, after)
        if effects or after is not before:
            self._carry(before, after, effects)
        return after

    def start(self, why: Why, now: float, rules: Rules) -> None:
        """Fill one more slot, the lowest free one."""
        wid = self._slots.take()
        before = Worker(wid)
        after, effects = step(before, Start(why, self.generation), now, rules)
        self._replace(before, after)
        self._carry(before, after, effects)

    def carry_out(
        self, plan: Plan, now: float, rules: Rules, *, start: Why, stop: Stop, replace: Stop
    ) -> None:
        """Start and stop as many as the plan says.

        Args:
            plan: the numbers.
            now: monotonic seconds.
            rules: of the watcher.
            start: the reason given for starts.
            stop: the event for surplus workers.
            replace: the event for workers of earlier generations.
        """
        for wid in list(_first(plan.stop_extra, self._idle, self._busy)):
            self.apply(wid, stop, now, rules)
        for wid in list(_first(plan.stop_old, self._old_idle, self._old_busy)):
            self.apply(wid, replace, now, rules)
        for _ in range(plan.start):
            self.start(start, now, rules)

    def outdate(self) -> None:
        """Begin a new generation: every worker that stays is to be replaced."""
        self.generation += 1
        if not self._old_idle and not self._old_busy:
            self._old_idle, self._idle = self._idle, self._old_idle
            self._old_busy, self._busy = self._busy, self._old_busy
        else:
            self._old_idle.update(self._idle)
            self._old_busy.update(self._busy)
            self._idle.clear()
            self._busy.clear()
        self._ready = 0

    def waiting(self) -> tuple[int, ...]:
        """The slots that wait for a next try or have given up."""
        return tuple(wid for wid in (*self._idle, *self._old_idle) if self.workers[wid].state in _IDLE)

    # -- the counts --------------------------------------------------------------------------------------------------------

    def _replace(self, before: Worker, after: Worker) -> None:
        self._counts[before.state] -= before.state is not State.EMPTY
        self._discard(before)
        if after.state is State.EMPTY:
            del self.workers[after.wid]
            self._slots.give_back(after.wid)
            return
        self._counts[after.state] += 1
        self.workers[after.wid] = after
        self._insert(after)

    def _discard(self, worker: Worker) -> None:
        wid = worker.wid
        if worker.state in _LEAVING:
            self._refilling -= worker.refill
            return
        if worker.generation == self.generation:
            self._ready -= worker.state is State.UP
            self._idle.pop(wid, None)
            if not worker.running:
                return
            self._busy.pop(wid, None)
        else:
            self._old_idle.pop(wid, None)
            self._old_busy.pop(wid, None)

    def _insert(self, worker: Worker) -> None:
        wid = worker.wid
        if worker.state in _LEAVING:
            self._refilling += worker.refill
            return
        current = worker.generation == self.generation
        self._ready += current and worker.state is State.UP
        if worker.running:
            (self._busy if current else self._old_busy)[wid] = None
        else:
            (self._idle if current else self._old_idle)[wid] = None


def _first(number: int, *groups: Iterable[int]) -> Iterator[int]:
    for group in groups:
        for wid in group:
            if number <= 0:
                return
            number -= 1
            yield wid
