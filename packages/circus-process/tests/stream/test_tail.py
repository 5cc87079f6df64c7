"""The last lines, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from circus.stream import TailBuffer, TailLine


def texts(lines: list[TailLine]) -> list[bytes]:
    return [line.data for line in lines]


def test_lines_have_times_and_come_oldest_first():
    tail = TailBuffer()
    tail.append(b"one\ntwo\nthr")
    tail.append(b"ee")
    assert texts(tail.lines()) == [b"one", b"two", b"three"]
    assert texts(tail.lines(2)) == [b"two", b"three"]
    assert texts(tail.lines(0)) == []
    line = tail.lines(1)[0]
    assert line.monotonic > 0
    assert texts(tail.lines(since=line.wall + 60)) == []
    assert texts(tail.lines(since=line.wall - 60)) == [b"one", b"two", b"three"]


@given(st.lists(st.one_of(st.just(b"\n"), st.binary(max_size=30)), max_size=60), st.integers(1, 80))
def test_what_is_kept_is_the_end_in_whole_lines(chunks: list[bytes], capacity: int):
    tail = TailBuffer(capacity)
    for chunk in chunks:
        tail.append(chunk)
    everything = b"".join(chunks).split(b"\n")
    if everything[-1] == b"":
        everything.pop()
    kept = texts(tail.lines())
    assert kept == everything[len(everything) - len(kept) :]
    assert len(b"\n".join(kept)) <= 2 * capacity + 4096 + 30


def test_a_gap_is_no_line():
    tail = TailBuffer()
    tail.append(b"old\n")
    tail.append(b"end of a line\nlast\n", skipped=100)
    assert texts(tail.lines()) == [b"last"]


def test_a_slow_follower_misses_the_oldest_and_is_told():
    calls: list = []
    got: list[tuple[list[bytes], int]] = []
    tail = TailBuffer()
    follower = tail.follow(
        lambda lines, missed: got.append((texts(lines), missed)), call=calls.append, limit=10
    )
    for number in range(5):
        tail.append(b"line %d\n" % number)
    assert len(calls) == 1
    calls.pop()()
    assert got == [([b"line 4"], 28)]
    tail.append(b"line 5\n")
    calls.pop()()
    assert got[-1] == ([b"line 5"], 0)
    follower.close()
    tail.append(b"line 6\n")
    assert not calls


def test_a_follower_that_missed_the_begin_of_a_line_does_not_get_its_end():
    calls: list = []
    got: list[tuple[list[bytes], int]] = []
    tail = TailBuffer()
    follower = tail.follow(
        lambda lines, missed: got.append((texts(lines), missed)), call=calls.append, limit=10
    )
    for chunk in (b"one\nt", b"wo and more\n", b"three\n"):
        tail.append(chunk)
    calls.pop()()
    assert got == [([b"three"], 17)]
    follower.close()


def test_a_follower_gets_whole_lines_only():
    calls: list = []
    got: list[bytes] = []
    tail = TailBuffer()
    follower = tail.follow(lambda lines, _: got.extend(texts(lines)), call=calls.append)
    for chunk in (b"on", b"e\ntw", b"o\nthree\n"):
        tail.append(chunk)
        calls.pop()()
    assert got == [b"one", b"two", b"three"]
    follower.close()


def test_a_closed_loop_ends_a_subscription():
    def closed(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    tail = TailBuffer()
    tail.follow(lambda *_: None, call=closed)
    tail.append(b"x\n")
    assert not tail.followed
