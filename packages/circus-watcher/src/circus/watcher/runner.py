"""The one owner of a watcher: one task, one queue. Commands set goals; after each round the plan is made and carried out.

Theory. Everything that happens (a command, an exit, a timer, a hook's result, a readable socket) is put into the queue and
handled in its turn by a synchronous function, so no state is ever seen half changed and nothing needs a lock. A round takes what
is there, then compares what is wanted with what is (`circus.watcher.plan`), then carries effects out (`circus.watcher.hands`),
then spawns, a few at a time so that the loop stays fair, and never while something new waits in the queue: a stop wins at once.

Phases. DOWN → PRESTART (hook) → RISING → RUNNING → PRESTOP (hook) → FALLING → CLOSING (output, hook) → DOWN. A start that comes
during a stop is kept for its end; a stop cancels it. Commands are answered when their goal is reached or overridden.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, assert_never, final

from circus.process import clock
from circus.process.seam import Child, Spawner
from circus.protocol.options import Change
from circus.sockets import SocketSet
from circus.watcher import commands, machine
from circus.watcher.commands import Command, Outcome
from circus.watcher.demand import Demand, LoopDemand
from circus.watcher.events import Event, Failed, Reaped, Reloaded, Started, Stopped, Updated, Why
from circus.watcher.hands import Hands
from circus.watcher.hooks import HookRunner
from circus.watcher.machine import State, Then
from circus.watcher.pace import Pace
from circus.watcher.pending import Ledger, Pending
from circus.watcher.plan import Census, Plan, Wish, plan, portion
from circus.watcher.ports import NoOutput, OneByOne, Output, Trees
from circus.watcher.signalling import signal_workers
from circus.watcher.spec import WatcherError, WatcherSpec
from circus.watcher.status import Phase, Status, shown_status
from circus.watcher.views import LastExit, WatcherSnapshot, WorkerView, waiting_of

__all__ = ["WatcherRunner"]

log = logging.getLogger("circus.watcher")

_ITEMS_A_ROUND = 256
_MOVES_A_ROUND = 128
_GOALS = frozenset({"start", "restart", "reload", "set", "scale", "kill"})
_DRAIN = 2.0
_EXITS_KEPT = 20
_UP = frozenset({Phase.RISING, Phase.RUNNING})


@final
class WatcherRunner:
    """Owns one watcher: its workers, their output, its hooks.

    Args:
        spec: what to run.
        spawner: who starts processes.
        trees: who looks at whole process trees; default: the spawner's forest, or one worker at a time.
        sockets: the daemon's sockets, of which workers may inherit; not owned.
        output: where captured output goes; owned: closed when the watcher stops.
        publish: called with each domain event, on the loop; must not block.
        hook_context: keywords that every hook gets: ``watcher``, ``arbiter``.
        demand: who watches sockets for an on-demand watcher.
        pace: shared by all watchers of a daemon, so that mass starts stay fair.
        rng: for jitter and ages; give one with a seed to repeat a run.
        wall: the wall clock, for what is shown.

    Make it anywhere, then await `run` in a task of the loop that it lives on; until then commands wait.
    """

    def __init__(
        self,
        spec: WatcherSpec,
        *,
        spawner: Spawner,
        trees: Trees | None = None,
        sockets: SocketSet | None = None,
        output: Output | None = None,
        publish: Callable[[Event], None] = lambda _: None,
        hook_context: Mapping[str, Any] = MappingProxyType({}),
        demand: Demand | None = None,
        pace: Pace | None = None,
        rng: random.Random | None = None,
        wall: Callable[[], float] = clock.wall,
    ) -> None:
        self.spec = spec
        self._spawner = spawner
        self._trees: Trees = trees or getattr(spawner, "forest", None) or OneByOne()
        self._sockets = sockets
        self._output: Output = output or NoOutput()
        self._publish = publish
        self._demand: Demand = demand or LoopDemand()
        self._pace = pace or Pace()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._wall = wall
        self._hooks = HookRunner(
            spec.name,
            spec.options.hooks,
            context=hook_context,
            pythonpath=spec.env.get("PYTHONPATH", ""),
            publish=publish,
        )
        self._queue: deque[Callable[[], None]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._ledger = Ledger()
        self._hands: Hands | None = None
        self._group: asyncio.TaskGroup | None = None
        # what is wanted
        self._on_duty = False  # started and not stopped since: then one on demand waits for connections
        self._then_start: Why | None = None
        self._sequential = False
        self._leaving_for_good = False
        self._over = False
        self._grace: float | None = None
        # what is
        self._phase = Phase.DOWN
        self._step = 0  # moves on with each phase: late hook results are told by it
        self._armed: tuple[str, ...] = ()
        self._failed = ""
        self._reloading = False
        self._asked_after_start = False
        self._start_why = Why.COMMAND
        self._stop_why = Why.COMMAND
        self._exits: Counter[Why] = Counter()
        self._last_exits: deque[LastExit] = deque(maxlen=_EXITS_KEPT)
        self._released = False
        self._downs = 0

    # -- the front door ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Of the watcher."""
        return self.spec.name

    def ask(self, command: Command) -> "asyncio.Future[Outcome]":
        """Tell the watcher to do something. Never refused; on the loop's thread.

        Returns:
            A future of what came of it. Cancelling it changes nothing but that nobody is told.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if self._over:
            future.set_result(self._last_word())
        else:
            self.post(partial(self._take, command, future))
        return future

    def socket_readable(self, name: str) -> None:
        """A connection waits at this socket; starts an on-demand watcher that waits for it."""
        self.post(partial(self._on_demand, name))

    @property
    def status(self) -> Status:
        """The word to show: what is asked for most, and by far the cheapest."""
        board = None if self._hands is None else self._hands.board
        waiting = 0 if board is None else board.count(State.BACKOFF)
        return shown_status(
            self._phase, backing_off=waiting, given_up=0 if board is None else board.count(State.GAVE_UP)
        )

    @property
    def troubled(self) -> bool:
        """Whether there is more to say than the word: a pause, a failure, processes that do not die, lost output."""
        hands, at = self._hands, (State.BACKOFF, State.GAVE_UP)
        return hands is not None and bool(hands.board.count(*at) or hands.stuck or self._output.lost_bytes)

    def snapshot(self) -> WatcherSnapshot:
        """The watcher at this moment, at constant cost and without its queue."""
        hands = self._hands
        board = None if hands is None else hands.board

        def count(state: State) -> int:
            return 0 if board is None else board.count(state)

        given_up = count(State.GAVE_UP)
        return WatcherSnapshot(
            name=self.name,
            status=shown_status(self._phase, backing_off=count(State.BACKOFF), given_up=given_up),
            phase=self._phase,
            wanted=self.spec.count,
            running=0 if hands is None else len(hands.wids),
            up=0 if board is None else board.up,
            restarts=0 if hands is None else hands.restarts,
            exits=dict(self._exits),
            last_exit=self._last_exits[-1] if self._last_exits else None,
            waiting=None if hands is None else waiting_of(hands.latest_backoff, hands.now),
            failure=self._failed if given_up else "",
            stuck=() if hands is None else hands.stuck_pids,
            reloading=0 if board is None else board.old,
            waits_for=self._armed,
            lost_bytes=self._output.lost_bytes,
            output_error=self._output.last_error,
        )

    def last_exits(self) -> tuple[LastExit, ...]:
        """The last ends of workers, oldest first."""
        return tuple(self._last_exits)

    def workers(self) -> tuple[WorkerView, ...]:
        """Every slot in use, by id."""
        return () if self._hands is None else self._hands.views(self._wall())

    def pids(self) -> tuple[int, ...]:
        """The pids of its workers, in the order of their start."""
        return () if self._hands is None else tuple(self._hands.wids)

    def child(self, pid: int) -> Child | None:
        """The handle of a running worker, which stays ours."""
        if self._hands is None or pid not in self._hands.wids:
            return None
        return self._hands.children[self._hands.wids[pid]]

    def tail(self, wid: int, lines: int = 10) -> tuple[str, ...]:
        """The last lines that the latest worker of a slot wrote, where output is captured."""
        return self._output.tail(wid, lines)

    async def call_hook(self, name: str, **keywords: Any) -> bool:
        """Call a hook for somebody above: `extended_stats`. True where there is none."""
        result: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._hooks.call(
            name,
            lambda value: None if result.done() else result.set_result(value),
            timeout=self.spec.rules.grace,
            **keywords,
        )
        return await result

    # -- the loop ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the watcher until `Shutdown` is done. When cancelled, everything of the watcher is killed at once."""
        async with asyncio.TaskGroup() as self._group:
            self._hands = Hands(
                self,
                ledger=self._ledger,
                spawner=self._spawner,
                trees=self._trees,
                sockets=self._sockets,
                output=self._output,
                hooks=self._hooks,
                publish=self._publish,
                rng=self._rng,
            )
            try:
                while not self._over:
                    await self._round(self._hands)
                if self._released:
                    await self._output.drain(_DRAIN)
                    await self._output.close()
            finally:
                self._over = True
                self._demand.disarm()
                self._hands.abandon(kill=not self._released)
                self._hooks.close()
                for item in self._queue:
                    if isinstance(item, partial) and item.func == self._take:
                        self._finish(item.args[1], self._last_word())
                self._ledger.supersede({*_GOALS, "stop", "shutdown"}, "shutdown", self._answer)

    async def _round(self, hands: Hands) -> None:
        if not (self._queue or hands.may_spawn):
            await self._sleep(asyncio.get_running_loop().create_future())
        for _ in range(min(len(self._queue), _ITEMS_A_ROUND)):
            self._queue.popleft()()
        self._reconcile(hands)
        hands.flush()
        self._progress(hands)
        if hands.may_spawn:
            turn = self._pace.line_up()
            if turn is not None:
                await self._sleep(turn)
            if not self._queue:  # what is new comes first, and wakes us: it may be a stop
                with self._pace.spawning():
                    hands.spawn_next()
                self.post(_nothing)  # a round with what has changed
        elif self._queue:
            await asyncio.sleep(0)

    async def _sleep(self, until: "asyncio.Future[None]") -> None:
        self._wake = until
        try:
            await until
        finally:
            self._wake = None

    def post(self, item: Callable[[], None]) -> None:
        """Run this in the owner's turn. On the loop's thread; for `Hands`."""
        self._queue.append(item)
        sleeper, self._wake = self._wake, None
        if sleeper is not None and not sleeper.done():
            self._pace.wake(sleeper)

    # -- commands ----------------------------------------------------------------------------------------------------------

    def _take(self, command: Command, future: "asyncio.Future[Outcome]") -> None:
        if self._released:
            self._over = self._over or isinstance(command, commands.Shutdown)
            self._finish(
                future, Outcome(superseded_by="" if self._over else "release", count=self.spec.count)
            )
            return
        match command:
            case commands.Start(why):
                self._on_start(why, future)
            case commands.Stop(grace, why):
                self._on_stop("stop", why, grace, future)
            case commands.Shutdown(grace):
                self._leaving_for_good = True
                self._on_stop("shutdown", Why.DAEMON_STOP, grace, future)
            case commands.Release():
                self._on_release(future)
            case commands.Restart():
                self._on_restart("restart", future)
            case commands.Reload(graceful, sequential):
                self._on_reload(graceful=graceful, sequential=sequential, future=future)
            case commands.Scale(delta):
                self._on_count(self.spec.count + delta, future)
            case commands.SetCount(count):
                self._on_count(count, future)
            case commands.Configure(spec):
                self._on_configure(spec, future)
            case commands.Change(options):
                self._on_change(options, future)
            case commands.SignalWorkers():
                outcome = signal_workers(command, self._up_hands, self._trees, self.spec)
                self._finish(future, outcome)
            case commands.Kill():
                self._on_kill(command, future)
            case commands.ReopenLogs():
                self._on_reopen(future)
            case _:
                assert_never(command)

    @property
    def _up_hands(self) -> Hands:
        assert self._hands is not None, "handled in the owner's turn, so it runs"
        return self._hands

    def _finish(self, future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    def _answer(self, pending: Pending, superseded_by: str) -> Outcome:
        hands = self._up_hands
        kept = tuple(pid for pid in pending.before if pid in hands.wids) if pending.before else ()
        return Outcome(
            started=tuple(pid for pid in pending.started if pid in hands.wids),
            kept=tuple(sorted(kept)),
            stopped=tuple(pending.stopped),
            killed=tuple(pending.killed),
            signalled=tuple(pending.signalled),
            stuck=hands.stuck_pids,
            failures=dict(pending.failures),
            count=self.spec.count,
            superseded_by=superseded_by,
            waits_for=self._armed,
        )

    def _last_word(self) -> Outcome:
        """The answer to what comes after the end: a failure only where nobody had asked for that end."""
        asked = self._leaving_for_good or self._released
        return Outcome(superseded_by="shutdown", failures={} if asked else {"watcher": "it has ended"})

    def _on_start(self, why: Why, future: "asyncio.Future[Outcome]") -> None:
        hands = self._up_hands
        pending = Pending("start", future, self._has_risen, before=hands.wids)
        self._ledger.add(pending)
        if self._leaving_for_good:
            self._ledger.supersede({"start"}, "shutdown", self._answer)
            return
        self._on_duty = True
        match self._phase:
            case Phase.DOWN:
                self._begin(why)
            case Phase.PRESTART:
                pass
            case Phase.RISING | Phase.RUNNING:
                self._forgive()
            case Phase.PRESTOP | Phase.FALLING | Phase.CLOSING:
                self._then_start = why
            case _:
                assert_never(self._phase)

    def _forgive(self) -> None:
        """Somebody asks for a start: what waits or has given up is tried again now, what is missing is filled."""
        hands = self._up_hands
        self._failed = ""
        hands.board.spent = 0
        hands.board.intensity.reset()
        for wid in hands.board.waiting():
            hands.apply(wid, machine.Start(Why.COMMAND, hands.board.generation))

    def _on_stop(self, name: str, why: Why, grace: float | None, future: "asyncio.Future[Outcome]") -> None:
        self._then_start = None
        self._on_duty = False
        self._disarm()
        self._ledger.supersede(_GOALS, name, self._answer)
        self._ledger.add(Pending(name, future, self._is_down, mark=self._downs))
        self._end(why, grace)
        self._ledger.settle(self._answer)  # it may be down already, and started anew before this turn is over

    def _on_release(self, future: "asyncio.Future[Outcome]") -> None:
        hands = self._up_hands
        self._released = True
        self._on_duty = False
        self._disarm()
        hands.forget_ages()
        for wid, worker in list(hands.board.workers.items()):
            if not worker.running or worker.state not in {State.STARTING, State.UP}:
                hands.apply(wid, machine.Stop(Why.COMMAND))
        self._ledger.supersede({*_GOALS, "stop"}, "release", self._answer)
        self._finish(future, Outcome(kept=tuple(sorted(hands.wids)), count=self.spec.count))

    def _on_restart(self, name: str, future: "asyncio.Future[Outcome]") -> None:
        if self._leaving_for_good:
            self._on_start(Why.COMMAND, future)
            return
        before = tuple(self._up_hands.wids)
        pending = Pending(name, future, self._has_risen, before=before)
        self._on_duty = True
        if self._phase is Phase.DOWN:
            self._ledger.add(pending)
            self._begin(Why.COMMAND)
            return
        self._then_start = Why.COMMAND
        self._ledger.supersede({"start", "reload", "set", "scale"}, name, self._answer)
        self._ledger.add(pending)
        if self._phase is not Phase.PRESTART:
            self._end(Why.COMMAND, None)

    def _on_reload(self, *, graceful: bool, sequential: bool, future: "asyncio.Future[Outcome]") -> None:
        if not graceful:
            self._on_restart("restart", future)
        elif self._phase not in _UP:
            self._on_start(Why.COMMAND, future)
        elif self.spec.options.send_hup:
            outcome = signal_workers(commands.SignalWorkers(signum=1), self._up_hands, self._trees, self.spec)
            self._publish(Reloaded(watcher=self.name, by_hup=True))
            self._finish(future, replace(outcome, kept=tuple(sorted(self._up_hands.wids))))
        else:
            old = self._up_hands.wids
            self._ledger.add(Pending("reload", future, self._is_reloaded, before=old, targets=old))
            self._renew(sequential=sequential)

    def _renew(self, *, sequential: bool) -> None:
        """Begin a new generation; the plan does the rest."""
        board = self._up_hands.board
        board.outdate()
        board.spent = 0
        board.intensity.reset()
        self._failed = ""
        self._sequential = sequential
        self._reloading = True

    def _on_count(self, count: int, future: "asyncio.Future[Outcome]") -> None:
        more = count > self.spec.count
        try:
            self.spec = self.spec.with_count(count)
        except WatcherError as error:
            self._finish(future, Outcome(failures={"numprocesses": str(error)}, count=self.spec.count))
            return
        self._publish(Updated(watcher=self.name, options=("numprocesses",)))
        # More workers need not wait for those that an earlier command sent away.
        self._ledger.add(Pending("scale", future, self._has_more if more else self._is_settled))

    def _on_configure(self, spec: WatcherSpec, future: "asyncio.Future[Outcome]") -> None:
        earlier, hands = self.spec, self._up_hands
        difference = spec.difference(earlier)
        if difference.change is None:
            self.spec = spec
            self._finish(future, Outcome(count=spec.count))
            return
        try:
            self._output.configure(spec)
        except (OSError, ValueError) as error:
            self._finish(future, Outcome(failures={"stream": str(error)}, count=earlier.count))
            return
        self.spec = spec
        self._hooks.configure(spec.options.hooks, spec.env.get("PYTHONPATH", ""))
        if {"max_age", "max_age_variance"} & set(difference.options):
            hands.redraw_ages()
        self._publish(Updated(watcher=self.name, options=difference.options))
        if difference.change is Change.LIVE or self._phase not in _UP:
            self._ledger.add(Pending("set", future, self._is_settled))
        else:
            renewed = Pending("set", future, self._is_reloaded, before=hands.wids, targets=hands.wids)
            self._ledger.add(renewed)
            self._renew(sequential=False)

    def _on_change(self, options: Mapping[str, Any], future: "asyncio.Future[Outcome]") -> None:
        try:
            spec = WatcherSpec.resolve(self.name, self.spec.options.changed(options))
        except (WatcherError, ValueError) as error:
            # It could be made of the options as they were when it was asked for: another change has come before it.
            self._finish(future, Outcome(failures={"options": str(error)}, count=self.spec.count))
            return
        if spec.difference(self.spec).change is None:
            # Scripts set what is set already and wait for the event: it says that the command was carried out.
            self._publish(Updated(watcher=self.name, options=()))
        self._on_configure(spec, future)

    def _on_kill(self, command: commands.Kill, future: "asyncio.Future[Outcome]") -> None:
        hands = self._up_hands
        wids = tuple(hands.wids.values()) if command.pid is None else (hands.wids.get(command.pid),)
        if wids == (None,):
            failure = {str(command.pid): f"no worker of {self.name} has this pid"}
            self._finish(future, Outcome(failures=failure, count=self.spec.count))
            return
        slots = [wid for wid in wids if wid is not None]
        workers = hands.board.workers
        targets = [hands.children[wid].pid for wid in slots if workers[wid].state is not State.STUCK]
        self._ledger.add(Pending("kill", future, lambda pending: not pending.targets, targets=targets))
        refill = self._phase in _UP and self.spec.options.respawn and not self.spec.options.on_demand
        for wid in slots:
            leaving = hands.board.workers[wid].state not in {State.STARTING, State.UP}
            hands.board.spent += not refill and not leaving and self._phase in _UP
            hands.apply(wid, machine.Stop(Why.COMMAND, refill, command.signum, command.graceful_timeout))

    def _on_reopen(self, future: "asyncio.Future[Outcome]") -> None:
        try:
            self._output.reopen()
        except OSError as error:
            self._finish(future, Outcome(failures={"output": str(error)}, count=self.spec.count))
            return
        self._finish(future, Outcome(count=self.spec.count))

    # -- goals -------------------------------------------------------------------------------------------------------------

    def _is_down(self, pending: Pending) -> bool:
        return self._phase is Phase.DOWN or self._downs > pending.mark

    def _has_risen(self, _: Pending) -> bool:
        if self._phase is Phase.DOWN:
            return self._then_start is None
        if self._phase is Phase.RISING:
            return self._is_quiet() and self._up_hands.board.up == 0 and self._wanted() > 0
        return self._phase is Phase.RUNNING and self._is_quiet()

    def _is_quiet(self) -> bool:
        """Whether every wanted worker was started, or failed to."""
        hands = self._up_hands
        return hands.board.count(State.STARTING) == 0 and self._plan(hands).start == 0

    def _has_more(self, _: Pending) -> bool:
        return self._is_quiet() if self._phase in _UP else self._phase is Phase.DOWN

    def _is_settled(self, pending: Pending) -> bool:
        if self._phase not in _UP:
            return self._phase is Phase.DOWN
        hands = self._up_hands
        if pending.targets is None and self._is_quiet() and self._plan(hands).stop_extra == 0:
            # All is on its way. Who is sent away from now on is the business of later commands.
            pending.targets = hands.leaving
        return pending.targets is not None and not pending.targets

    def _is_reloaded(self, pending: Pending) -> bool:
        """Whether nobody is left who ran when it was asked for, or cannot be replaced."""
        if self._phase not in _UP:
            return self._phase is Phase.DOWN
        board = self._up_hands.board
        stays = bool(pending.targets) and not (board.old and board.count(State.BACKOFF, State.GAVE_UP))
        return not stays and self._is_quiet()

    # -- what is wanted against what is ------------------------------------------------------------------------------------

    def _wish(self) -> Wish:
        options = self.spec.options
        return Wish(
            up=self._phase in _UP,
            count=self._wanted(),
            singleton=options.singleton,
            sequential=self._sequential,
        )

    def _wanted(self) -> int:
        return max(0, self.spec.count - self._up_hands.board.spent)

    def _census(self, hands: Hands) -> Census:
        return hands.board.census(singleton=self.spec.options.singleton, rested=hands.rested)

    def _plan(self, hands: Hands) -> Plan:
        return plan(self._wish(), self._census(hands))

    def _reconcile(self, hands: Hands) -> None:
        if self._released or self._phase not in {Phase.RISING, Phase.RUNNING, Phase.FALLING}:
            return
        falling = self._phase is Phase.FALLING
        stop = machine.Stop(self._stop_why if falling else Why.SCALE, grace=self._grace if falling else None)
        whole, slots = self._plan(hands), len(hands.board.workers)
        moves = portion(whole, _MOVES_A_ROUND)
        hands.board.carry_out(
            moves,
            hands.now,
            self.spec.rules,
            start=self._why_start(),
            stop=stop,
            replace=stop if falling else machine.Stop(Why.RELOAD),
        )
        if moves != whole or len(hands.board.workers) < slots + moves.start:
            # There is more to do; or who had no process is gone already, and nothing else will say that the place is free.
            self.post(_nothing)

    def _why_start(self) -> Why:
        if self._phase is Phase.RISING:
            return self._start_why
        return Why.RELOAD if self._reloading else Why.SCALE

    def _progress(self, hands: Hands) -> None:
        """Move on to the next phase where this one is done, and answer whom it satisfies."""
        board = hands.board
        if self._released:
            self._over = self._over or (board.living == 0 and hands.leftovers == 0)
            return
        risen = self._phase is Phase.RISING and self._is_quiet() and (board.up or self._wanted() == 0)
        if risen and not self._asked_after_start:
            self._asked_after_start = True
            self._ask_hook("after_start", self._after_start)
        if self._phase is Phase.RUNNING:
            if self._reloading and board.old == 0 and self._is_quiet() and self._census(hands).leaving == 0:
                self._reloading = self._sequential = False
                self._publish(Reloaded(watcher=self.name))
            if board.spent and board.living == 0 and self._wanted() == 0 and self.spec.count:
                self._end(self._last_exits[-1].why if self._last_exits else Why.EXIT, None)
        if self._phase is Phase.FALLING and board.living == 0 and hands.leftovers == 0:
            self._enter(Phase.CLOSING)
            self._in_background(self._close_output(self._step))
        self._ledger.settle(self._answer)
        if self._leaving_for_good and self._phase is Phase.DOWN:
            self._over = True

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._step += 1
        self.post(_nothing)  # a round is due

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None
        self._group.create_task(work, name=f"watcher {self.name}")

    def _ask_hook(self, name: str, then: Callable[[bool], None], *, timeout: float | None = None) -> None:
        """Call a hook of the watcher as a whole; its result is dropped where the watcher has moved on meanwhile."""
        step = self._step

        def in_turn(result: bool) -> None:  # noqa: FBT001 - a hook's result
            if self._step == step:
                then(result)

        if name in self._hooks:
            self._hooks.call(name, lambda result: self.post(partial(in_turn, result)), timeout=timeout)
        else:
            then(True)

    # -- up ----------------------------------------------------------------------------------------------------------------

    def _begin(self, why: Why) -> None:
        if self.spec.options.on_demand and why is not Why.ON_DEMAND:
            self._arm()
            return
        self._start_why = why
        self._enter(Phase.PRESTART)
        self._ask_hook("before_start", self._before_start)

    def _before_start(self, allowed: bool) -> None:  # noqa: FBT001 - a hook's result
        if not allowed:
            self._not_begun("before_start", "the hook returned False or failed")
            return
        try:
            self._output.open()
        except (OSError, ValueError) as error:
            self._not_begun("output", str(error))
            return
        board = self._up_hands.board
        board.spent = 0
        board.intensity.reset()
        self._failed = ""
        self._sequential = self._reloading = self._asked_after_start = False
        self._then_start = None  # a restart that was asked for meanwhile: this is it
        self._enter(Phase.RISING)

    def _not_begun(self, what: str, reason: str) -> None:
        log.error("%s is not started: %s: %s", self.name, what, reason)
        self._ledger.failed(what, reason)
        self._then_start = None
        self._enter(Phase.DOWN)

    def _after_start(self, allowed: bool) -> None:  # noqa: FBT001 - a hook's result
        if not allowed:
            self.vetoed("after_start")
            return
        self._enter(Phase.RUNNING)
        log.info("%s started", self.name)
        self._publish(Started(watcher=self.name))

    def vetoed(self, hook: str) -> None:
        """A hook said that the watcher must not run: it is stopped. For `Hands`."""
        self._ledger.failed(hook, "the hook returned False or failed")
        self._then_start = None
        self._on_duty = False
        self.post(partial(self._end, Why.HOOK, None))

    # -- down --------------------------------------------------------------------------------------------------------------

    def _end(self, why: Why, grace: float | None) -> None:
        """Get to DOWN from wherever it is; a second time, with a shorter grace, hurries."""
        match self._phase:
            case Phase.DOWN | Phase.CLOSING:
                pass
            case Phase.PRESTART:
                self._enter(Phase.DOWN)
                self._downs += 1
            case Phase.RISING | Phase.RUNNING:
                self._stop_why, self._grace = why, grace
                self._enter(Phase.PRESTOP)
                limit = self.spec.rules.grace if grace is None else grace
                self._ask_hook("before_stop", self._before_stop, timeout=limit)
            case Phase.PRESTOP:
                if grace is not None:
                    self._grace = grace
                    self._before_stop(True)
            case Phase.FALLING:
                if grace is not None:
                    self._grace = grace
                    self._hurry(grace)
            case _:
                assert_never(self._phase)

    def _before_stop(self, _: bool) -> None:  # noqa: FBT001 - a hook's result, which means nothing
        self._enter(Phase.FALLING)
        self._up_hands.hurry(self.spec.rules.grace if self._grace is None else self._grace)
        for wid, worker in list(self._up_hands.board.workers.items()):
            if worker.state in {State.STOPPING, State.KILLING, State.STUCK}:
                self._up_hands.apply(wid, machine.Stop(self._stop_why, grace=self._grace))

    def _hurry(self, grace: float) -> None:
        hands = self._up_hands
        hands.hurry(grace)
        for wid in list(hands.board.workers):
            hands.apply(wid, machine.Stop(self._stop_why, grace=grace))

    async def _close_output(self, step: int) -> None:
        await self._output.drain(_DRAIN)
        await self._output.close()
        self.post(partial(self._closed, step))

    def _closed(self, step: int) -> None:
        if self._step != step:
            return
        self._publish(Stopped(watcher=self.name, why=self._stop_why, stuck=self._up_hands.stuck_pids))
        log.info("%s stopped", self.name)
        limit = self.spec.rules.grace if self._grace is None else self._grace
        self._ask_hook("after_stop", self._after_stop, timeout=limit)

    def _after_stop(self, _: bool) -> None:  # noqa: FBT001 - a hook's result, which means nothing
        self._enter(Phase.DOWN)
        self._downs += 1
        self._ledger.settle(self._answer)
        self._grace = None
        why, self._then_start = self._then_start, None
        if why is not None:
            self._begin(why)
        elif self._on_duty and self.spec.options.on_demand:
            self._arm()

    # -- on demand ---------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        sockets, uses = self._sockets, self.spec.uses_sockets
        if sockets is None:
            return
        names = tuple(sockets) if uses is True or not uses else tuple(uses)
        bound = {name: held for name in names if (held := sockets.get(name)) is not None}
        self._armed = tuple(bound)
        self._demand.arm({name: held.fileno() for name, held in bound.items()}, self.socket_readable)

    def _disarm(self) -> None:
        self._armed = ()
        self._demand.disarm()

    def _on_demand(self, name: str) -> None:
        if not self._armed or name not in self._armed:
            return
        self._disarm()
        if self._phase is Phase.DOWN:
            self._begin(Why.ON_DEMAND)
        elif self._phase in _UP:
            self._up_hands.board.spent = 0

    # -- told by the hands -------------------------------------------------------------------------------------------------

    def ended(self, wid: int, child: Child) -> None:
        """A worker's process ended. For `Hands`."""
        hands = self._up_hands
        if hands.children.get(wid) is not child:
            return
        exit_status = child.exit
        assert exit_status is not None, "called back after the exit was seen"
        pid, worker = child.pid, hands.board.workers[wid]
        del hands.wids[pid]
        wall = self._wall()
        self._hooks.call("before_reap", _ignore, process_pid=pid, time=wall)
        asked = worker.state not in {State.STARTING, State.UP}
        if not asked:
            self._ledger.written_off(pid)
            hands.ended_by_itself(wid, look_after=not self._released)
        lifetime = hands.now - (worker.started_at if worker.started_at is not None else hands.now)
        then = Then.REPLACE if asked else self._what_then(worker)
        after = hands.apply(wid, machine.Exited(exit_status, then, self._rng.random()))
        why = after.why
        self._exits[why] += 1
        self._last_exits.append(
            LastExit(wid=wid, pid=pid, exit=exit_status, why=why, at=wall, lifetime=lifetime)
        )
        self._publish(
            Reaped(watcher=self.name, pid=pid, wid=wid, exit=exit_status, why=why, lifetime=lifetime)
        )
        self._hooks.call(
            "after_reap",
            _ignore,
            process_pid=pid,
            time=wall,
            exit_code=exit_status.returncode,
            process_status=None,
        )

    def _what_then(self, worker: machine.Worker) -> Then:
        """What is to follow an exit that nobody asked for."""
        board, options = self._up_hands.board, self.spec.options
        if self._released or self._phase not in _UP or worker.generation != board.generation:
            return Then.LEAVE
        if not options.respawn or options.on_demand:
            board.spent += 1
            if options.on_demand and self._on_duty:
                self._arm()
            return Then.LEAVE
        if board.count(State.GAVE_UP) or not board.intensity.admit(
            self.spec.rules.policy, self._up_hands.now
        ):
            return Then.GIVE_UP
        return Then.REPLACE

    def gave_up(self, event: Failed) -> None:
        """A worker is not tried any more. For `Hands`."""
        self._failed = event.reason
        log.error("%s: %s", self.spec.label(event.wid), event.reason)
        if any(self._output.captures()):
            self._in_background(self._publish_with_output(event))
        else:
            self._publish(event)

    async def _publish_with_output(self, event: Failed) -> None:
        """Its last words may still be on their way."""
        await self._output.drain(_DRAIN, wid=event.wid)
        self._publish(replace(event, output=self._output.tail(event.wid, 10)))


def _nothing() -> None:
    """A turn."""


def _ignore(_: bool) -> None:  # noqa: FBT001 - a hook's result
    """The result of this hook means nothing."""
