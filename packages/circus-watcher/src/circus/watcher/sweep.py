"""What is left of a worker's tree after the worker's own end: looked for, asked to stop, killed. One look serves all.

Theory. A stop is over when the whole tree is gone, and a leader often goes first. Leaders that end together are looked after
together: the look waits until no leader is on the way out, or a few milliseconds. What is left after the leader's end gets the
stop signal (it may not have got it before), and is looked at again in growing intervals until the deadline of the stop: who turns
up new is asked, too; from then on it is killed at each look. A worker that ended by itself is replaced at once, without a look; what it left behind is
looked for a little later, and ended likewise, since nobody can ask it for anything any more and it may hold a port. Where looks are dear (many processes that are not ours)
they take a third of the time at most, so that a long series of ends, as in a reload, does not become a series of looks.

What SIGKILL does not end within its deadline is *stuck*: it is told once, counts for nothing that anybody waits for, and is looked
at now and then until it is gone.

A process that forks and exits all the time can escape a look. Where the trees say that finding nobody proves nothing, the rest is
looked at again, `_DOUBTS` times at most: a machine on which others start and end all the time must not hold up a stop.
"""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import final

from circus.process import clock
from circus.process.seam import Child
from circus.watcher.ports import Trees

__all__ = ["Remains", "Sweeper"]

_TOGETHER = 0.02
_FIRST_AGAIN = 0.02
_LAST_AGAIN = 0.25
_LAZY = 1.0
_CHEAP = 0.002
_STUCK_AGAIN = 5.0
_DOUBTS = 3


@final
@dataclass(slots=True, eq=False)
class Remains:
    """A worker whose leader has ended.

    Args:
        wid: its slot.
        child: the handle.
        stop_signal: what the rest is asked with.
        deadline: when the rest is killed, monotonic; None: the slot's own timer says so, by `kill`.
        give_up: when what still lives is stuck, monotonic; None: the slot's own timer says so, by `mark_stuck`.
        asked: the pids of the rest that were signalled.
        killing: whether it is past its deadline.
        doubts: looks in a row that found nobody and proved nothing.
        stuck: whether nobody waits for it any more.
    """

    wid: int
    child: Child
    stop_signal: int
    deadline: float | None = None
    give_up: float | None = None
    asked: set[int] = field(default_factory=set[int])
    killing: bool = False
    doubts: int = 0
    stuck: bool = False


