"""The sweeper over trees that the test writes: when nobody found means that nobody is there."""

import signal
from dataclasses import dataclass, field

import pytest

from circus.process import ProcessSpec
from circus.process.testing import FakeSpawner
from circus.watcher.sweep import Remains, Sweeper


@dataclass
class Trees:
    """Answers as the test says: one tuple of pids a look, the last for ever."""

    answers: list[tuple[int, ...]]
    proof: bool = False
    signals: list[int] = field(default_factory=list)

    def survivors_of(self, children):
        pids = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {child.pid: pids for child in children}

    def certain(self, child):
        return self.proof

    def signal_trees(self, children, number):
        self.signals.append(number)
        return {child.pid: () for child in children}


@dataclass
class Sweep:
    trees: Trees
    ends: list[str] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self):
        self.sweeper = Sweeper(
            self.trees,
            gone=lambda _: self.ends.append("gone"),
            signalled=lambda *_: None,
            stuck=lambda *_: self.ends.append("stuck"),
        )

    def add(self, remains):
        self.sweeper.add(remains, self.now)

    def leave(self, remains):
        self.sweeper.leave(remains, self.now)

    def look(self):
        """The next look that is due; False: there is none."""
        if self.sweeper.due is None:
            return False
        self.now = self.sweeper.due
        self.sweeper.look(self.now, leaders=0)
        return True

    def looks(self):
        count = 0
        while count < 100 and self.look():
            count += 1
        return count


@pytest.fixture
async def remains():
    child = FakeSpawner().spawn(ProcessSpec(label="web.1", argv=("web",)))
    child.end()
    return Remains(wid=1, child=child, stop_signal=signal.SIGTERM, deadline=1000.0)


def test_a_proof_is_taken_at_once(remains):
    sweep = Sweep(Trees([()], proof=True))
    sweep.add(remains)
    assert sweep.looks() == 1
    assert sweep.ends == ["gone"]


def test_nobody_found_without_a_proof_is_looked_at_again_but_not_for_ever(remains):
    sweep = Sweep(Trees([()]))
    sweep.add(remains)
    assert 3 < sweep.looks() < 20
    assert sweep.ends == ["gone"]
    assert sweep.trees.signals == []


def test_who_turns_up_after_a_doubtful_look_is_asked_and_then_killed(remains):
    sweep = Sweep(Trees([(), (), (7,)]))
    sweep.add(remains)
    for _ in range(4):
        sweep.look()
    assert sweep.trees.signals == [signal.SIGTERM]
    sweep.sweeper.kill(1, sweep.now)
    sweep.look()
    assert sweep.trees.signals == [signal.SIGTERM, signal.SIGKILL]
    sweep.trees.answers, sweep.trees.proof = [()], True
    sweep.looks()
    assert sweep.ends == ["gone"]


def test_past_its_deadline_a_doubt_is_hunted(remains):
    remains.deadline = 0.0
    sweep = Sweep(Trees([()]))
    sweep.add(remains)
    sweep.look()
    assert sweep.trees.signals == [signal.SIGKILL]


def test_what_is_left_at_its_last_deadline_is_stuck_only_if_it_was_seen(remains):
    for pids, end in [((), "gone"), ((7,), "stuck")]:
        remains.give_up = 0.0
        sweep = Sweep(Trees([pids]))
        sweep.leave(remains)
        sweep.looks()
        assert sweep.ends == [end]


def test_who_is_stuck_is_told_once_waited_for_by_nobody_and_looked_at_until_it_is_gone(remains):
    remains.give_up = 10.0
    sweep = Sweep(Trees([(7,)]))
    sweep.leave(remains)
    assert sweep.sweeper.leftovers == 1
    while not sweep.ends:
        assert sweep.look()
    assert sweep.sweeper.leftovers == 0
    began, looks = sweep.now, sweep.looks()
    assert (sweep.now - began) / looks > 1
    sweep.sweeper.hurry(sweep.now, 0.0, 5.0)
    sweep.looks()
    assert sweep.ends == ["stuck"]
    sweep.trees.answers, sweep.trees.proof = [()], True
    sweep.looks()
    assert sweep.ends == ["stuck", "gone"]
    assert sweep.sweeper.due is None
