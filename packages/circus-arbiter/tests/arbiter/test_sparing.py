"""Which of many like log lines are written, and that none of them is lost in silence."""

import logging

from hypothesis import given
from hypothesis import strategies as st

from circus.arbiter.sparing import KINDS, Sparing, SparingLog, Told, clipped


def test_the_first_of_a_kind_then_a_number():
    sparing = Sparing(seconds=10)
    assert sparing.note("a", "one", 0)
    assert sparing.note("b", "other", 1)
    assert [sparing.note("a", f"line {number}", 2) for number in range(3)] == [False] * 3
    assert sparing.due(9.9) == []
    assert sparing.due(10) == [Told("line 2", 3)]
    assert not sparing.note("a", "again", 11), "the next number is due 10 s after the last one"
    assert sparing.due(20) == [Told("again", 1)]


def test_who_was_silent_for_a_while_is_written_at_once_again():
    sparing = Sparing(seconds=10)
    assert sparing.note("a", "one", 0)
    assert sparing.next_due() == 10
    assert sparing.due(10) == []
    assert sparing.next_due() is None
    assert sparing.note("a", "two", 11)


def test_kinds_are_bounded():
    sparing = Sparing(seconds=10, kinds=2)
    assert [sparing.note(kind, "x", 0) for kind in range(5)] == [True, True, True, False, False]
    assert sparing.due(10) == [Told("x", 2)]


@given(st.lists(st.tuples(st.integers(0, 2 * KINDS), st.floats(0, 5)), max_size=200))
def test_each_is_written_or_counted_and_each_count_is_told_once(notes):
    sparing, now, written, told = Sparing(seconds=10), 0.0, 0, 0
    for kind, pause in notes:
        now += pause
        told += sum(one.count for one in sparing.due(now))
        written += sparing.note(kind, "x", now)
    told += sum(one.count for one in sparing.due(float("inf")))
    assert written + told == len(notes)
    assert written <= (KINDS + 1) * (1 + now // 10)


class Timer:
    def __init__(self, do):
        self.do = do
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


def test_the_number_comes_by_itself_and_at_the_end(caplog):
    timers, now = [], [0.0]

    def later(seconds, do):
        timers.append((now[0] + seconds, Timer(do)))
        return timers[-1][1]

    log = SparingLog(logging.getLogger("some"), later=later, clock=lambda: now[0], seconds=10)
    with caplog.at_level("INFO"):
        for _ in range(1000):
            log.write("kind", "refused")
        assert caplog.messages == ["refused"]
        now[0], timer = timers[-1]
        assert len(timers) == 1
        timer.do()
        assert caplog.messages[1:] == ["refused (and so 999 times since the last such line)"]
        log.write("kind", "refused")
        assert len(caplog.messages) == 2
        log.close()
        assert caplog.messages[2:] == ["refused (and so 1 times since the last such line)"]
    assert timers[-1][1].cancelled


def test_a_text_of_somebody_elses_is_one_bounded_line():
    assert clipped("a\nb\x1b") == "a b "
    assert len(clipped("x" * 5_000_000)) < 600
