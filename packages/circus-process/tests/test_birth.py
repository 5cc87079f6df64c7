"""When a child began: concluded from the clock, and never without having been compared with what procfs says."""

import subprocess
import sys

import pytest

from circus.process import birth, procfs

needs_procfs = pytest.mark.skipif(not procfs.HAS_PROCFS, reason="needs procfs")


class Clock:
    """Plays the clock and procfs, and counts how often the latter is read."""

    def __init__(self, monkeypatch, says, *, has_procfs=True):
        self.tick, self.reads, self.says = 100, 0, says
        monkeypatch.setattr(procfs, "HAS_PROCFS", has_procfs)
        monkeypatch.setattr(procfs, "ticks_now", lambda: self.tick)
        monkeypatch.setattr(procfs, "start_time", self.read)

    def read(self, _pid):
        self.reads += 1
        return self.says(self.tick)


def test_a_system_that_agrees_is_asked_once_and_where_a_tick_passed(monkeypatch):
    clock, births = Clock(monkeypatch, lambda tick: tick), birth.Births()
    assert [births.of(7, 100) for _ in range(3)] == [100, 100, 100]
    assert clock.reads == 1
    clock.tick = 101
    assert births.of(7, 100) == 101  # it began on one side or the other: only procfs knows
    assert clock.reads == 2


def test_what_cannot_be_compared_tells_nothing_of_the_system(monkeypatch):
    clock, births = Clock(monkeypatch, lambda tick: tick), birth.Births()
    clock.says = lambda _tick: 0  # it has gone
    assert births.of(7, 100) == 0
    clock.says = lambda tick: tick
    assert births.of(7, 99) == 100
    assert [births.of(7, 100) for _ in range(3)] == [100, 100, 100]
    assert clock.reads == 3


@pytest.mark.parametrize("has_procfs", [True, False])
def test_a_system_that_does_not_agree_or_has_none_is_asked_each_time(monkeypatch, has_procfs):
    clock = Clock(monkeypatch, lambda tick: tick + 1, has_procfs=has_procfs)
    births = birth.Births()
    assert [births.of(7, 100) for _ in range(3)] == [101] * 3
    assert clock.reads == 3


@pytest.mark.real
@needs_procfs
def test_it_is_what_procfs_says():
    births = birth.Births()
    for _ in range(50):
        before = procfs.ticks_now()
        with subprocess.Popen([sys.executable, "-ISc", "input()"], stdin=subprocess.PIPE) as child:
            assert births.of(child.pid, before) == procfs.start_time(child.pid) > 0
            child.kill()
