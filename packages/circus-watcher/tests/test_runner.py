"""The owner of a watcher, as scripts on fakes in virtual time: hours of back-off for free."""

import asyncio
import itertools

import pytest
from watching import Fixture, script, spec_of

from circus.process.errors import Stage
from circus.process.exits import ExitStatus
from circus.process.testing import FakeSpawner, Script, VirtualLoop
from circus.watcher import commands as c
from circus.watcher import events as e
from circus.watcher.events import Why
from circus.watcher.machine import State
from circus.watcher.runner import WatcherRunner
from circus.watcher.status import Status

CRASH = ExitStatus(code=3)


def by_command(**scripts):
    """A script by the label of the worker: ``w1=...``; the rest runs."""
    return lambda spec: scripts.get(f"w{spec.label.rpartition('.')[2]}", Script())


# -- starting and stopping ---------------------------------------------------------------------------------------------


def test_start_and_stop_tell_what_happened():
    async def test(w):
        outcome = await w.start()
        assert (outcome.ok, len(outcome.started), outcome.count) == (True, 3, 3)
        assert w.words == ["Spawned", "Spawned", "Spawned", "Started"]
        assert [event.wid for event in w.said(e.Spawned)] == [1, 2, 3]
        view = w.runner.snapshot()
        assert (view.status, view.running, view.up, view.wanted) == (Status.ACTIVE, 3, 3, 3)
        again = await w.start()
        assert (again.started, again.kept) == ((), outcome.started)
        stopped = await w.runner.ask(c.Stop())
        assert stopped.ok
        assert sorted(stopped.stopped) == sorted(outcome.started)
        assert stopped.killed == ()
        assert w.runner.snapshot().status is Status.STOPPED
        assert w.words[-1] == "Stopped"
        assert {event.why for event in w.said(e.Reaped)} == {Why.COMMAND}
        assert w.runner.pids() == ()

    script(test, Fixture(numprocesses=3))


def test_warmup_spaces_the_starts():
    async def test(w):
        await w.start()
        assert w.spawner.times == [0, 2, 4]
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(numprocesses=3, warmup_delay=2))


def test_a_stop_during_warmup_wins_at_once():
    async def test(w):
        starting = w.runner.ask(c.Start())
        await asyncio.sleep(3)
        assert w.runner.snapshot().status is Status.STARTING
        stopped = await w.runner.ask(c.Stop())
        assert asyncio.get_running_loop().time() == 3
        assert len(stopped.stopped) == 2
        outcome = await starting
        assert (outcome.superseded_by, outcome.ok) == ("stop", False)

    script(test, Fixture(numprocesses=30, warmup_delay=2))


def test_who_ignores_the_stop_signal_is_killed_on_the_clock():
    async def test(w):
        await w.start()
        outcome = await w.runner.ask(c.Stop())
        assert asyncio.get_running_loop().time() == 7
        assert outcome.killed == outcome.stopped == (w.spawner.children[0].pid,)
        assert [event.signal for event in w.said(e.Killed)] == [15, 9]

    script(test, Fixture(Script(on_signal=None), graceful_timeout=7))


def test_a_second_stop_with_less_patience_hurries():
    async def test(w):
        await w.start()
        first = w.runner.ask(c.Stop())
        await asyncio.sleep(5)
        second = await w.runner.ask(c.Stop(graceful_timeout=0))
        assert asyncio.get_running_loop().time() == 5
        assert second.killed
        assert (await first).ok

    script(test, Fixture(Script(on_signal=None), graceful_timeout=3600))


def test_children_that_outlive_their_leader_are_asked_then_killed():
    async def test(w):
        await w.start()
        child = w.spawner.children[0]
        outcome = await w.runner.ask(c.Stop())
        assert asyncio.get_running_loop().time() == pytest.approx(10, abs=0.3)
        assert len(outcome.killed) == 2
        assert child.survivors() == ()

    script(test, Fixture(Script(strays=2), graceful_timeout=10))


