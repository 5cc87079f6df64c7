"""Carries out, for the runner, what the table decided: spawns, signals, timers, looks. It decides nothing.

Owns the child handles, from the spawn until nothing of the tree is left. Effects that can be shared (signals to whole trees,
kills, looks at the process table) are collected and carried out together in `flush`, at the end of the runner's round.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from signal import SIGKILL
from typing import Any, Protocol, final

from circus.process.errors import ProcessGoneError, SpawnError, Stage
from circus.process.seam import Child, Spawner
from circus.sockets import BoundSocket, SocketSet
from circus.watcher import machine
from circus.watcher.board import Board
from circus.watcher.events import BackedOff, Event, Failed, Killed, OutputLost, Spawned, Stuck, Why
from circus.watcher.hooks import HookRunner
from circus.watcher.machine import Act, Effect, SetTimer, Signal, State, Worker
from circus.watcher.outfit import Outfit
from circus.watcher.pending import Ledger
from circus.watcher.ports import Output, Trees
from circus.watcher.spec import WatcherSpec
from circus.watcher.sweep import Remains, Sweeper
from circus.watcher.views import WorkerView, view_of

__all__ = ["Hands", "Owner"]

log = logging.getLogger("circus.watcher")

_NOT_ITS_FAULT = frozenset({Stage.FORK, Stage.OPEN_PIPES, Stage.WATCH})
"""Stages that fail because the machine is out of something, whatever the command."""


class Owner(Protocol):
    """What the hands tell, and ask of, the runner."""

    spec: WatcherSpec

    def post(self, item: Callable[[], None]) -> None:
        """Run this in the owner's turn."""
        ...

    def ended(self, wid: int, child: Child) -> None:
        """A worker's process ended."""
        ...

    def vetoed(self, hook: str) -> None:
        """A hook said that the watcher must not run."""
        ...

    def gave_up(self, event: Failed) -> None:
        """A worker is not tried any more."""
        ...


