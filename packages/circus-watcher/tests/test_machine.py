"""The life of one worker: the table is total, every row is taken, and the invariants hold whatever comes."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process.exits import ExitStatus
from circus.watcher import machine as m
from circus.watcher.events import Why
from circus.watcher.machine import Act, Rules, State, Then, Worker, step
from circus.watcher.restart import Policy

RULES = Rules(policy=Policy(retry_after=60), grace=10, kill_deadline=5)
OK = ExitStatus(code=0)
CRASH = ExitStatus(code=1)


def run(*events, rules=RULES, worker=None):
    """Feed (time, event) pairs; returns the worker and the last effects."""
    worker, effects = worker or Worker(1), ()
    for now, event in events:
        worker, effects = step(worker, event, now, rules)
    return worker, effects


def up(at=0.0, **rules):
    return run((at, m.Start(Why.COMMAND)), (at, m.Spawned(0)), (at, m.Ready(1)), rules=Rules(**rules))[0]


def test_the_table_is_total():
    """Each pair of a state and an event is in the table, ignored on purpose, or a mistake; never two of them."""
    in_table = [(row.state, row.event) for row in m.TRANSITIONS]
    assert len(in_table) == len(set(in_table))
    assert not set(in_table) & m.IGNORED
    mistakes = {(s, e) for s in State for e in get_args(m.Event)} - set(in_table) - m.IGNORED
    running = {State.STARTING, State.UP, State.STOPPING, State.KILLING, State.STUCK}
    assert {(s, e) for s, e in mistakes if e is m.Exited} == {(s, m.Exited) for s in set(State) - running}
    assert {s for s, e in mistakes if e in {m.Spawned, m.SpawnFailed}} == set(State) - {State.STARTING}
    assert {e for _, e in mistakes} == {m.Exited, m.Spawned, m.SpawnFailed}


def test_a_mistake_raises_and_says_what():
    with pytest.raises(m.IllegalTransitionError, match=r"a worker that is empty cannot take Exited"):
        run((0, m.Exited(OK)))


@pytest.mark.parametrize(
    ("worker", "event"),
    [
        (up(), m.Spawned(0)),
        (up(), m.SpawnFailed("no")),
        (run((0, m.Start(Why.COMMAND)), (0, m.Spawned(0)))[0], m.Spawned(0)),
        (run((0, m.Start(Why.COMMAND)), (0, m.Spawned(0)))[0], m.SpawnFailed("no")),
        (run((0, m.Start(Why.COMMAND)))[0], m.Exited(OK)),
        (run((0, m.Stop(Why.COMMAND)), worker=up())[0], m.Gone()),
        (run((0, m.Stop(Why.COMMAND)), (0, m.Exited(OK)), worker=up())[0], m.Exited(OK)),
    ],
)
def test_what_cannot_be_raises(worker, event):
    with pytest.raises(m.IllegalTransitionError):
        step(worker, event, 0, RULES)


def test_from_start_to_up():
    worker, effects = run((1.0, m.Start(Why.COMMAND, 7)))
    assert (worker.state, effects) == (State.STARTING, (Act.SPAWN,))
    worker, effects = run((1.5, m.Spawned(7)), (2.0, m.Ready(worker.token)), worker=worker)
    assert (worker.state, worker.started_at, worker.generation, effects) == (State.UP, 1.5, 7, ())


def test_a_late_ready_is_ignored():
    started, _ = run((0, m.Start(Why.COMMAND)))
    assert run((0, m.Ready(started.token)), worker=started)[0].state is State.STARTING
    spawned, _ = run((0, m.Spawned(0)), worker=started)
    assert run((0, m.Ready(99)), worker=spawned)[0].state is State.STARTING


def test_a_worker_that_ran_well_is_replaced_at_once():
    worker, effects = run((100, m.Exited(CRASH)), worker=up())
    assert (worker.state, worker.why, worker.failures, worker.restarts) == (State.STARTING, Why.CRASH, 0, 1)
    assert effects == (Act.SPAWN,)
    assert run((100, m.Exited(OK)), worker=up())[0].why is Why.EXIT


def crash_early(worker, at, **event):
    return run((at, m.Spawned(0)), (at + 0.01, m.Exited(CRASH, **event)), worker=worker, rules=RULES)


def test_a_crash_loop_backs_off_and_goes_on():
    worker, effects = run((0, m.Start(Why.COMMAND)))
    worker, effects = crash_early(worker, 0)
    assert worker.state is State.STARTING
    worker, effects = crash_early(worker, 1)
    assert worker.state is State.BACKOFF
    assert effects == (m.SetTimer(pytest.approx(1.11), worker.token), Act.TELL_BACKOFF)
    assert run((2, m.Elapsed(worker.token - 1)), worker=worker)[0] == worker
    worker, effects = run((2, m.Elapsed(worker.token)), worker=worker)
    assert (worker.state, worker.failures, effects) == (State.STARTING, 2, (Act.SPAWN,))
    worker, effects = crash_early(worker, 3)
    assert effects[0].at == pytest.approx(3.21)


def test_an_exit_that_is_not_to_be_followed():
    worker, effects = run((1, m.Exited(OK, Then.LEAVE)), worker=up())
    assert (worker.state, effects) == (State.EMPTY, (Act.FREE,))


def test_giving_up_and_the_slow_retry():
    worker, effects = run((1, m.Exited(CRASH, Then.GIVE_UP)), worker=up())
    assert worker.state is State.GAVE_UP
    assert effects == (m.SetTimer(61, worker.token), Act.TELL_GAVE_UP)
    worker, effects = run((61, m.Elapsed(worker.token)), worker=worker)
    assert (worker.state, worker.why, effects) == (State.STARTING, Why.RETRY, (Act.SPAWN,))


def test_giving_up_for_good():
    worker, effects = run((1, m.Exited(CRASH, Then.GIVE_UP)), worker=up(), rules=Rules())
    assert (worker.deadline, effects) == (None, (Act.TELL_GAVE_UP,))


def test_an_operator_s_start_cuts_a_wait_short():
    worker, _ = run((1, m.Exited(CRASH, Then.GIVE_UP)), worker=up())
    worker, effects = run((2, m.Start(Why.COMMAND, 3)), worker=worker)
    assert (worker.state, worker.failures, worker.generation, effects) == (State.STARTING, 0, 3, (Act.SPAWN,))


def test_a_start_that_fails_is_retried_then_given_up():
    rules = Rules(policy=Policy(max_retry=2))
    worker, effects = run((0, m.Start(Why.COMMAND)), (0, m.SpawnFailed("no such file")), rules=rules)
    assert (worker.state, worker.error, worker.tries) == (State.BACKOFF, "no such file", 1)
    worker, effects = run(
        (1, m.Elapsed(worker.token)), (1, m.SpawnFailed("still none")), worker=worker, rules=rules
    )
    assert (worker.state, worker.error, effects) == (State.GAVE_UP, "still none", (Act.TELL_GAVE_UP,))


def test_a_machine_out_of_processes_is_no_reason_to_give_up():
    worker = Worker(1)
    for now in range(50):
        event = m.Start(Why.COMMAND) if not now else m.Elapsed(worker.token)
        worker, _ = run((now * 40, event), (now * 40, m.SpawnFailed("EAGAIN", counts=False)), worker=worker)
        assert worker.state is State.BACKOFF


def test_a_stop_asks_then_kills_then_reports():
    worker, effects = run((5, m.Stop(Why.COMMAND)), worker=up())
    assert worker.state is State.STOPPING
    assert effects == (m.SetTimer(15, worker.token), m.Signal(15))
    assert run((15, m.Elapsed(0)), worker=worker)[0] == worker
    worker, effects = run((15, m.Elapsed(worker.token)), worker=worker)
    assert (worker.state, effects) == (State.KILLING, (m.SetTimer(20, worker.token), Act.KILL_TREE))
    assert run((20, m.Elapsed(0)), worker=worker)[0] == worker
    worker, effects = run((20, m.Elapsed(worker.token)), worker=worker)
    assert (worker.state, effects) == (State.STUCK, (Act.TELL_STUCK,))
    worker, effects = run((99, m.Stop(Why.COMMAND)), worker=worker)
    assert effects == (Act.KILL_TREE,)
    worker, effects = run((100, m.Exited(CRASH)), (100, m.Gone()), worker=worker)
    assert (worker.state, effects) == (State.EMPTY, (Act.FREE,))


def test_a_stop_is_over_when_the_tree_is_gone_not_when_the_leader_is():
    worker, effects = run((0, m.Stop(Why.COMMAND)), (1, m.Exited(OK)), worker=up())
    assert (worker.state, effects) == (State.STOPPING, (Act.SWEEP,))
    worker, effects = run((10, m.Elapsed(worker.token)), worker=worker)
    assert worker.state is State.KILLING
    assert run((10, m.Gone()), worker=worker)[0].state is State.EMPTY


def test_a_stop_with_a_signal_and_a_grace_of_its_own():
    worker, effects = run((0, m.Stop(Why.COMMAND, signum=2, grace=1)), worker=up())
    assert effects == (m.SetTimer(1, worker.token), m.Signal(2))


def test_a_second_stop_can_only_hasten():
    worker, _ = run((0, m.Stop(Why.COMMAND, refill=True)), worker=up())
    later, effects = run((1, m.Stop(Why.COMMAND, refill=True)), worker=worker)
    assert (later.deadline, later.refill, effects) == (10.0, True, ())
    sooner, effects = run((1, m.Stop(Why.COMMAND, grace=0, signum=9)), worker=worker)
    assert (sooner.deadline, sooner.refill) == (1, False)
    assert effects == (m.SetTimer(1, sooner.token), m.Signal(9))
    killing, _ = run((1, m.Elapsed(sooner.token)), worker=sooner)
    assert run((2, m.Stop(Why.COMMAND)), worker=killing)[0].state is State.KILLING


def test_a_second_stop_does_not_signal_who_has_ended():
    worker, _ = run((0, m.Stop(Why.COMMAND)), (1, m.Exited(OK)), worker=up())
    assert run((2, m.Stop(Why.COMMAND, signum=9)), worker=worker)[1] == ()


def test_a_slot_that_is_to_be_refilled_starts_again():
    worker, _ = run((50, m.Aged(1)), (51, m.Exited(OK)), worker=up())
    assert (worker.why, worker.refill) == (Why.MAX_AGE, True)
    worker, effects = run((51, m.Gone()), worker=worker)
    assert (worker.state, worker.why, effects) == (State.STARTING, Why.MAX_AGE, (Act.SPAWN,))


def test_a_late_age_is_ignored():
    assert run((50, m.Aged(9)), worker=up())[0].state is State.UP


def test_a_stop_of_what_does_not_run_yet_or_any_more():
    for worker in (
        run((0, m.Start(Why.COMMAND)))[0],
        run((0, m.Start(Why.COMMAND)), (0, m.SpawnFailed("no")))[0],
        run((0, m.Exited(OK, Then.GIVE_UP)), worker=up())[0],
    ):
        stopped, effects = run((1, m.Stop(Why.SCALE)), worker=worker)
        assert (stopped.state, effects) == (State.EMPTY, (Act.FREE,))


def test_the_diagram_shows_every_move():
    text = m.render_diagram()
    assert text.startswith("stateDiagram-v2\n    [*] --> EMPTY\n")
    assert "    STOPPING --> KILLING: Elapsed\n" in text
    for state in State:
        assert state.name in text


# -- properties --------------------------------------------------------------------------------------------------------


@st.composite
def events(draw, worker, *, asked_only=False):
    """An event that may come to this worker: everything but what the owner can never do."""
    token = worker.token - draw(st.sampled_from([0, 0, 0, 1]))
    possible = [m.Stop(Why.COMMAND, draw(st.booleans())), m.Elapsed(token), m.Aged(token), m.Ready(token)]
    if not asked_only:
        possible.append(m.Start(Why.COMMAND))
    if worker.running:
        exit_ = draw(st.sampled_from([OK, CRASH, ExitStatus(signal=9)]))
        possible.append(m.Exited(exit_, draw(st.sampled_from(Then)), draw(st.floats(0, 0.99))))
    elif worker.state is State.STARTING:
        possible += [m.Spawned(0), m.SpawnFailed("no", draw(st.booleans()), 0.5)]
    elif worker.state in {State.STOPPING, State.KILLING, State.STUCK}:
        possible.append(m.Gone())
    return draw(st.sampled_from(possible))


@pytest.mark.slow
@given(st.data())
def test_whatever_comes_the_invariants_hold(data):
    worker, now, running, spawns_owed = Worker(1), 0.0, 0, 0
    rows = {(row.state, row.event): row for row in m.TRANSITIONS}
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.sampled_from([0.0, 0.01, 0.5, 2.0, 40.0]))
        event = data.draw(events(worker))
        before = worker
        worker, effects = step(before, event, now, RULES)
        row = rows.get((before.state, type(event)))
        assert worker.state in (row.targets if row else {before.state})
        # never two processes in a slot, and none without a request for it
        running += isinstance(event, m.Spawned) - isinstance(event, m.Exited)
        assert 0 <= running <= 1
        assert worker.running == bool(running)
        spawns_owed += (Act.SPAWN in effects) - isinstance(event, m.Spawned | m.SpawnFailed)
        if worker.state is not State.STARTING:
            spawns_owed = 0  # a request whose token is past is dropped
        assert spawns_owed <= 1
        # no spawn within a back-off, unless somebody asks
        if before.state is State.BACKOFF and Act.SPAWN in effects:
            assert isinstance(event, m.Start) or event == m.Elapsed(before.token)
        # a state's timer is set when it is entered
        if worker.deadline is not None and worker.token != before.token:
            assert m.SetTimer(worker.deadline, worker.token) in effects
        # nothing comes out of an empty slot
        if worker.state is State.EMPTY:
            assert not worker.running
            assert effects in {(), (Act.FREE,)}


@pytest.mark.slow
@given(st.data())
def test_a_stop_always_ends(data):
    """However a worker came to where it is: after a stop, its timers and its end lead out, and nothing leads back."""
    worker, now = Worker(1), 0.0
    for _ in range(data.draw(st.integers(1, 25))):
        now += data.draw(st.sampled_from([0.0, 0.5, 2.0]))
        worker, _ = step(worker, data.draw(events(worker)), now, RULES)
    worker, _ = step(worker, m.Stop(Why.COMMAND), now, RULES)
    for _ in range(10):
        if worker.state in {State.EMPTY, State.STUCK}:
            break
        assert worker.state in {State.STOPPING, State.KILLING}
        if data.draw(st.booleans()) and worker.running:
            event = m.Exited(OK)
        elif not worker.running and data.draw(st.booleans()):
            event = m.Gone()
        else:
            assert worker.deadline is not None
            now, event = worker.deadline, m.Elapsed(worker.token)
        worker, effects = step(worker, event, now, RULES)
        assert Act.SPAWN not in effects
    assert worker.state in {State.EMPTY, State.STUCK}
