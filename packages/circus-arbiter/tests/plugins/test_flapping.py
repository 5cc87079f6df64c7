import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.plugins.flapping import History, Limits, Verdict, is_unasked

from .conftest import workers

NOTHING, PAUSE, GIVE_UP = Verdict.NOTHING, Verdict.PAUSE, Verdict.GIVE_UP


def verdicts(times, **limits):
    history = History()
    return [history.exited(Limits(**limits), now=now) for now in times]


def test_so_many_exits_within_the_window_are_flapping():
    assert verdicts([0, 4, 9], attempts=3, window=10) == [NOTHING, NOTHING, PAUSE]
    assert verdicts([0, 6, 12, 18], attempts=3, window=10) == [NOTHING] * 4


def test_the_window_slides():
    assert verdicts([0, 8, 16, 17], attempts=3, window=10)[-1] is PAUSE


def test_after_so_many_pauses_in_a_row_it_stays_stopped():
    assert verdicts([0, 1, 2, 3, 4, 5], attempts=2, window=1, max_retry=2) == [
        NOTHING,
        PAUSE,
        NOTHING,
        PAUSE,
        NOTHING,
        GIVE_UP,
    ]


def test_minus_one_never_gives_up():
    assert GIVE_UP not in verdicts(range(1000), attempts=2, window=1, max_retry=-1)


def test_a_quiet_time_ends_the_row():
    history, limits = History(), Limits(attempts=2, window=1, max_retry=1)
    assert [history.exited(limits, now=now) for now in (0, 1)] == [NOTHING, PAUSE]
    history.waits(7, now=1)
    assert history.exited(limits, now=1000) is NOTHING
    assert history.tries == 0
    assert history.exited(limits, now=1001) is PAUSE


def test_our_own_pause_is_no_quiet_time():
    history, limits = History(), Limits(attempts=1, window=1, retry_in=7, max_retry=1)
    assert history.exited(limits, now=0) is PAUSE
    history.waits(7, now=0)
    assert history.exited(limits, now=7.5) is GIVE_UP


def test_what_the_daemon_makes_a_worker_wait_is_not_within_the_window():
    history, limits = History(), Limits(attempts=3, window=1)
    assert history.exited(limits, now=0) is NOTHING
    history.waits(10, now=0)
    assert history.exited(limits, now=10.2) is NOTHING
    history.waits(20, now=10.2)
    history.waits(5, now=12)  # another worker's, at the same time
    assert history.exited(limits, now=30.4) is PAUSE


@given(
    st.lists(st.floats(0, 100), max_size=50).map(sorted),
    st.integers(1, 5),
    st.floats(0.1, 10),
    st.integers(-1, 3),
)
def test_never_more_pauses_in_a_row_than_allowed(times, attempts, window, max_retry):
    history, limits = History(), Limits(attempts=attempts, window=window, max_retry=max_retry)
    for now in times:
        verdict = history.exited(limits, now=now)
        assert max_retry == -1 or history.tries <= max_retry
        assert verdict is not PAUSE or history.tries >= 1
        assert verdict is not GIVE_UP or history.tries == 0


def test_only_exits_that_nobody_commanded_count():
    asked = ("command", "max_age", "reload", "scale", "hook", "daemon_stop")
    assert not any(is_unasked({"why": why}) for why in asked)
    assert all(is_unasked({"why": why}) for why in ("crash", "exit"))


def test_a_watcher_has_limits_of_its_own():
    limits = Limits().override({"attempts": "3", "window": "2.5", "active": "no", "color": "red"})
    assert limits == Limits(attempts=3, window=2.5, active=False)
    with pytest.raises(ValueError, match="attempts must be 1 or more"):
        Limits().override({"attempts": "0"})
    with pytest.raises(ValueError, match="could not convert"):
        Limits().override({"window": "soon"})


CONFIG = """
[watcher:bad]
cmd = sh -c "exit 1"
backoff_initial = 0.05
backoff_max = 0.1
flapping.retry_in = 0.1
[watcher:spared]
cmd = sh -c "exit 1"
backoff_initial = 0.05
backoff_max = 0.1
flapping.active = false
[watcher:good]
cmd = sleep 1000
[plugin:flapping]
use = circus.plugins.flapping.Flapping
attempts = 3
window = 5
retry_in = 60
max_retry = 1
"""


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_flapping_watcher_is_paused_then_stopped_and_a_commanded_one_is_left_alone(circusd):
    with circusd(CONFIG) as daemon, daemon.events("watcher.") as events:
        events.wait_for(lambda event: event.topic == "watcher.bad.stop", deadline=40)
        for _ in range(3):  # commanded, while the plugin is certainly there
            assert daemon.call("restart", name="good", waiting=True)["status"] == "ok"
            pid = workers(daemon, "good")[0]
            assert daemon.call("kill", name="good", pid=pid, waiting=True)["status"] == "ok"
        events.wait_for(lambda event: event.topic == "watcher.bad.start", deadline=40)
        daemon.until(lambda reply: reply["status"] == "stopped", "status", name="bad", deadline=40)
        assert "bad: flapping: stopped for 0.1 s (attempt 1)" in daemon.output()
        daemon.until(
            lambda _: "bad: flapping: stopped for good after 1 attempts" in daemon.output(),
            "numwatchers",
            deadline=40,
        )
        daemon.until(lambda reply: reply["status"] == "active", "status", name="good", deadline=40)
        assert daemon.call("status", name="spared")["status"] != "stopped"
        assert "good: flapping" not in daemon.output()