@final
class Hands:
    """See the module."""

    def __init__(
        self,
        owner: Owner,
        *,
        ledger: Ledger,
        spawner: Spawner,
        trees: Trees,
        sockets: SocketSet | None,
        output: Output,
        hooks: HookRunner,
        publish: Callable[[Event], None],
        rng: random.Random,
    ) -> None:
        self.board = Board(self._carry)
        self.children: dict[int, Child] = {}
        self.restarts = 0
        self._backed_off = 0
        self.stuck: dict[Child, tuple[int, ...]] = {}
        """Who is left of whose tree."""
        self.hooks = hooks
        self._outfit = Outfit(sockets)
        self.wids: dict[int, int] = {}
        """By pid, for processes whose exit was not seen."""
        self._owner = owner
        self._ledger = ledger
        self._spawner = spawner
        self._trees = trees
        self._output = output
        self._publish = publish
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._ages: dict[int, asyncio.TimerHandle] = {}
        self._to_spawn: deque[tuple[int, int]] = deque()
        self._next_start = 0.0
        self._signals: list[tuple[int, int]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._sweeper = Sweeper(trees, gone=self._swept, signalled=self._swept_up, stuck=self._left_stuck)
        self._name = owner.spec.name

    # -- asked by the runner -----------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Monotonic seconds, of the loop."""
        return self._loop.time()

    @property
    def rested(self) -> bool:
        """Whether the pause between two starts is over."""
        return not self.owner_pause or self.now >= self._next_start

    @property
    def owner_pause(self) -> float:
        """Seconds between two starts."""
        return self._owner.spec.options.warmup_delay

    @property
    def latest_backoff(self) -> Worker | None:
        """The worker that backed off last, if it is still there."""
        return self.board.workers.get(self._backed_off)

    def views(self, wall: float) -> tuple[WorkerView, ...]:
        """Every slot in use, by id."""
        pids, now = {wid: pid for pid, wid in self.wids.items()}, self.now
        workers = sorted(self.board.workers.items())
        return tuple(view_of(worker, pids.get(wid), now=now, wall=wall) for wid, worker in workers)

    @property
    def leftovers(self) -> int:
        """Ended workers whose descendants are still looked for."""
        return self._sweeper.leftovers

    @property
    def stuck_pids(self) -> tuple[int, ...]:
        """All that SIGKILL did not end."""
        return tuple(pid for pids in self.stuck.values() for pid in pids)

    @property
    def leaving(self) -> set[int]:
        """The pids of workers that are on their way out for good."""
        leaving = {State.STOPPING, State.KILLING}
        slots = self.board.workers.items()
        return {self.children[wid].pid for wid, one in slots if one.state in leaving and not one.refill}

    @property
    def may_spawn(self) -> bool:
        """Whether somebody waits for being spawned and the pause is over."""
        return bool(self._to_spawn) and self.rested

    def apply(self, wid: int, event: machine.Event) -> Worker:
        """One event for one worker."""
        return self.board.apply(wid, event, self.now, self._owner.spec.rules)

    def ended_by_itself(self, wid: int, *, look_after: bool) -> None:
        """A leader ended that was not told to: its slot is free for another, what it left is looked for later.

        Args:
            wid: its slot.
            look_after: whether what it left is our business at all.
        """
        if not look_after:
            self.children.pop(wid).close()
            return
        rules, now = self._owner.spec.rules, self.now
        end = now + rules.grace
        remains = Remains(wid, self.children.pop(wid), rules.stop_signal, end, end + rules.kill_deadline)
        self._sweeper.leave(remains, now)

    def hurry(self, grace: float) -> None:
        """The watcher stops: leftovers are ended now."""
        self._sweeper.hurry(self.now, grace, self._owner.spec.rules.kill_deadline)

    def forget_ages(self) -> None:
        """No running worker is replaced for its age."""
        for timer in self._ages.values():
            timer.cancel()
        self._ages.clear()

    def redraw_ages(self) -> None:
        """`max_age` changed: running workers get a new one."""
        self.forget_ages()
        for worker in self.board.workers.values():
            if worker.running and worker.started_at is not None:
                self._set_age(worker)

    # -- effects -----------------------------------------------------------------------------------------------------------

    def _carry(self, before: Worker, after: Worker, effects: tuple[Effect, ...]) -> None:
        wid = after.wid
        if after.token != before.token:
            timer = self._timers.pop(wid, None)
            if timer is not None:
                timer.cancel()
            if not after.running and wid in self._ages:
                self._ages.pop(wid).cancel()
        for effect in effects:
            match effect:
                case Act.SPAWN:
                    self.restarts += before.state in {State.UP, State.STARTING, State.BACKOFF, State.GAVE_UP}
                    self._to_spawn.append((wid, after.token))
                case SetTimer(at, token):
                    event = machine.Elapsed(token)
                    self._timers[wid] = self._loop.call_at(
                        at, self._owner.post, partial(self._elapsed, wid, event)
                    )
                case Signal(number):
                    self._signals.append((wid, number))
                case Act.SWEEP:
                    self._sweeper.add(
                        Remains(wid, self.children[wid], self._owner.spec.rules.stop_signal), self.now
                    )
                    if after.state is not State.STOPPING:
                        self._sweeper.kill(wid, self.now)
                case Act.FREE:
                    pass  # a freed slot holds nothing of ours any more
                case Act.KILL_TREE:
                    self._signals.append((wid, SIGKILL))
                    self._sweeper.kill(wid, self.now)
                case Act.TELL_BACKOFF:
                    self._tell_backoff(after)
                case Act.TELL_GAVE_UP:
                    self._tell_gave_up(after)
                case Act.TELL_STUCK:
                    self._tell_stuck(wid)
                case _:  # pragma: no cover - both checkers see that nothing is left
                    raise AssertionError(effect)

    def _elapsed(self, wid: int, event: machine.Elapsed | machine.Aged) -> None:
        if wid in self.board.workers:
            self.apply(wid, event)

    def _label(self, wid: int) -> str:
        return self._owner.spec.label(wid)

    def _tell_backoff(self, worker: Worker) -> None:
        self._backed_off = worker.wid
        wait = 0.0 if worker.deadline is None else worker.deadline - worker.since
        event = BackedOff(
            watcher=self._name,
            wid=worker.wid,
            attempt=max(worker.failures, worker.tries),
            wait=wait,
            last_exit=worker.last_exit if not worker.error else None,
            error=worker.error,
        )
        self._ledger.failed(self._label(worker.wid), worker.error or _describe(worker))
        self._publish(event)

    def _tell_gave_up(self, worker: Worker) -> None:
        reason = worker.error or f"too many restarts; the last: {_describe(worker)}"
        self._ledger.failed(self._label(worker.wid), reason)
        self._owner.gave_up(
            Failed(
                watcher=self._name,
                wid=worker.wid,
                reason=reason,
                last_exit=worker.last_exit if not worker.error else None,
                retry_in=None if worker.deadline is None else max(0.0, worker.deadline - self.now),
            )
        )

    def _tell_stuck(self, wid: int) -> None:
        child = self.children[wid]
        self._sweeper.mark_stuck(wid)
        self._report_stuck(wid, child, self._trees.survivors_of([child])[child.pid] or (child.pid,))
        self._ledger.written_off(child.pid)

    def _report_stuck(self, wid: int, child: Child, pids: tuple[int, ...]) -> None:
        self.stuck[child] = pids
        log.error("%s: killed and still there: %s", self._label(wid), pids)
        self._publish(Stuck(watcher=self._name, wid=wid, pids=pids))

    # -- spawning ----------------------------------------------------------------------------------------------------------

    def spawn_next(self) -> None:
        """Spawn the next worker that waits, if it still wants to be."""
        wid, token = self._to_spawn.popleft()
        if self._awaits_spawn(wid, token):
            self._next_start = self.now + self.owner_pause
            self._ask("before_spawn", partial(self._spawn, wid, token))

    def _ask(self, hook: str, do: Callable[[bool], None], **keywords: Any) -> None:
        """Call a hook and go on with its result in the owner's turn; at once where there is no such hook."""
        if hook in self.hooks:
            self.hooks.call(hook, lambda result: self._owner.post(partial(do, result)), **keywords)
        else:
            do(True)

    def _awaits_spawn(self, wid: int, token: int) -> bool:
        worker = self.board.workers.get(wid)
        return worker is not None and worker.token == token and not worker.running

    def _spawn(self, wid: int, token: int, allowed: bool) -> None:  # noqa: FBT001 - a hook's result
        if not self._awaits_spawn(wid, token):
            return
        if not allowed:
            self._owner.vetoed("before_spawn")
            return
        own: list[BoundSocket] = []
        try:
            self._prepare_output(wid)
            child = self._spawner.spawn(
                self._outfit.process_spec(self._owner.spec, wid, self._output.captures(), own)
            )
        except SpawnError as error:
            self._not_spawned(wid, str(error), counts=error.stage not in _NOT_ITS_FAULT)
            return
        except (OSError, ValueError, KeyError) as error:
            self._not_spawned(wid, f"cannot start {self._label(wid)}: {error}", counts=True)
            return
        finally:
            for bound in own:
                bound.close()
        self.children[wid] = child
        self.wids[child.pid] = wid
        worker = self.apply(wid, machine.Spawned(self.board.generation))
        child.on_exit(lambda child: self._owner.post(partial(self._owner.ended, wid, child)))
        try:
            self._output.attach(wid, child)
        except (OSError, ValueError) as error:
            self._publish(OutputLost(watcher=self._name, stream="stdout", error=str(error), pid=child.pid))
        self._set_age(worker)
        self._ask("after_spawn", partial(self._spawned, wid, token), pid=child.pid)

    def _prepare_output(self, wid: int) -> None:
        try:
            self._output.prepare()
        except OSError as error:
            cause = error.strerror or str(error)
            raise SpawnError(self._label(wid), Stage.OPEN_PIPES, "output", cause=cause) from error

    def _not_spawned(self, wid: int, error: str, *, counts: bool) -> None:
        log.warning("%s", error)
        self._outfit.forget()
        self.apply(wid, machine.SpawnFailed(error, counts, self._rng.random()))

    def _spawned(self, wid: int, token: int, allowed: bool) -> None:  # noqa: FBT001 - a hook's result
        worker = self.board.workers.get(wid)
        if worker is None or worker.token != token or not worker.running:
            return
        if not allowed:
            self._owner.vetoed("after_spawn")
            return
        pid = self.children[wid].pid
        self.apply(wid, machine.Ready(token))
        self._publish(Spawned(watcher=self._name, pid=pid, wid=wid, why=worker.why, restarts=worker.restarts))
        self._ledger.started(pid, self._label(wid))

    def _set_age(self, worker: Worker) -> None:
        options = self._owner.spec.options
        if options.max_age <= 0 or worker.started_at is None:
            return
        at = worker.started_at + options.max_age + self._rng.random() * options.max_age_variance
        event = machine.Aged(worker.token)
        self._ages[worker.wid] = self._loop.call_at(
            at, self._owner.post, partial(self._elapsed, worker.wid, event)
        )

    # -- signals and looks -------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Carry out what was collected, each kind at once, and set the alarm for what is due later."""
        if self._signals:
            self._send_collected()
        if self._sweeper.due is not None:
            on_the_way = self.board.count(State.STOPPING, State.KILLING)
            self._sweeper.look(self.now, leaders=on_the_way - self._sweeper.waiting)
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = [] if self._sweeper.due is None else [self._sweeper.due]
        if (self._to_spawn or self.board.old) and not self.rested:
            due.append(self._next_start)
        at = min(due, default=None)
        if self._alarm is not None and self._alarm.when() != at:
            self._alarm.cancel()
            self._alarm = None
        if at is not None and self._alarm is None:
            self._alarm = self._loop.call_at(at, self._owner.post, self._ring)

    def _ring(self) -> None:
        """Nothing but a turn: what is due is found by `flush` and `may_spawn`."""
        self._alarm = None

    def _send_collected(self) -> None:
        signals, self._signals = self._signals, []
        whole: dict[int, list[int]] = {}
        for wid, number in signals:
            if wid not in self.children:
                continue
            if number == SIGKILL and self.board.workers[wid].state is State.KILLING:
                self.hooks.call("before_signal", _ignore, pid=self.children[wid].pid, signum=int(number))
                whole.setdefault(number, []).append(wid)
            elif "before_signal" not in self.hooks and self._owner.spec.options.stop_children:
                whole.setdefault(number, []).append(wid)
            else:
                self._ask_before_signal(wid, number)
        for number, wids in whole.items():
            self._end_trees(wids, number)

    def _ask_before_signal(self, wid: int, number: int) -> None:
        child = self.children[wid]

        def send(allowed: bool) -> None:  # noqa: FBT001 - a hook's result
            if self.children.get(wid) is not child or not (allowed or number == SIGKILL):
                return
            if self._owner.spec.options.stop_children:
                self._end_trees([wid], number)
            else:
                self._end_one(wid, number)

        self._ask("before_signal", send, pid=child.pid, signum=int(number))

    def _end_one(self, wid: int, number: int) -> None:
        child = self.children[wid]
        try:
            child.signal(number)
        except ProcessGoneError:
            return  # its exit is on its way to us
        except PermissionError as error:
            self._ledger.failed(self._label(wid), f"may not be signalled: {error}")
            return
        self._tell_killed(wid, child, (child.pid,), number)

    def _end_trees(self, wids: Iterable[int], number: int) -> None:
        children = {wid: self.children[wid] for wid in wids}
        hit = self._trees.signal_trees(children.values(), number)
        for wid, child in children.items():
            self._tell_killed(wid, child, hit[child.pid], number)

    def _tell_killed(self, wid: int, child: Child, pids: tuple[int, ...], number: int) -> None:
        worker = self.board.workers.get(wid)
        why = Why.COMMAND if worker is None else worker.why
        for pid in pids:
            self._publish(Killed(watcher=self._name, pid=pid, wid=wid, signal=int(number), why=why))
        if number == SIGKILL and worker is not None and worker.state is State.KILLING:
            self._ledger.killed(pids)
        self.hooks.call("after_signal", _ignore, pid=child.pid, signum=int(number))

    def _swept(self, remains: Remains) -> None:
        """Nothing is left of these remains."""
        remains.child.close()
        self.stuck.pop(remains.child, None)
        if self.children.get(remains.wid) is remains.child:
            del self.children[remains.wid]
            self._ledger.stopped(remains.child.pid)
            self.apply(remains.wid, machine.Gone())
        self._owner.post(_nothing)  # the runner looks whether that was all

    def _swept_up(self, remains: Remains, pids: tuple[int, ...], number: int) -> None:
        self._tell_killed(remains.wid, remains.child, pids, number)
        if number == SIGKILL and remains.deadline is not None:
            self._ledger.killed(pids)

    def _left_stuck(self, remains: Remains, pids: tuple[int, ...]) -> None:
        self._report_stuck(remains.wid, remains.child, pids)
        self._owner.post(_nothing)

    # -- the end -----------------------------------------------------------------------------------------------------------

    def abandon(self, *, kill: bool) -> None:
        """Let go of everything at once, for an owner that ends; kill it before, unless it was released."""
        for timer in (*self._timers.values(), *self._ages.values(), *((self._alarm,) if self._alarm else ())):
            timer.cancel()
        left = {*self.children.values(), *(remains.child for remains in self._sweeper.forget())}
        if left and kill:
            self._trees.signal_trees(left, SIGKILL)
        for child in left:
            child.close()
        self.children.clear()


def _describe(worker: Worker) -> str:
    return "unknown" if worker.last_exit is None else worker.last_exit.describe()


def _ignore(_: bool) -> None:  # noqa: FBT001 - a hook's result
    """The result of this hook means nothing."""


def _nothing() -> None:
    """A turn for the runner."""
