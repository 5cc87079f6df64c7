"""Worker ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.watcher.slots import Slots


def test_the_lowest_free_one_comes_first():
    slots = Slots()
    assert [slots.take() for _ in range(4)] == [1, 2, 3, 4]
    slots.give_back(3)
    slots.give_back(2)
    assert [slots.take() for _ in range(3)] == [2, 3, 5]
    assert len(slots) == 5


def test_giving_back_twice_is_a_mistake():
    slots = Slots()
    slots.give_back(slots.take())
    with pytest.raises(KeyError):
        slots.give_back(1)


@given(st.lists(st.booleans() | st.integers(0, 30)))
def test_never_the_same_id_twice(moves):
    slots, used = Slots(), []
    for move in moves:
        if isinstance(move, bool) or not used:
            wid = slots.take()
            assert wid not in used
            assert wid == min(set(range(1, len(used) + 2)) - set(used))
            used.append(wid)
        else:
            slots.give_back(used.pop(move % len(used)))
