"""Where the machine has no room for a thread, output waits for one or is counted as lost; nothing else breaks."""

import os

import pytest

from circus.process.threads import NoThreadError
from circus.stream import LaneSink, OutputHub, Source
from circus.stream.account import Account
from processes import no_room_for_threads

SOURCE = Source("web", 1, 4711, "stdout")


@pytest.fixture
def seen():
    return []


@pytest.fixture
def lane(seen):
    sink = LaneSink(lambda _, data: seen.append(data), name="test")
    yield sink
    sink.close()


@pytest.fixture
def account():
    return Account(SOURCE, lambda _: None)


def test_a_lane_keeps_its_chunks_and_tries_again_with_the_next(lane, account, seen):
    writer = lane.writer(SOURCE, account)
    with no_room_for_threads():
        writer.write(b"one\n")
        assert seen == []
    writer.write(b"two\n")
    assert lane.close()
    assert seen == [b"one\n", b"two\n"]
    assert account.dropped == 0


def test_a_lane_tries_once_more_when_it_is_closed(lane, account, seen):
    with no_room_for_threads():
        lane.writer(SOURCE, account).write(b"one\n")
    assert lane.close()
    assert seen == [b"one\n"]


def test_what_a_lane_could_not_write_at_all_is_counted_and_said(lane, account, seen):
    finished = []
    with no_room_for_threads():
        writer = lane.writer(SOURCE, account)
        writer.write(b"one\ntwo")
        writer.finish(lambda: finished.append(True))
        assert finished == []
        assert lane.close()
    assert (seen, finished) == ([], [True])
    assert account.dropped == len(b"one\ntwo")
    assert "no room for a thread" in account.last_error


def test_a_hub_without_a_thread_leaves_the_pipe_to_its_caller_and_works_later(lane, seen):
    hub = OutputHub()
    reading, writing = os.pipe()
    with no_room_for_threads():
        with pytest.raises(NoThreadError):
            hub.start()
        with pytest.raises(NoThreadError):
            hub.attach(reading, source=SOURCE, sink=lane)
        assert OutputHub().close()
    os.write(writing, b"one\n")
    os.close(writing)
    hub.attach(reading, source=SOURCE, sink=lane)
    assert hub.close()
    assert lane.close()
    assert seen == [b"one\n"]
