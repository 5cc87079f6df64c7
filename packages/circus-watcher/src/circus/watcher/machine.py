"""The life of one worker as a table: (state, event) to a handler, each handler a pure function. No I/O, no clock.

Theory of operation. A worker lives in a slot. It is STARTING from the decision to start until it is up: first waiting for its
turn, then (``running``) as a process. An exit in STARTING or UP is one that nobody asked for; the owner says in the event what
is to follow, since only the owner knows the other slots. A stop leads through STOPPING (it was asked), KILLING (it was made to)
and perhaps STUCK (it does not die); the leader's own exit does not end a stop, only `Gone` does: nothing of its tree is left.
A slot whose stop says ``refill`` goes on to STARTING, any other to EMPTY, and EMPTY slots are forgotten by the owner.

Every timer carries the worker's token of the moment it was set; the token moves on at each change of state, so a late timer,
or the late result of a hook, is told by its token and ignored. A pair that is neither in `TRANSITIONS` nor in `IGNORED` is a
mistake of the caller: it raises `IllegalTransitionError`, and nothing has happened.
"""

# ruff: noqa: ARG001 - all handlers have one signature, so that they fit into the table

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, final

from circus.process.exits import ExitStatus
from circus.watcher.events import Why
from circus.watcher.restart import Policy, is_stable, pause_after_death, pause_after_failed_start

__all__ = [
    "IGNORED",
    "TRANSITIONS",
    "Act",
    "Aged",
    "Effect",
    "Elapsed",
    "Event",
    "Exited",
    "Gone",
    "IllegalTransitionError",
    "Ready",
    "Rules",
    "SetTimer",
    "Signal",
    "SpawnFailed",
    "Spawned",
    "Start",
    "State",
    "Stop",
    "Then",
    "Transition",
    "Worker",
    "render_diagram",
    "step",
]


class State(Enum):
    """Where a worker is in its life. A *state* is inner; users are shown a *status*."""

    EMPTY = "empty"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    KILLING = "killing"
    BACKOFF = "backoff"
    GAVE_UP = "gave up"
    STUCK = "stuck"

    # Members are singletons, so identity will do; the hash of Enum is Python code and shows in profiles.
    __hash__ = object.__hash__


class Then(Enum):
    """What is to follow an exit that nobody asked for."""

    REPLACE = "replace"
    LEAVE = "leave"
    """The slot is not wanted any more."""
    GIVE_UP = "give up"
    """The watcher's restart intensity is exhausted."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a watcher's specification says about all its workers. Times in seconds."""

    policy: Policy = field(default_factory=Policy)
    stop_signal: int = 15
    grace: float = 30.0
    kill_deadline: float = 5.0


@final
class Worker(NamedTuple):
    """A slot and what is in it.

    Attributes:
        wid: the slot.
        state: where it is.
        token: moves on at each change of state.
        generation: of the specification that it was, or is to be, started with.
        running: whether a process was spawned and its exit not yet seen.
        failures: early deaths in a row.
        tries: failed tries of the present start.
        refill: after a stop: whether to start again in this slot.
        why: the reason of the latest move: a start, or a stop.
        started_at: when its process was spawned, monotonic; None if none was yet.
        since: when it began to wait or to stop, monotonic.
        deadline: when the present state's timer is due, monotonic; None for no timer.
        restarts: how many times the slot was filled again.
        last_exit: how its latest process ended.
        error: why its latest start failed; empty if it did not.
    """

    wid: int
    state: State = State.EMPTY
    token: int = 0
    generation: int = 0
    running: bool = False
    failures: int = 0
    tries: int = 0
    refill: bool = False
    why: Why = Why.COMMAND
    started_at: float | None = None
    since: float = 0.0
    deadline: float | None = None
    restarts: int = 0
    last_exit: ExitStatus | None = None
    error: str = ""


# -- events ----------------------------------------------------------------------------------------------------------------


@final
class Start(NamedTuple):
    """Fill the slot. ``generation``: by which specification."""

    why: Why
    generation: int = 0


@final
class Spawned(NamedTuple):
    """The process exists. ``generation``: of the specification that it was started with."""

    generation: int = 0


@final
class SpawnFailed(NamedTuple):
    """It could not be started.

    Attributes:
        error: why, in words.
        counts: whether it counts towards `max_retry`; a machine out of processes or descriptors is not the command's fault.
        jitter: a random number in [0, 1).
    """

    error: str
    counts: bool = True
    jitter: float = 0.5


@final
class Ready(NamedTuple):
    """The start is complete. ``token`` as it was when the process was spawned."""

    token: int


@final
class Exited(NamedTuple):
    """The process itself ended; of its descendants nothing is known yet."""

    exit: ExitStatus
    then: Then = Then.REPLACE
    jitter: float = 0.5


