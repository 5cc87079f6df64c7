"""Whose child is who, over a made-up process table and the real one."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process import Stdio, procfs
from circus.process.kin import Kin
from circus.process.procfs import Stat

PIDS = range(2, 7)
EVERYBODY = [1, *PIDS]
STEP = st.tuples(st.sampled_from(PIDS), st.sampled_from(EVERYBODY))


class Machine:
    """A process table in which processes start; end, which leaves their children to pid 1; and at the next step are gone."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.parents = {1: 0}
        self.numbers = {1: 1}
        self.zombies: set[int] = set()
        self.count = 1
        self.read: list[int] = []
        self.meanwhile: list[tuple[int, int]] = []
        """Steps between a listing and the first read after it."""
        patch.setattr(procfs, "HAS_PROCFS", True)
        patch.setattr(procfs, "listing", lambda: sorted(self.numbers.items()))
        patch.setattr(procfs, "read_stat", self.read_stat)

    def step(self, pid: int, parent: int) -> None:
        if pid in self.zombies:
            self.zombies.remove(pid)
            del self.parents[pid], self.numbers[pid]
        elif pid in self.parents:
            self.zombies.add(pid)
            self.parents |= {child: 1 for child, its in self.parents.items() if its == pid}
        elif parent in self.parents and parent not in self.zombies:
            self.count += 1
            self.parents[pid], self.numbers[pid] = parent, self.count

    def read_stat(self, pid: int) -> Stat | None:
        while self.meanwhile:
            self.step(*self.meanwhile.pop())
        self.read.append(pid)
        if pid not in self.parents:
            return None
        state = "Z" if pid in self.zombies else "S"
        return Stat(pid, "x", state, self.parents[pid], pid, pid, 0, 0, 0, 1, self.numbers[pid], 1, 1)

    def children(self) -> dict[int, list[int]]:
        found = {pid: sorted(one for one, its in self.parents.items() if its == pid) for pid in EVERYBODY}
        return {pid: those for pid, those in found.items() if those}


@given(st.lists(st.tuples(st.lists(STEP, max_size=6), st.lists(STEP, max_size=3)), max_size=6))
def test_it_answers_as_a_look_at_everybody_would(rounds):
    """Whatever starts, ends, is recycled or left behind, between two questions and in the middle of one."""
    with pytest.MonkeyPatch.context() as patch:
        machine, kin = Machine(patch), Kin()
        for between, meanwhile in rounds:
            for step in between:
                machine.step(*step)
            machine.meanwhile = list(meanwhile)
            kin.children_of(EVERYBODY)
            machine.meanwhile = []
            assert kin.children_of(EVERYBODY) == machine.children()


def test_who_is_known_is_not_read_again(monkeypatch):
    machine, kin = Machine(monkeypatch), Kin()
    for step in [(2, 1), (3, 2), (4, 3), (6, 1)]:
        machine.step(*step)
    kin.children_of(EVERYBODY)
    machine.read.clear()
    machine.step(3, 1)
    machine.step(5, 2)
    assert kin.children_of([1, 2]) == {1: [2, 4, 6], 2: [3, 5]}
    assert sorted(machine.read) == [1, 1, 2, 3, 4, 5], "without a parent; have children; left behind; new"
    machine.read.clear()
    kin.children_of(EVERYBODY)
    assert sorted(machine.read) == [1, 1, 2]


@pytest.mark.real
def test_a_child_that_is_left_behind_changes_hands(spawner, spec, until, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    shell = f"(cat <&3 >/dev/null & echo $!; read x < {gate}) 3<&0; cat > /dev/null"
    child = spawner.spawn(spec(shell, stdin=Stdio.PIPE, stdout=Stdio.PIPE), watch=False)
    with os.fdopen(child.take_stdin(), "wb"), os.fdopen(child.take_stdout(), "rb") as out:
        below, kin = int(out.readline()), Kin()
        parent = procfs.read_stat(below).ppid
        assert below in kin.children_of([parent])[parent]
        gate.write_text("\n")
        until(lambda: procfs.read_stat(below).ppid != parent)
        now = procfs.read_stat(below).ppid
        assert below in kin.children_of([now])[now]
        assert below not in kin.children_of([parent]).get(parent, [])
