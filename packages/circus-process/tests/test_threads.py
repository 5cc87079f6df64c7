"""A thread is there, or there is an OSError; and what was only to keep the loop from waiting is done all the same."""

import contextvars
import errno
import threading

import pytest

from circus.process import threads
from processes import no_room_for_threads

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


def test_without_room_an_oserror_says_so_and_nothing_is_left():
    before = threading.enumerate()
    with no_room_for_threads(), pytest.raises(OSError, match="no room for another process or thread") as told:
        threads.start(print, name="mine")
    assert told.value.errno == errno.EAGAIN
    assert threading.enumerate() == before


def test_a_thread_runs():
    seen = []
    threads.start(seen.append, 1, name="mine").join()
    assert seen == [1]


def work(fail=None, *, word="here"):
    if fail is not None:
        raise fail
    return word, VARIABLE.get(), threading.current_thread() is threading.main_thread()


async def test_a_call_is_made_in_a_thread_and_without_room_where_it_is_asked_for():
    VARIABLE.set("mine")
    assert await threads.call(work, word="there") == ("there", "mine", False)
    with no_room_for_threads():
        assert await threads.call(work) == ("here", "mine", True)
        with pytest.raises(KeyError):
            await threads.call(work, KeyError("no"))
    with pytest.raises(KeyError):
        await threads.call(work, KeyError("no"))
