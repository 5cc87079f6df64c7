"""Who is a stranger: rules as examples, and a population that forks, dies and is adopted, in which nobody of ours may become one."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from circus.process.procfs import Stat
from circus.process.strangers import strangers

US, SHELL, INIT = 50, 40, 1
ADOPTERS = (INIT, SHELL, US)


def row(pid, ppid, *, sid=0, start=100, state="S"):
    return Stat(pid, "x", state, ppid, sid, sid, 0, 0, 0, 1, start, 1, 1)


def judge(*rows, ours=frozenset((US, 10)), seen=(), sessions=(10,), marked=()):
    found = strangers(
        rows,
        ours=ours,
        adopters=ADOPTERS,
        seen=seen,
        sessions=sessions,
        unmarked=lambda r: r.pid not in marked,
    )
    return {r.pid for r in found}


def test_others_with_all_their_descendants():
    assert judge(row(1, 0), row(2, 0), row(3, 2), row(60, 1), row(61, 60), row(62, SHELL)) == {
        1,
        2,
        3,
        60,
        61,
        62,
    }


def test_our_children_and_theirs_are_none():
    assert judge(row(11, 10), row(12, 11), row(51, US), row(52, 51)) == set()


def test_an_orphan_with_a_mark_is_none_nor_are_its_children():
    assert judge(row(60, 1), row(61, 60), row(70, 1), marked={60}) == {70}


def test_who_was_seen_in_a_tree_or_is_in_a_session_of_ours_is_none():
    assert judge(row(60, 1), row(61, 60), seen={(60, 100)}) == set()
    assert judge(row(60, 1, sid=10), row(61, 60, sid=61)) == set()


def test_what_cannot_be_followed_up_to_the_top_is_none():
    missing = row(60, 59)
    recycled = (row(61, 1, start=200), row(62, 61, start=100))
    zombie = row(63, 1, state="Z")
    assert judge(missing, *recycled, zombie) == {61}
    assert judge(row(70, 71), row(71, 70)) == set()


@dataclass
class Population:
    """Processes as the kernel keeps them; `ours` are those of a worker's tree, which carry its mark."""

    rows: dict[int, Stat] = field(default_factory=dict)
    ours: set[int] = field(default_factory=lambda: {10})
    strangers: set[int] = field(default_factory=set)
    clock: int = 100

    def __post_init__(self):
        for pid, ppid in ((INIT, 0), (SHELL, INIT), (US, SHELL), (10, US), (20, INIT)):
            self.rows[pid] = row(pid, ppid, sid=pid)

    def fork(self, parent, pid):
        if parent in self.rows and pid not in self.rows:
            self.clock += 1
            self.rows[pid] = row(pid, parent, sid=self.rows[parent].sid, start=self.clock)
            self.strangers.discard(pid)
            if parent in self.ours:
                self.ours.add(pid)
            else:
                self.ours.discard(pid)

    def lead(self, pid):
        if pid in self.rows:
            self.rows[pid] = self.rows[pid]._replace(sid=pid, pgid=pid)

    def die(self, pid, adopter):
        if pid in (INIT, SHELL, US) or pid not in self.rows:
            return
        adopter = US if pid in self.ours else adopter
        del self.rows[pid]
        self.strangers.discard(pid)
        for child in self.rows.values():
            if child.ppid == pid:
                self.rows[child.pid] = child._replace(ppid=adopter)

    def look(self):
        visible = [r for r in self.rows.values() if r.pid != 10 and r.pid not in self.strangers]
        found = strangers(
            visible,
            ours={US, 10},
            adopters=ADOPTERS,
            seen=(),
            sessions={10},
            unmarked=lambda r: r.pid not in self.ours,
        )
        self.strangers.update(r.pid for r in found)


PIDS = st.integers(1, 80)
STEPS = st.one_of(
    st.tuples(st.just("fork"), PIDS, st.integers(60, 80)),
    st.tuples(st.just("lead"), PIDS),
    st.tuples(st.just("die"), PIDS, st.sampled_from((INIT, SHELL))),
    st.tuples(st.just("look")),
)


@given(st.lists(STEPS, max_size=60))
def test_nobody_of_ours_ever_becomes_a_stranger(steps):
    population = Population()
    for name, *arguments in steps:
        getattr(population, name)(*arguments)
        assert not population.strangers & (population.ours | {US}) & population.rows.keys()