def test_what_cannot_be_killed_is_reported_and_not_waited_for():
    async def test(w):
        await w.start()
        pid = w.spawner.children[0].pid
        outcome = await w.runner.ask(c.Stop())
        assert asyncio.get_running_loop().time() == pytest.approx(10 + 5)
        assert (outcome.stuck, outcome.ok) == ((pid,), False)
        assert w.said(e.Stuck)[0].pids == (pid,)
        assert w.runner.snapshot().stuck == (pid,)
        again = await w.start()
        assert len(again.started) == 1
        w.spawner.children[0].end()
        await asyncio.sleep(6)
        assert w.runner.snapshot().stuck == ()

    script(test, Fixture([Script(stuck=True), Script()], graceful_timeout=10))


def test_a_stuck_singleton_is_not_doubled():
    async def test(w):
        await w.start()
        await w.runner.ask(c.Stop())
        await w.start()
        assert len(w.spawner.children) == 1
        w.spawner.children[0].end()
        await asyncio.sleep(6)
        assert len(w.spawner.running) == 1

    script(test, Fixture([Script(stuck=True), Script()], graceful_timeout=1, singleton=True))


def test_a_start_during_a_stop_follows_it():
    async def test(w):
        await w.start()
        stopping = w.runner.ask(c.Stop())
        starting = w.runner.ask(c.Start())
        assert (await stopping).ok
        outcome = await starting
        assert outcome.ok
        assert len(outcome.started) == 1
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(Script(on_signal=2.0)))


def test_stop_of_what_does_not_run_is_ok():
    async def test(w):
        assert (await w.runner.ask(c.Stop())).ok

    script(test, Fixture())


def test_a_hundred_commands_at_once_all_end_truthfully():
    async def test(w):
        await w.start()
        asked = [w.runner.ask(c.Restart()) for _ in range(40)]
        asked += [w.runner.ask(c.Scale(1)) for _ in range(20)]
        asked += [w.runner.ask(c.Scale(-1)) for _ in range(20)]
        asked += [w.runner.ask(c.Reload()) for _ in range(20)]
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*asked)
        assert all(outcome.failures == {} for outcome in outcomes)
        assert w.runner.snapshot().running == w.runner.snapshot().wanted == 3
        assert len(w.spawner.running) == 3

    script(test, Fixture(Script(on_signal=1.0), numprocesses=3))


def test_shutdown_ends_the_owner_and_later_commands_are_told():
    async def test(w):
        await w.start()
        assert (await w.runner.ask(c.Shutdown())).ok
        assert (await w.runner.ask(c.Start())).superseded_by == "shutdown"

    script(test, Fixture())


def test_a_cancelled_owner_leaves_nothing_running():
    async def main():
        w = Fixture(Script(strays=1), numprocesses=2)
        task = asyncio.create_task(w.runner.run())
        await w.start()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert w.spawner.running == []
        assert all(child.survivors() == () for child in w.spawner.children)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


# -- exits that nobody asked for ---------------------------------------------------------------------------------------


def test_a_crash_is_replaced_at_once_in_its_slot_and_says_why():
    async def test(w):
        await w.start()
        await asyncio.sleep(10)
        w.spawner.children[1].end(ExitStatus(signal=11))
        await asyncio.sleep(0.1)
        assert w.spawner.times[-1] == 10
        assert w.said(e.Spawned)[-1].why is Why.CRASH
        assert w.said(e.Spawned)[-1].wid == 2
        reaped = w.said(e.Reaped)[-1]
        assert (reaped.why, reaped.lifetime, reaped.exit.signal) == (Why.CRASH, 10, 11)
        view = w.runner.snapshot()
        assert (view.restarts, view.exits, view.last_exit.why) == (1, {Why.CRASH: 1}, Why.CRASH)

    script(test, Fixture(numprocesses=3))