@final
class Sweeper:
    """Looks after remains.

    Args:
        trees: how to look and to signal.
        gone: told when nothing is left of some remains.
        signalled: told of remains, of the pids in them that a signal was sent to, and of the signal.
        stuck: told when remains could not be killed in time; `gone` follows when they have ended all the same.
    """

    def __init__(
        self,
        trees: Trees,
        *,
        gone: Callable[[Remains], None],
        signalled: Callable[[Remains, tuple[int, ...], int], None],
        stuck: Callable[[Remains, tuple[int, ...]], None],
    ) -> None:
        self._trees = trees
        self._gone = gone
        self._signalled = signalled
        self._stuck = stuck
        self._slots: dict[int, Remains] = {}
        self._left: list[Remains] = []
        self._due: float | None = None
        self._again = _FIRST_AGAIN
        self._not_before = 0.0

    @property
    def due(self) -> float | None:
        """When the next look is due, monotonic; None: there is nothing to look after."""
        return self._due

    @property
    def leftovers(self) -> int:
        """Workers that ended by themselves and left something (not stuck) that is still to be looked after."""
        return sum(not remains.stuck for remains in self._left)

    @property
    def waiting(self) -> int:
        """Slots (not stuck) whose leader has ended while something else of their tree may not have."""
        return sum(not remains.stuck for remains in self._slots.values())

    def add(self, remains: Remains, now: float) -> None:
        """A leader ended that was told to."""
        self._slots[remains.wid] = remains
        self._at_latest(now + _TOGETHER)
        self._again = _FIRST_AGAIN

    def leave(self, remains: Remains, now: float) -> None:
        """A leader ended by itself; its slot is no longer concerned."""
        self._left.append(remains)
        self._at_latest(now + _LAZY)

    def kill(self, wid: int, now: float) -> None:
        """The deadline of a stop has come."""
        remains = self._slots.get(wid)
        if remains is not None:
            remains.killing = True
            self._at_latest(now)

    def mark_stuck(self, wid: int) -> None:
        """The slot does not wait any more."""
        if wid in self._slots:
            self._slots[wid].stuck = True

    def hurry(self, now: float, grace: float, kill_deadline: float) -> None:
        """The watcher stops: leftovers are looked for now, and have until then."""
        for remains in self._left:
            if remains.stuck:
                continue
            remains.deadline = now + grace if remains.deadline is None else min(remains.deadline, now + grace)
            remains.give_up = remains.deadline + kill_deadline
        if self._left:
            self._at_latest(now)

    def forget(self) -> Iterator[Remains]:
        """Give up everything; for the end of the owner."""
        yield from self._slots.values()
        yield from self._left
        self._slots.clear()
        self._left.clear()
        self._due = None

    def look(self, now: float, *, leaders: int) -> None:
        """Look, if it is time.

        Args:
            now: monotonic seconds.
            leaders: how many leaders are still on the way out: without any there is nothing to wait for.
        """
        if self._due is None or (now < self._due and (leaders or not self._fresh())):
            return
        if now < self._not_before:
            self._due = self._not_before
            return
        self._due = None
        began = clock.monotonic()
        self._look_at(list(self._slots.values()), now)
        unique = {remains.child.pid: remains for remains in self._left}  # a pid may have come back meanwhile
        self._look_at(list(unique.values()), now)
        took = clock.monotonic() - began
        self._not_before = now + 3 * took if took > _CHEAP else now
        if self._slots or self._left:
            self._plan_next(now)

    def _fresh(self) -> bool:
        return any(not (remains.asked or remains.killing) for remains in self._slots.values())

    def _at_latest(self, at: float) -> None:
        self._due = at if self._due is None else min(self._due, at)

    def _plan_next(self, now: float) -> None:
        if self.waiting or any(remains.asked and not remains.stuck for remains in self._left):
            self._at_latest(now + self._again)
            self._again = min(_LAST_AGAIN, self._again * 1.5)
        else:
            self._at_latest(now + (_LAZY if self.leftovers else _STUCK_AGAIN))

    def _look_at(self, group: list[Remains], now: float) -> None:
        if not group:
            return
        survivors = self._trees.survivors_of([remains.child for remains in group])
        by_signal: dict[int, list[Remains]] = {}
        for remains in group:
            pids = survivors[remains.child.pid]
            if not pids and (self._trees.certain(remains.child) or remains.doubts >= _DOUBTS):
                self._drop(remains)
                self._gone(remains)
                continue
            remains.doubts = 0 if pids else remains.doubts + 1
            if remains.deadline is not None and now >= remains.deadline:
                remains.killing = True
            if remains.give_up is not None and now >= remains.give_up and not remains.stuck:
                if not pids:
                    self._drop(remains)
                    self._gone(remains)
                    continue
                remains.stuck = True
                self._stuck(remains, pids)
            if remains.killing:
                by_signal.setdefault(signal.SIGKILL, []).append(remains)
            elif not remains.asked.issuperset(pids):  # who was forked since the last look has not heard of it
                remains.asked.update(pids)
                by_signal.setdefault(remains.stop_signal, []).append(remains)
        for number, several in by_signal.items():
            hit = self._trees.signal_trees([remains.child for remains in several], number)
            for remains in several:
                self._signalled(remains, hit[remains.child.pid], number)

    def _drop(self, remains: Remains) -> None:
        if self._slots.get(remains.wid) is remains:
            del self._slots[remains.wid]
        else:
            self._left.remove(remains)
