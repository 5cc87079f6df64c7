"""The restart policy: pauses double, are capped and jittered; restarts stay within the intensity."""

from hypothesis import given
from hypothesis import strategies as st

from circus.watcher.restart import (
    Intensity,
    Policy,
    is_stable,
    pause_after_death,
    pause_after_failed_start,
)

jitters = st.floats(0, 1, exclude_max=True)


def test_a_first_early_death_is_forgiven_at_once():
    assert pause_after_death(Policy(), 0, 0.5) == 0
    assert pause_after_death(Policy(), 1, 0.5) == 0
    assert pause_after_death(Policy(), 2, 0.5) == 0.1


def test_pauses_double_up_to_the_cap():
    pauses = [pause_after_death(Policy(), failures, 0.5) for failures in range(2, 14)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == 30.0


def test_a_very_long_series_does_not_overflow():
    assert pause_after_death(Policy(), 5000, 0.5) == 30.0


def test_no_first_pause_means_no_pause():
    assert pause_after_death(Policy(backoff_initial=0), 9, 0.5) == 0


@given(st.integers(2, 100), jitters, st.floats(0.01, 10), st.floats(0.01, 100))
def test_a_pause_is_within_a_quarter_of_its_step_and_never_beyond_the_cap(failures, jitter, initial, cap):
    pause = pause_after_death(Policy(backoff_initial=initial, backoff_max=cap), failures, jitter)
    assert 0 < pause <= cap
    assert pause <= 1.25 * initial * 2.0 ** (failures - 2)


def test_a_failing_start_is_given_up_after_max_retry():
    policy = Policy(max_retry=3)
    assert [pause_after_failed_start(policy, tries, 0.5) for tries in (1, 2, 3)] == [0.1, 0.2, None]
    assert pause_after_failed_start(Policy(max_retry=0), 1, 0.5) is None


def test_without_a_limit_it_is_never_given_up():
    assert pause_after_failed_start(Policy(max_retry=-1), 10_000, 0.5) == 30.0


def test_stable_is_from_stable_after_on():
    assert is_stable(Policy(stable_after=1), 1.0)
    assert not is_stable(Policy(stable_after=1), 0.999)


@given(
    st.lists(st.floats(0, 20), max_size=60),
    st.integers(0, 8),
    st.floats(0.5, 30),
)
def test_restarts_within_any_window_stay_within_the_intensity(gaps, limit, window):
    policy = Policy(max_restarts=limit, restart_window=window)
    intensity, now, admitted = Intensity(), 0.0, []
    for gap in gaps:
        now += gap
        if intensity.admit(policy, now):
            admitted.append(now)
    for start in admitted:
        assert sum(start <= at < start + window for at in admitted) <= limit


def test_without_a_limit_all_are_admitted():
    intensity = Intensity()
    assert all(intensity.admit(Policy(), 0.0) for _ in range(1000))


def test_a_reset_forgets():
    policy, intensity = Policy(max_restarts=1), Intensity()
    assert intensity.admit(policy, 0)
    assert not intensity.admit(policy, 1)
    intensity.reset()
    assert intensity.admit(policy, 2)


def test_a_limit_that_was_lowered_holds_at_once():
    intensity = Intensity()
    for at in range(5):
        assert intensity.admit(Policy(max_restarts=9), at)
    assert not intensity.admit(Policy(max_restarts=2), 6)