def test_a_crash_loop_backs_off_says_so_and_recovers():
    async def test(w):
        await w.start()
        await asyncio.sleep(20)
        times = w.spawner.times
        waits = [round(b - a - 0.5, 3) for a, b in itertools.pairwise(times)]
        assert waits[0] == 0
        assert all(0.7 < wait / (0.1 * 2**n) < 1.3 for n, wait in enumerate(waits[1:6]))
        view = w.runner.snapshot()
        assert (view.status, view.waiting.reason) == (Status.BACKOFF, "exit code 3")
        backed = w.said(e.BackedOff)
        assert [event.attempt for event in backed[:3]] == [2, 3, 4]
        assert backed[0].last_exit == CRASH

    script(test, Fixture(Script(lifetime=0.5, exit=CRASH)))


def test_a_loop_of_an_hour_is_capped():
    async def test(w):
        await w.start()
        await asyncio.sleep(3600)
        assert 110 < len(w.spawner.times) < 180

    script(test, Fixture(Script(lifetime=0.01, exit=CRASH)))


def test_a_limit_of_restarts_ends_in_failed_and_healthy_workers_stay():
    async def test(w):
        await w.start()
        await asyncio.sleep(100)
        assert len(w.spawner.times) == 2 + 3
        view = w.runner.snapshot()
        assert (view.status, view.running) == (Status.FAILED, 1)
        assert "exit code 3" in view.failure
        assert w.said(e.Failed)[0].last_exit == CRASH
        outcome = await w.start()
        assert outcome.ok
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(by_command(w1=Script(lifetime=0.2, exit=CRASH)), numprocesses=2, max_restarts=3))


def test_a_failed_watcher_tries_again_where_it_is_told_to():
    async def test(w):
        await w.start()
        await asyncio.sleep(1000)
        assert w.said(e.Failed)[0].retry_in == 300
        assert len(w.said(e.Failed)) == 4
        assert w.said(e.Spawned)[-1].why is Why.RETRY

    script(test, Fixture(Script(lifetime=0.2, exit=CRASH), max_restarts=0, retry_after=300))


def test_a_start_that_cannot_be_done_is_tried_max_retry_times():
    async def test(w):
        outcome = await w.start()
        assert not outcome.ok
        assert "finding the executable" in outcome.failures["web.1"]
        await asyncio.sleep(100)
        assert len(w.spawner.failures) == 5
        assert w.runner.snapshot().status is Status.FAILED
        assert w.said(e.Failed)[0].retry_in is None
        assert "Started" not in w.words

    script(test, Fixture(Script(fails=Stage.FIND_EXECUTABLE)))


def test_a_machine_out_of_processes_is_waited_for():
    def scripts():
        yield from [Script(fails=Stage.FORK)] * 20
        yield Script()

    async def test(w):
        await w.start()
        await asyncio.sleep(1000)
        assert w.runner.snapshot().status is Status.ACTIVE
        assert w.words[-2:] == ["Spawned", "Started"]

    script(test, Fixture(scripts()))


def test_a_stop_wins_over_a_back_off():
    async def test(w):
        starting = w.runner.ask(c.Start())
        await asyncio.sleep(3)
        assert (await w.runner.ask(c.Stop())).ok
        assert asyncio.get_running_loop().time() == 3
        spawned = len(w.spawner.times)
        await asyncio.sleep(1000)
        assert len(w.spawner.times) == spawned
        await starting

    script(test, Fixture(Script(lifetime=0.01, exit=CRASH), numprocesses=5))


def test_without_respawn_the_watcher_ends_with_its_workers():
    async def test(w):
        outcome = await w.start()
        assert outcome.ok
        await asyncio.sleep(7)
        assert w.runner.snapshot().running == 1
        await asyncio.sleep(100)
        assert w.runner.snapshot().status is Status.STOPPED
        assert len(w.spawner.times) == 2
        assert w.words[-1] == "Stopped"
        assert w.said(e.Stopped)[0].why is Why.EXIT
        await w.start()
        assert len(w.spawner.running) == 2

    fixture = Fixture(
        by_command(w1=Script(lifetime=5), w2=Script(lifetime=10)), numprocesses=2, respawn=False
    )
    script(test, fixture)


