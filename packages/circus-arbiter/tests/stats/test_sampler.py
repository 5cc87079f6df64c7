"""Figures of processes and trees, out of a process table that the test writes."""

import itertools
from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.stats.kernel import TICKS, Census, Hot, Slow
from circus.stats.sampler import Sampler

SLOW = Slow("www", "worker", "worker --quiet", 7, 100, 200)


def hot(
    *, ppid: int = 1, used: int = 0, reaped: int = 0, start: int = 0, rss: int = 4096, threads: int = 1
) -> Hot:
    return Hot("S", ppid, used, reaped, 0, threads, start, 8192, rss)


class Table:
    """A process table."""

    def __init__(self, rows: dict[int, Hot]) -> None:
        self.rows = rows
        self.seconds = 1000.0
        self.tells_new = True
        self.last = 0
        self.asked: list[int] = []
        self.asked_parents: list[int] = []
        self.slow_reads = 0

    def read(self, pids: Iterable[int]) -> dict[int, Hot]:
        pids = list(pids)
        self.asked += pids
        return {pid: self.rows[pid] for pid in pids if pid in self.rows}

    def slow(self, pid: int) -> Slow:
        self.slow_reads += 1
        return SLOW

    def parent(self, pid: int) -> int:
        self.asked_parents.append(pid)
        return self.rows[pid].ppid if pid in self.rows else 0

    def forget(self, pid: int) -> None: ...

    def close(self) -> None: ...

    def census(self, cursor: int | None, *, limit: int) -> Census:
        """Pids are given out in turn here: `last` is the newest."""
        self.last = max(self.last, *self.rows)
        if cursor is None or self.last - cursor > limit or not self.tells_new:
            return Census(list(self.rows), is_complete=True, cursor=self.last)
        return Census(range(cursor + 1, self.last + 1), is_complete=False, cursor=self.last)

    def uptime_ticks(self) -> float:
        return self.seconds * TICKS


class Watch:
    """A sampler and its clock."""

    def __init__(self, table: Table, *roots: int) -> None:
        self.table = table
        self.roots = set(roots)
        self.sampler = Sampler(table)

    def tick(self, seconds: float = 1.0):
        self.table.seconds += seconds
        self.table.asked.clear()
        return self.sampler.sample(self.roots, now=self.table.seconds)