@final
class Gone(NamedTuple):
    """After the exit: nothing of the tree is left."""


@final
class Stop(NamedTuple):
    """End it: signal, then SIGKILL after ``grace`` seconds; None for either: by the rules."""

    why: Why
    refill: bool = False
    signum: int | None = None
    grace: float | None = None


@final
class Elapsed(NamedTuple):
    """The timer that was set with this token is due."""

    token: int


@final
class Aged(NamedTuple):
    """It reached its `max_age`. ``token`` as it was when the timer was set."""

    token: int


Event = Start | Spawned | SpawnFailed | Ready | Exited | Gone | Stop | Elapsed | Aged


# -- effects ---------------------------------------------------------------------------------------------------------------


class Act(Enum):
    """Effects without arguments; those that tell are published by the owner."""

    SPAWN = "spawn"
    SWEEP = "sweep"
    """Look whether something of the tree is left, and answer with `Gone` once nothing is."""
    KILL_TREE = "kill tree"
    """SIGKILL to all that is left of the tree."""
    FREE = "free"
    """The slot is empty: forget it."""
    TELL_BACKOFF = "tell backoff"
    TELL_GAVE_UP = "tell gave up"
    TELL_STUCK = "tell stuck"

    __hash__ = object.__hash__


@final
class Signal(NamedTuple):
    """Send this signal to the worker."""

    number: int


@final
class SetTimer(NamedTuple):
    """Answer with `Elapsed` at this monotonic time; replaces an earlier timer of the worker."""

    at: float
    token: int


Effect = Act | Signal | SetTimer
_Result = tuple[Worker, tuple[Effect, ...]]
_NONE: tuple[Effect, ...] = ()


@final
class IllegalTransitionError(Exception):
    """An event that cannot come in this state; nothing has happened."""

    def __init__(self, state: State, event: object) -> None:
        super().__init__(f"a worker that is {state.value} cannot take {event!r}")
        self.state = state
        self.event = event


# -- handlers --------------------------------------------------------------------------------------------------------------


def _to_starting(worker: Worker, why: Why, *, restarted: bool = True) -> _Result:
    started = worker._replace(
        state=State.STARTING,
        token=worker.token + 1,
        running=False,
        refill=False,
        why=why,
        deadline=None,
        restarts=worker.restarts + restarted,
    )
    return started, (Act.SPAWN,)


def _to_backoff(worker: Worker, now: float, pause: float) -> _Result:
    due = now + pause
    waiting = worker._replace(
        state=State.BACKOFF, token=worker.token + 1, running=False, since=now, deadline=due
    )
    return waiting, (SetTimer(due, waiting.token), Act.TELL_BACKOFF)


def _give_up(worker: Worker, now: float, rules: Rules) -> _Result:
    retry = rules.policy.retry_after
    due = now + retry if retry > 0 else None
    failed = worker._replace(
        state=State.GAVE_UP, token=worker.token + 1, running=False, since=now, deadline=due
    )
    return failed, (Act.TELL_GAVE_UP,) if due is None else (SetTimer(due, failed.token), Act.TELL_GAVE_UP)


def _to_empty(worker: Worker) -> _Result:
    empty = worker._replace(
        state=State.EMPTY, token=worker.token + 1, running=False, refill=False, deadline=None
    )
    return empty, (Act.FREE,)


def _start(worker: Worker, event: Start, now: float, rules: Rules) -> _Result:
    return _to_starting(
        worker._replace(generation=event.generation, failures=0, tries=0, error=""),
        event.why,
        restarted=False,
    )


def _start_again(worker: Worker, event: Start, now: float, rules: Rules) -> _Result:
    """An operator asks while it waits: the past is forgiven."""
    return _to_starting(
        worker._replace(generation=event.generation, failures=0, tries=0, error=""), event.why
    )


def _spawned(worker: Worker, event: Spawned, now: float, rules: Rules) -> _Result:
    if worker.running:
        raise IllegalTransitionError(worker.state, event)
    return worker._replace(
        running=True, started_at=now, tries=0, error="", generation=event.generation
    ), _NONE


def _spawn_failed(worker: Worker, event: SpawnFailed, now: float, rules: Rules) -> _Result:
    if worker.running:
        raise IllegalTransitionError(worker.state, event)
    tries = worker.tries + 1
    policy = rules.policy if event.counts else _never_giving_up(rules.policy)
    pause = pause_after_failed_start(policy, tries, event.jitter)
    worker = worker._replace(tries=tries, error=event.error, why=Why.SPAWN_FAILED)
    return _give_up(worker, now, rules) if pause is None else _to_backoff(worker, now, pause)


def _never_giving_up(policy: Policy) -> Policy:
    return Policy(backoff_initial=policy.backoff_initial, backoff_max=policy.backoff_max, max_retry=-1)


