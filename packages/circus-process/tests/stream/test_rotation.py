"""When files rotate, what they are called, which go."""

import time
from calendar import timegm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.stream import OutputError
from circus.stream.rotation import BySize, ByTime, When, fit, hard_cut

DAY = 86_400


def utc(*moment: int) -> float:
    return float(timegm((*moment, *([0] * (6 - len(moment))))))


def by(when: str, interval: int = 1, backup_count: int = 0) -> ByTime:
    return ByTime.parse(when, interval=interval, backup_count=backup_count, utc=True)


@given(st.binary(max_size=40), st.integers(-3, 45))
def test_what_fits_is_the_most_whole_lines(data: bytes, room: int):
    count = fit(data, room)
    assert 0 <= count <= len(data)
    assert count <= max(room, 0) or len(data) == count == 0
    assert count in {0, len(data)} or data[count - 1 : count] == b"\n"
    if count < len(data):
        assert b"\n" not in data[count : max(room, 0)]


@given(st.binary(min_size=1, max_size=40), st.integers(-3, 45))
def test_a_hard_cut_makes_progress(data: bytes, room: int):
    assert 1 <= hard_cut(data, room) <= max(room, 1)


def test_old_files_move_up_from_the_top():
    policy = BySize(100, 3)
    assert policy.oldest("l") == "l.3"
    assert policy.renames("l") == [("l.2", "l.3"), ("l.1", "l.2"), ("l", "l.1")]


@pytest.mark.parametrize(
    ("when", "interval", "expected"),
    [
        ("S", 5, utc(2024, 1, 31, 10, 20, 35)),
        ("m", 2, utc(2024, 1, 31, 10, 22, 30)),
        ("H", 1, utc(2024, 1, 31, 11, 20, 30)),
        ("d", 1, utc(2024, 2, 1, 10, 20, 30)),
        ("midnight", 1, utc(2024, 2, 1)),
        ("MIDNIGHT", 2, utc(2024, 2, 2)),
        ("W2", 1, utc(2024, 2, 1)),  # that was a Wednesday: at its end
        ("w3", 1, utc(2024, 2, 2)),
        ("W1", 1, utc(2024, 2, 7)),
        ("W1", 2, utc(2024, 2, 14)),
    ],
)
def test_the_next_rotation(when: str, interval: int, expected: float):
    assert by(when, interval).next_after(utc(2024, 1, 31, 10, 20, 30)) == expected


@given(
    st.sampled_from([*"SMHD", "midnight", *(f"W{day}" for day in range(7))]),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_the_next_rotation_is_always_ahead(when: str, now: int, in_utc: bool):
    policy = ByTime.parse(when, interval=1, backup_count=0, utc=in_utc)
    assert now < policy.next_after(now) <= now + 8 * DAY


def test_local_midnight_knows_about_long_and_short_days(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        policy = ByTime(When.MIDNIGHT)
        assert policy.next_after(utc(2024, 3, 31, 0, 30)) == utc(2024, 3, 31, 22)  # 23 hours
        assert policy.next_after(utc(2024, 10, 26, 23, 30)) == utc(2024, 10, 27, 23)  # 25 hours
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("when", [None, "", "X", "W", "W7", "W12", "weekly"])
def test_a_wrong_unit_is_named_with_those_that_exist(when):
    with pytest.raises(OutputError, match=r"^rotate_when: .* is not one of S, M, H, D, midnight, W0"):
        ByTime.parse(when, interval=1, backup_count=0, utc=False)


def test_an_interval_is_positive():
    with pytest.raises(OutputError, match="rotate_interval: 0"):
        by("H", 0)


def test_a_taken_name_is_left_alone():
    policy, began = by("D"), utc(2024, 1, 31)
    assert policy.free_name("l", began, []) == "l.20240131"
    assert policy.free_name("l", began, ["l.20240131"]) == "l.20240131.1"
    assert policy.free_name("l", began, ["l.20240131", "l.20240131.1"]) == "l.20240131.2"


def test_the_oldest_go_and_strangers_stay():
    present = [
        "l",
        "l.20240103",
        "l.20240101.1",
        "l.20240101",
        "l.20240102",
        "l.1",
        "l.old",
        "x.20240101",
        "ll.20240101",
    ]
    assert by("D", backup_count=2).expired("l", present) == ["l.20240101", "l.20240101.1"]
    assert by("D", backup_count=9).expired("l", present) == []
    assert by("D", backup_count=0).expired("l", present) == []