def test_cpu_is_what_was_used_between_two_ticks():
    watch = Watch(Table({10: hot(used=500)}), 10)
    assert watch.tick()[10].cpu == 0.0, "nothing is known at the first tick"
    watch.table.rows[10] = hot(used=500 + TICKS // 2)
    assert watch.tick()[10].cpu == pytest.approx(50.0)
    watch.table.rows[10] = hot(used=500 + TICKS // 2 + 3 * TICKS)
    assert watch.tick(2.0)[10].cpu == pytest.approx(150.0)


def test_a_process_born_since_the_last_tick_counts_over_its_own_life():
    watch = Watch(Table({10: hot()}), 10)
    watch.tick()
    born = int((watch.table.seconds + 0.5) * TICKS)
    watch.table.rows[11] = hot(used=TICKS // 4, start=born)
    watch.roots.add(11)
    assert watch.tick()[11].cpu == pytest.approx(50.0)


def test_a_recycled_pid_does_not_inherit_figures():
    watch = Watch(Table({10: hot(used=5000, start=1)}), 10)
    watch.tick()
    watch.table.rows[10] = hot(used=0, start=int(watch.table.seconds * TICKS))
    assert watch.tick()[10].cpu == 0.0


def test_a_tree_is_the_root_and_all_below():
    rows = {10: hot(rss=1000), 11: hot(ppid=10, rss=200), 12: hot(ppid=11, rss=30), 99: hot(rss=5)}
    watch = Watch(Table(rows), 10)
    sample = watch.tick()[10]
    assert (sample.tree_size, sample.tree_rss) == (3, 1230)


def test_a_root_below_a_root_is_a_tree_of_its_own():
    watch = Watch(Table({1: hot(), 10: hot(), 11: hot(ppid=10), 12: hot(ppid=11)}), 10, 12)
    samples = watch.tick()
    assert (samples[10].tree_size, samples[12].tree_size) == (2, 1)


def test_an_orphan_stays_where_it_was_seen():
    watch = Watch(Table({10: hot(), 11: hot(ppid=10), 12: hot(ppid=11)}), 10)
    watch.tick()
    del watch.table.rows[11]
    watch.table.rows[12] = hot(ppid=1)
    assert watch.tick()[10].tree_size == 2


def test_children_that_came_and_went_count_once_their_parent_waited():
    watch = Watch(Table({10: hot()}), 10)
    watch.tick()
    watch.table.rows[10] = hot(reaped=TICKS)
    sample = watch.tick()[10]
    assert sample.cpu == 0.0
    assert sample.tree_cpu == pytest.approx(100.0)


def test_a_child_that_was_counted_is_not_counted_again_when_it_is_waited_for():
    watch = Watch(Table({10: hot(), 11: hot(ppid=10, used=0)}), 10)
    watch.tick()
    watch.table.rows[11] = hot(ppid=10, used=5 * TICKS)
    watch.tick(5.0)
    del watch.table.rows[11]
    watch.table.rows[10] = hot(reaped=5 * TICKS + TICKS // 10)
    assert watch.tick()[10].tree_cpu == pytest.approx(10.0)


def test_who_is_gone_has_no_sample():
    watch = Watch(Table({10: hot(), 11: hot()}), 10, 11)
    watch.tick()
    del watch.table.rows[11]
    assert set(watch.tick()) == {10}


def test_strangers_are_read_once_and_members_once_a_tick():
    rows = {10: hot(), 11: hot(ppid=10)} | {pid: hot() for pid in range(100, 200)}
    watch = Watch(Table(rows), 10)
    watch.tick()
    assert 100 in watch.table.asked_parents
    watch.table.asked_parents.clear()
    watch.tick()
    assert sorted(watch.table.asked) == [10, 11]
    assert watch.table.asked_parents == []


def test_the_same_sample_means_that_nothing_changed():
    watch = Watch(Table({10: hot(), 11: hot(ppid=10), 20: hot()}), 10, 20)
    watch.tick()
    before = dict(watch.tick())
    assert all(watch.tick()[pid] is sample for pid, sample in before.items())
    watch.table.rows[11] = hot(ppid=10, used=5)
    samples = watch.tick()
    assert (samples[10] is before[10], samples[20] is before[20]) == (False, True)
    assert samples[10].tree_cpu == pytest.approx(5 / TICKS * 100)
    assert watch.tick()[10].tree_cpu == 0.0, "it is said once"


def test_a_dead_root_is_gone_though_another_came_at_the_same_tick():
    watch = Watch(Table({10: hot(), 11: hot()}), 10, 11)
    watch.tick()
    del watch.table.rows[11]
    watch.table.rows[12] = hot()
    watch.roots = {10, 12}
    assert set(watch.tick()) == {10, 12}


def test_a_child_is_found_however_many_are_new():
    for tells_new, many in itertools.product((True, False), (1, 1000)):
        watch = Watch(Table({10: hot()}), 10)
        watch.table.tells_new = tells_new
        watch.tick()
        for pid in range(100, 100 + many):
            watch.table.rows[pid] = hot(ppid=10)
        assert watch.tick()[10].tree_size == 1 + many


def test_a_child_that_was_not_there_yet_when_its_pid_was_given_out_is_asked_for_again():
    watch = Watch(Table({10: hot()}), 10)
    watch.tick()
    watch.table.last = 50
    watch.tick()
    watch.table.rows[50] = hot(ppid=10)
    assert watch.tick()[10].tree_size == 2
    watch.table.asked_parents.clear()
    watch.tick()
    assert watch.table.asked_parents == []


def test_a_pid_that_goes_to_a_stranger_leaves_the_tree():
    watch = Watch(Table({10: hot(), 11: hot(ppid=10)}), 10)
    assert watch.tick()[10].tree_size == 2
    watch.table.rows[11] = hot(ppid=1, start=5)
    watch.table.last = 10  # so it is given out anew
    watch.sampler._forest._cursor = 10
    assert watch.tick()[10].tree_size == 1


def test_who_becomes_a_root_takes_its_children_along():
    watch = Watch(Table({10: hot(), 11: hot(ppid=10), 12: hot(ppid=11)}), 10)
    assert watch.tick()[10].tree_size == 3
    watch.tick()
    watch.roots = {10, 11}
    samples = watch.tick()
    assert (samples[10].tree_size, samples[11].tree_size) == (1, 2)
    watch.roots = {10}
    assert watch.tick()[10].tree_size == 3


def test_slow_facts_of_a_process_that_does_nothing_are_not_read_again():
    table = Table({10: hot(used=1)})
    watch = Watch(table, 10)
    for _ in range(100):
        watch.tick()
    assert table.slow_reads <= 2


def test_only_what_is_wanted_is_read():
    table = Table({10: hot(), 11: hot(ppid=10), 20: hot(), 21: hot(ppid=20)})
    sampler = Sampler(table)
    sampler.sample({10, 20}, now=1.0, only=frozenset({20}))
    table.asked.clear()
    assert set(sampler.sample({10, 20}, now=2.0, only=frozenset({20}))) == {20}
    assert sorted(table.asked) == [20, 21]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("work", "fork", "exit", "reparent")), st.integers(0, 9), st.integers(0, 300)
        ),
        max_size=40,
    )
)
def test_figures_are_never_negative_and_a_tree_is_never_less_than_its_root(steps: list[tuple[str, int, int]]):
    rows = {1: hot(), 10: hot(), 20: hot()}
    table = Table(rows)
    watch = Watch(table, 10, 20)
    pids = count(100)
    for what, which, amount in steps:
        pid = sorted(rows)[which % len(rows)]
        row = rows[pid]
        match what:
            case "work":
                rows[pid] = row._replace(used=row.used + amount)
            case "fork":
                rows[next(pids)] = hot(ppid=pid, used=amount % 50, start=int(table.seconds * TICKS))
            case "exit" if pid != 1:
                del rows[pid]
                parent = rows.get(row.ppid)
                if parent is not None:
                    rows[row.ppid] = parent._replace(reaped=parent.reaped + row.used + row.reaped)
                for child, its in list(rows.items()):
                    if its.ppid == pid:
                        rows[child] = its._replace(ppid=1)
            case "reparent" if pid != 1:
                rows[pid] = row._replace(ppid=1)
            case _:
                pass
        samples = watch.tick()
        assert set(samples) == {10, 20} & rows.keys()
        for sample in samples.values():
            assert 0 <= sample.cpu <= sample.tree_cpu
            assert sample.tree_size >= 1
        assert sum(sample.tree_size for sample in samples.values()) <= len(rows)