def _ready(worker: Worker, event: Ready, now: float, rules: Rules) -> _Result:
    if event.token != worker.token or not worker.running:
        return worker, _NONE
    return worker._replace(state=State.UP), _NONE


def _exited_by_itself(worker: Worker, event: Exited, now: float, rules: Rules) -> _Result:
    if not worker.running or worker.started_at is None:
        raise IllegalTransitionError(worker.state, event)
    why = Why.EXIT if event.exit.ok else Why.CRASH
    stable = is_stable(rules.policy, now - worker.started_at)
    failures = 0 if stable else worker.failures + 1
    worker = worker._replace(running=False, last_exit=event.exit, failures=failures, why=why)
    if event.then is Then.LEAVE:
        return _to_empty(worker)
    if event.then is Then.GIVE_UP:
        return _give_up(worker, now, rules)
    pause = pause_after_death(rules.policy, failures, event.jitter)
    return _to_backoff(worker, now, pause) if pause > 0 else _to_starting(worker, why)


def _stop_running(worker: Worker, event: Stop, now: float, rules: Rules) -> _Result:
    if not worker.running:
        return _to_empty(worker._replace(why=event.why))
    grace = rules.grace if event.grace is None else event.grace
    stopping = worker._replace(
        state=State.STOPPING,
        token=worker.token + 1,
        refill=event.refill,
        why=event.why,
        since=now,
        deadline=now + grace,
        failures=0,
    )
    signum = rules.stop_signal if event.signum is None else event.signum
    return stopping, (SetTimer(now + grace, stopping.token), Signal(signum))


def _aged(worker: Worker, event: Aged, now: float, rules: Rules) -> _Result:
    if event.token != worker.token:
        return worker, _NONE
    return _stop_running(worker, Stop(Why.MAX_AGE, refill=True), now, rules)


def _stop_waiting(worker: Worker, event: Stop, now: float, rules: Rules) -> _Result:
    return _to_empty(worker._replace(why=event.why))


def _retry(worker: Worker, event: Elapsed, now: float, rules: Rules) -> _Result:
    if event.token != worker.token:
        return worker, _NONE
    if worker.state is State.GAVE_UP:
        return _to_starting(worker._replace(failures=0, tries=0, error=""), Why.RETRY)
    return _to_starting(worker, worker.why)


def _exited_as_asked(worker: Worker, event: Exited, now: float, rules: Rules) -> _Result:
    if not worker.running:
        raise IllegalTransitionError(worker.state, event)
    return worker._replace(running=False, last_exit=event.exit), (Act.SWEEP,)


def _gone(worker: Worker, event: Gone, now: float, rules: Rules) -> _Result:
    if worker.running:
        raise IllegalTransitionError(worker.state, event)
    return _to_starting(worker, worker.why) if worker.refill else _to_empty(worker)


def _kill(worker: Worker, event: Elapsed, now: float, rules: Rules) -> _Result:
    if event.token != worker.token:
        return worker, _NONE
    due = now + rules.kill_deadline
    killing = worker._replace(state=State.KILLING, token=worker.token + 1, deadline=due)
    return killing, (SetTimer(due, killing.token), Act.KILL_TREE)


def _stuck(worker: Worker, event: Elapsed, now: float, rules: Rules) -> _Result:
    if event.token != worker.token:
        return worker, _NONE
    stuck = worker._replace(state=State.STUCK, token=worker.token + 1, deadline=None, refill=False)
    return stuck, (Act.TELL_STUCK,)


def _stop_stopping(worker: Worker, event: Stop, now: float, rules: Rules) -> _Result:
    """A second stop can only hasten: an earlier deadline, another signal, and no refill unless both want it."""
    worker = worker._replace(refill=worker.refill and event.refill)
    signal: tuple[Effect, ...] = (
        (Signal(event.signum),) if event.signum is not None and worker.running else _NONE
    )
    due = now + (rules.grace if event.grace is None else event.grace)
    if worker.deadline is not None and due >= worker.deadline:
        return worker, signal
    hastened = worker._replace(deadline=due, token=worker.token + 1)
    return hastened, (SetTimer(due, hastened.token), *signal)


def _stop_killing(worker: Worker, event: Stop, now: float, rules: Rules) -> _Result:
    return worker._replace(refill=worker.refill and event.refill), _NONE


def _stop_stuck(worker: Worker, event: Stop, now: float, rules: Rules) -> _Result:
    return worker, (Act.KILL_TREE,)


# -- the table -------------------------------------------------------------------------------------------------------------

_Handler = Callable[[Worker, Event, float, Rules], _Result]


@final
class Transition(NamedTuple):
    """One row: in this state, at this event, this is done, and it leads to one of these states."""

    state: State
    event: type[Event]
    handler: _Handler
    targets: frozenset[State]