def test_what_a_crashed_worker_left_behind_is_ended():
    async def test(w):
        await w.start()
        await asyncio.sleep(5)
        first = w.spawner.children[0]
        first.end(CRASH)
        await asyncio.sleep(0.5)
        assert len(w.spawner.running) == 1
        assert first.survivors()
        await asyncio.sleep(20)
        assert first.survivors() == ()

    script(test, Fixture(Script(strays=1), graceful_timeout=10))


def test_a_stop_ends_what_crashed_workers_left_behind():
    async def test(w):
        await w.start()
        await asyncio.sleep(5)
        w.spawner.children[0].end(CRASH)
        await asyncio.sleep(0.1)
        assert (await w.runner.ask(c.Stop(graceful_timeout=1))).ok
        assert all(child.survivors() == () for child in w.spawner.children)

    script(test, Fixture(Script(strays=1)))


def test_max_age_replaces_each_at_its_own_age_drawn_once():
    async def test(w):
        await w.start()
        await asyncio.sleep(1000)
        ages = [event.lifetime for event in w.said(e.Reaped) if event.why is Why.MAX_AGE]
        assert len(ages) > 20
        assert all(50 <= age <= 60 for age in ages)
        assert len(set(ages)) > 10
        assert w.runner.snapshot().restarts == 0

    script(test, Fixture(numprocesses=2, max_age=50, max_age_variance=10))


# -- numbers, reloads, options -----------------------------------------------------------------------------------------


def test_scaling_takes_the_lowest_slots_and_gives_up_the_oldest():
    async def test(w):
        await w.start()
        up = await w.runner.ask(c.Scale(2))
        assert (len(up.started), up.count) == (2, 4)
        down = await w.runner.ask(c.Scale(-1))
        assert down.stopped == (w.spawner.children[0].pid,)
        assert (await w.runner.ask(c.SetCount(4))).count == 4
        assert w.said(e.Spawned)[-1].wid == 1
        zero = await w.runner.ask(c.Scale(-100))
        assert (zero.count, len(zero.stopped)) == (0, 4)
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(numprocesses=2))


def test_a_singleton_refuses_a_second_worker_in_words():
    async def test(w):
        await w.start()
        outcome = await w.runner.ask(c.Scale(1))
        assert "singleton" in outcome.failures["numprocesses"]
        assert outcome.count == 1

    script(test, Fixture(singleton=True))


def test_a_count_for_a_stopped_watcher_is_kept():
    async def test(w):
        assert (await w.runner.ask(c.SetCount(3))).count == 3
        assert w.spawner.children == []
        await w.start()
        assert len(w.spawner.running) == 3

    script(test, Fixture())


def test_incr_does_not_wait_for_a_slow_decr():
    async def test(w):
        await w.start()
        down = w.runner.ask(c.Scale(-1))
        await asyncio.sleep(1)
        up = await w.runner.ask(c.Scale(1))
        assert (len(up.started), up.count) == (1, 3)
        assert len(w.spawner.running) == 4
        assert asyncio.get_running_loop().time() == 1
        await down

    script(test, Fixture(Script(on_signal=20), numprocesses=3, graceful_timeout=100))


def test_a_reload_starts_the_new_before_it_stops_the_old():
    async def test(w):
        first = await w.start()
        outcome = await w.runner.ask(c.Reload())
        assert sorted(outcome.stopped) == sorted(first.started)
        assert len(outcome.started) == 3
        assert outcome.kept == ()
        words = [word for word in w.words[4:] if word in {"Spawned", "Killed"}]
        assert words == ["Spawned", "Killed"] * 3
        assert w.words[-1] == "Reloaded"
        assert {event.why for event in w.said(e.Reaped)} == {Why.RELOAD}

    script(test, Fixture(numprocesses=3))


