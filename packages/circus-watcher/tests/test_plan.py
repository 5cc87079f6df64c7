"""The plan: from counts to moves."""

from hypothesis import given
from hypothesis import strategies as st

from circus.watcher.plan import Census, Plan, Wish, plan, portion, surge

UP = Wish(up=True, count=3)


def test_nothing_to_do():
    assert plan(UP, Census(staying=3, alive=3, ready=3)) == Plan()


def test_missing_workers_are_started():
    assert plan(UP, Census(staying=1, alive=1)) == Plan(start=2)


def test_surplus_workers_are_stopped():
    assert plan(UP, Census(staying=5, alive=5)) == Plan(stop_extra=2)


def test_down_stops_everything():
    assert plan(Wish(up=False, count=3), Census(staying=2, old=1, alive=3)) == Plan(stop_old=1, stop_extra=2)


def test_leaving_ones_bound_what_is_started_beside_them():
    assert plan(Wish(up=True, count=1), Census(leaving=9, alive=9)) == Plan()
    assert plan(Wish(up=True, count=1), Census(leaving=1, alive=1)) == Plan(start=1)


def test_a_portion_is_what_is_done_in_one_go():
    assert portion(Plan(3, 200, 1), 128) == Plan(3, 128, 1)
    assert portion(Plan(), 128) == Plan()


def test_a_reload_starts_all_new_ones_first():
    assert plan(UP, Census(old=3, alive=3)) == Plan(start=3)


def test_old_ones_leave_as_new_ones_are_ready():
    assert plan(UP, Census(staying=3, old=3, alive=6, ready=2)) == Plan(stop_old=2)


def test_a_sequential_reload_stops_one_then_starts_one():
    wish = Wish(up=True, count=3, sequential=True)
    assert plan(wish, Census(old=3, alive=3)) == Plan(stop_old=1)
    assert plan(wish, Census(old=2, leaving=1, alive=3)) == Plan(start=1)
    assert plan(wish, Census(staying=1, old=2, leaving=1, alive=4, starting=1)) == Plan()
    assert plan(wish, Census(staying=1, old=2, alive=3, ready=1, rested=False)) == Plan()
    assert plan(wish, Census(staying=1, old=2, alive=3, ready=1)) == Plan(stop_old=1)


def test_a_sequential_reload_waits_for_a_new_one_that_fails():
    wish = Wish(up=True, count=3, sequential=True)
    assert plan(wish, Census(staying=1, old=2, alive=2, ready=0)) == Plan()


def test_fewer_wanted_during_a_sequential_reload():
    assert plan(Wish(up=True, count=1, sequential=True), Census(old=3, alive=3)) == Plan(stop_old=2)


def test_a_singleton_is_replaced_only_when_it_is_gone():
    wish = Wish(up=True, count=1, singleton=True)
    assert plan(wish, Census(old=1, alive=1)) == Plan(stop_old=1)
    assert plan(wish, Census(leaving=1, alive=1)) == Plan()
    assert plan(wish, Census()) == Plan(start=1)


counts = st.integers(0, 12)
wishes = st.builds(
    Wish, up=st.booleans(), count=counts, singleton=st.booleans(), sequential=st.booleans()
).filter(lambda wish: wish.count <= 1 or not wish.singleton)


@given(wishes, counts, counts, counts, st.data())
def test_no_start_beyond_wanted_plus_surge_and_no_stop_of_what_is_not_there(
    wish, staying, old, leaving, data
):
    ready = data.draw(st.integers(0, staying))
    alive = data.draw(st.integers(ready, staying + old + leaving))
    census = Census(
        staying=staying, old=old, leaving=leaving, alive=alive, ready=ready, rested=data.draw(st.booleans())
    )
    moves = plan(wish, census)
    assert 0 <= moves.stop_old <= old
    assert 0 <= moves.stop_extra <= staying
    if moves.start:
        assert wish.up
        assert alive + moves.start <= wish.count + surge(wish)
        assert staying + moves.start <= wish.count
    if wish.singleton and alive:
        assert moves.start == 0 or wish.count == 0


@given(wishes, counts, counts)
def test_carrying_plans_out_comes_to_an_end_with_what_is_wanted(wish, staying, old):
    leaving = 0
    for _ in range(100):
        census = Census(
            staying=staying, old=old, leaving=leaving, alive=staying + old + leaving, ready=staying
        )
        moves = plan(wish, census)
        if moves == Plan() and not leaving:
            break
        staying += moves.start - moves.stop_extra
        old -= moves.stop_old
        leaving = moves.stop_extra + moves.stop_old  # those of the last round are gone
    assert (staying, old, leaving) == (wish.count if wish.up else 0, 0, 0)