def _row(state: State, event: type[Event], handler: Callable[..., _Result], *targets: State) -> Transition:
    return Transition(state, event, handler, frozenset(targets or (state,)))


_S = State
TRANSITIONS: tuple[Transition, ...] = (
    _row(_S.EMPTY, Start, _start, _S.STARTING),
    _row(_S.STARTING, Spawned, _spawned),
    _row(_S.STARTING, SpawnFailed, _spawn_failed, _S.BACKOFF, _S.GAVE_UP),
    _row(_S.STARTING, Ready, _ready, _S.UP, _S.STARTING),
    _row(_S.STARTING, Exited, _exited_by_itself, _S.STARTING, _S.BACKOFF, _S.GAVE_UP, _S.EMPTY),
    _row(_S.STARTING, Stop, _stop_running, _S.STOPPING, _S.EMPTY),
    _row(_S.UP, Exited, _exited_by_itself, _S.STARTING, _S.BACKOFF, _S.GAVE_UP, _S.EMPTY),
    _row(_S.UP, Stop, _stop_running, _S.STOPPING),
    _row(_S.UP, Aged, _aged, _S.STOPPING, _S.UP),
    _row(_S.STOPPING, Exited, _exited_as_asked),
    _row(_S.STOPPING, Gone, _gone, _S.EMPTY, _S.STARTING),
    _row(_S.STOPPING, Elapsed, _kill, _S.KILLING, _S.STOPPING),
    _row(_S.STOPPING, Stop, _stop_stopping),
    _row(_S.KILLING, Exited, _exited_as_asked),
    _row(_S.KILLING, Gone, _gone, _S.EMPTY, _S.STARTING),
    _row(_S.KILLING, Elapsed, _stuck, _S.STUCK, _S.KILLING),
    _row(_S.KILLING, Stop, _stop_killing),
    _row(_S.STUCK, Exited, _exited_as_asked),
    _row(_S.STUCK, Gone, _gone, _S.EMPTY),
    _row(_S.STUCK, Stop, _stop_stuck),
    _row(_S.BACKOFF, Elapsed, _retry, _S.STARTING, _S.BACKOFF),
    _row(_S.BACKOFF, Start, _start_again, _S.STARTING),
    _row(_S.BACKOFF, Stop, _stop_waiting, _S.EMPTY),
    _row(_S.GAVE_UP, Elapsed, _retry, _S.STARTING, _S.GAVE_UP),
    _row(_S.GAVE_UP, Start, _start_again, _S.STARTING),
    _row(_S.GAVE_UP, Stop, _stop_waiting, _S.EMPTY),
)
"""Every move there is."""

IGNORED: frozenset[tuple[State, type[Event]]] = frozenset(
    {
        *((state, Elapsed) for state in (_S.EMPTY, _S.STARTING, _S.UP, _S.STUCK)),  # a late timer
        *((state, Aged) for state in State if state is not _S.UP),  # likewise
        *((state, Ready) for state in State if state is not _S.STARTING),  # a late hook
        *((state, Gone) for state in (_S.EMPTY, _S.STARTING, _S.UP, _S.BACKOFF, _S.GAVE_UP)),  # a late look
        *((state, Start) for state in (_S.STARTING, _S.UP)),  # it is, or will be
        *((state, Start) for state in (_S.STOPPING, _S.KILLING, _S.STUCK)),  # the owner starts another slot
        (_S.EMPTY, Stop),
    }
)
"""Pairs that may come and change nothing."""

_HANDLERS = MappingProxyType({(row.state, row.event): row.handler for row in TRANSITIONS})


def step(worker: Worker, event: Event, now: float, rules: Rules) -> tuple[Worker, tuple[Effect, ...]]:
    """What becomes of a worker, and what is to be done about it.

    Args:
        worker: as it is.
        event: what happened.
        now: monotonic seconds.
        rules: of its watcher.

    Raises:
        IllegalTransitionError: the event cannot come in this state.
    """
    handler = _HANDLERS.get((worker.state, type(event)))
    if handler is not None:
        return handler(worker, event, now, rules)
    if (worker.state, type(event)) in IGNORED:
        return worker, _NONE
    raise IllegalTransitionError(worker.state, event)


def render_diagram(rows: Iterable[Transition] = TRANSITIONS) -> str:
    """The table as a Mermaid state diagram, for the manual."""
    moves = (
        f"    {row.state.name} --> {target.name}: {row.event.__name__}"
        for row in rows
        for target in sorted(row.targets, key=lambda state: state.name)
        if target is not row.state or len(row.targets) == 1
    )
    return "\n".join(["stateDiagram-v2", "    [*] --> EMPTY", *moves, ""])