def test_a_sequential_reload_goes_one_by_one_with_pauses():
    async def test(w):
        await w.start()
        await asyncio.sleep(60)
        alive = []
        w.spawner.spawn = lambda spec, spawn=w.spawner.spawn: (
            alive.append(len(w.spawner.running)),
            spawn(spec),
        )[1]
        await w.runner.ask(c.Reload(sequential=True))
        assert alive == [2, 2, 2]
        assert [at - w.spawner.times[3] for at in w.spawner.times[3:]] == [0, 5, 10]

    script(test, Fixture(numprocesses=3, warmup_delay=5))


def test_a_singleton_never_has_two_also_in_a_reload():
    async def test(w):
        await w.start()
        outcome = await w.runner.ask(c.Reload())
        assert outcome.ok
        assert w.spawner.times == [0, 4]

    script(test, Fixture(Script(on_signal=4), singleton=True))


def test_a_reload_to_what_does_not_work_keeps_the_old_and_says_so():
    async def test(w):
        await w.start()
        outcome = await w.runner.ask(c.Configure(spec_of(cmd="broken", numprocesses=2)))
        assert set(outcome.failures) == {"web.3", "web.4"}
        assert len(w.spawner.running) == 2
        good = await w.runner.ask(c.Configure(spec_of(cmd="fine", numprocesses=2)))
        assert good.failures == {}
        assert {child.spec.argv for child in w.spawner.running} == {("fine",)}

    def scripts(spec):
        return Script(fails=Stage.EXEC) if spec.argv == ("broken",) else Script()

    script(test, Fixture(scripts, numprocesses=2))


def test_reload_by_hup():
    async def test(w):
        first = await w.start()
        outcome = await w.runner.ask(c.Reload())
        assert (outcome.signalled, outcome.kept) == (first.started, first.started)
        assert w.spawner.children[0].signals == [1]
        assert w.said(e.Reloaded)[0].by_hup

    script(test, Fixture(Script(on_signal=None), numprocesses=2, send_hup=True, graceful_timeout=1))


def test_a_reload_that_is_not_graceful_restarts():
    async def test(w):
        await w.start()
        outcome = await w.runner.ask(c.Reload(graceful=False))
        assert (len(outcome.started), len(outcome.stopped)) == (1, 1)
        assert [word for word in w.words if word in {"Stopped", "Started"}] == [
            "Started",
            "Stopped",
            "Started",
        ]

    script(test, Fixture())


def test_reload_and_restart_of_a_stopped_watcher_start_it():
    async def test(w):
        assert len((await w.runner.ask(c.Reload())).started) == 1
        await w.runner.ask(c.Stop())
        assert len((await w.runner.ask(c.Restart())).started) == 1

    script(test, Fixture())


def test_live_options_hold_at_once_and_workers_stay():
    async def test(w):
        first = await w.start()
        outcome = await w.runner.ask(c.Configure(spec_of(graceful_timeout=3, numprocesses=2)))
        assert len(outcome.started) == 1
        assert w.said(e.Updated)[0].options == ("graceful_timeout", "numprocesses")
        assert first.started[0] in w.runner.pids()
        assert (await w.runner.ask(c.Configure(spec_of(graceful_timeout=3, numprocesses=2)))).started == ()
        await w.runner.ask(c.Stop())
        assert asyncio.get_running_loop().time() == 3

    script(test, Fixture(Script(on_signal=None)))


def test_what_is_set_already_is_said_all_the_same_but_not_what_a_configuration_leaves_as_it_is():
    async def test(w):
        await w.start()
        for _ in range(2):
            await w.runner.ask(c.Change({"graceful_timeout": 3}))
        await w.runner.ask(c.Configure(spec_of(graceful_timeout=3)))
        assert [said.options for said in w.said(e.Updated)] == [("graceful_timeout",), ()]

    script(test, Fixture())


def test_a_new_age_holds_for_running_workers():
    async def test(w):
        await w.start()
        await w.runner.ask(c.Configure(spec_of(max_age=10, max_age_variance=0)))
        await asyncio.sleep(15)
        assert w.spawner.times == [0, 10]

    script(test, Fixture())


def test_options_of_a_stopped_watcher_wait_for_its_start():
    async def test(w):
        assert (await w.runner.ask(c.Configure(spec_of(cmd="other")))).ok
        await w.start()
        assert w.spawner.specs[0].argv == ("other",)

    script(test, Fixture())


# -- kill and signal ---------------------------------------------------------------------------------------------------


def test_kill_ends_one_worker_by_its_own_signal_and_grace_and_refills_the_slot():
    async def test(w):
        await w.start()
        pid = w.spawner.children[1].pid
        outcome = await w.runner.ask(c.Kill(pid=pid, signum=2, graceful_timeout=4))
        assert asyncio.get_running_loop().time() == 4
        assert (outcome.stopped, outcome.killed) == ((pid,), (pid,))
        assert w.spawner.children[1].signals == [2, 9]
        await asyncio.sleep(0.1)
        assert (w.said(e.Spawned)[-1].wid, w.said(e.Spawned)[-1].why) == (2, Why.COMMAND)
        assert w.runner.snapshot().restarts == 0

    script(test, Fixture(Script(on_signal=None), numprocesses=2))


def test_kill_all_and_kill_of_a_stranger():
    async def test(w):
        first = await w.start()
        assert sorted((await w.runner.ask(c.Kill())).stopped) == sorted(first.started)
        outcome = await w.runner.ask(c.Kill(pid=4))
        assert outcome.failures == {"4": "no worker of web has this pid"}

    script(test, Fixture(numprocesses=2))


def test_kill_then_stop_does_not_deadlock():
    async def test(w):
        await w.start()
        killing = w.runner.ask(c.Kill())
        stopping = w.runner.ask(c.Stop(graceful_timeout=2))
        assert (await stopping).ok
        assert asyncio.get_running_loop().time() == 2
        await killing

    script(test, Fixture(Script(on_signal=None), graceful_timeout=1000))


def test_a_killed_worker_is_not_refilled_without_respawn():
    async def test(w):
        await w.start()
        await w.runner.ask(c.Kill(pid=w.spawner.children[0].pid))
        await asyncio.sleep(10)
        assert len(w.spawner.times) == 2
        assert w.runner.snapshot().status is Status.ACTIVE

    script(test, Fixture(numprocesses=2, respawn=False))


def test_signals_go_to_one_or_all():
    async def test(w):
        first = await w.start()
        assert (await w.runner.ask(c.SignalWorkers(signum=1))).signalled == first.started
        one = await w.runner.ask(c.SignalWorkers(signum=2, pid=first.started[0]))
        assert one.signalled == first.started[:1]
        assert [child.signals for child in w.spawner.children] == [[1, 2], [1]]
        stranger = await w.runner.ask(c.SignalWorkers(signum=1, pid=1))
        assert stranger.failures

    script(test, Fixture(Script(on_signal=None), numprocesses=2, graceful_timeout=1))


def test_stop_children_signals_the_whole_tree():
    async def test(w):
        await w.start()
        await w.runner.ask(c.Stop(graceful_timeout=1))
        asked = [event.pid for event in w.said(e.Killed) if event.signal == 15]
        assert len(set(asked)) == 3

    script(test, Fixture(Script(strays=2), stop_children=True))


def test_views():
    async def test(w):
        await w.start()
        await asyncio.sleep(5)
        first, second = w.runner.workers()
        assert (first.wid, first.pid, first.state, first.age) == (1, w.spawner.children[0].pid, State.UP, 5)
        assert (second.state, second.pid) == (State.GAVE_UP, None)
        assert "executing" in second.error
        assert w.runner.child(first.pid) is w.spawner.children[0]
        assert w.runner.child(1) is None
        assert w.runner.tail(1) == ()
        assert (await w.runner.ask(c.ReopenLogs())).ok

    script(test, Fixture(by_command(w2=Script(fails=Stage.EXEC)), numprocesses=2))


def test_before_it_runs_there_is_nothing_to_see():
    runner = WatcherRunner(spec_of(), spawner=FakeSpawner())
    assert runner.snapshot().status is Status.STOPPED
    assert (runner.workers(), runner.pids(), runner.child(1)) == ((), (), None)
