"""When a child began: concluded from the clock, and never without having been compared with what procfs says."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process import birth, procfs

MS = 1_000_000
needs_procfs = pytest.mark.skipif(not procfs.HAS_PROCFS, reason="needs procfs")


@given(st.integers(0, 10**16), st.integers(0, 10**9))
def test_a_start_is_concluded_only_where_all_moments_in_between_agree(before, passed):
    after = before + passed
    concluded = birth.ticks_between(before, after, 100)
    ticks = {moment // (10 * MS) for moment in (before, before + passed // 2, after)}
    assert concluded in ({*ticks} if len(ticks) == 1 else {None})


class Clock:
    """Plays the clock and procfs, and counts how often the latter is read."""

    def __init__(self, monkeypatch, says):
        self.at, self.reads, self.says = 5 * MS, 0, says
        monkeypatch.setattr(birth, "now", lambda: self.at)
        monkeypatch.setattr(procfs, "start_time", self.read)
        monkeypatch.setattr(procfs, "TICKS", 100)

    def read(self, _pid):
        self.reads += 1
        return self.says(self.at // (10 * MS))


def test_a_system_that_agrees_is_asked_once(monkeypatch):
    clock, births = Clock(monkeypatch, lambda tick: tick), birth.Births()
    clock.at = 1005 * MS
    assert [births.of(7, 1001 * MS) for _ in range(3)] == [100, 100, 100]
    assert clock.reads == 1
    clock.at = 1011 * MS
    assert births.of(7, 1009 * MS) == 101  # it began on one side or the other: only procfs knows
    assert clock.reads == 2


@pytest.mark.parametrize("says", [lambda tick: tick + 1, lambda tick: 0])
def test_a_system_that_does_not_agree_is_asked_each_time(monkeypatch, says):
    clock, births = Clock(monkeypatch, says), birth.Births()
    clock.at = 1005 * MS
    assert [births.of(7, 1001 * MS) for _ in range(3)] == [says(100)] * 3
    assert clock.reads == 3


def test_without_such_a_clock_it_is_asked_each_time(monkeypatch):
    clock, births = Clock(monkeypatch, lambda tick: tick), birth.Births()
    assert [births.of(7, 0) for _ in range(2)] == [0, 0]
    assert clock.reads == 2


@pytest.mark.real
@needs_procfs
def test_it_is_what_procfs_says():
    births = birth.Births()
    for _ in range(50):
        before = birth.now()
        with subprocess.Popen([sys.executable, "-ISc", "input()"], stdin=subprocess.PIPE) as child:
            assert births.of(child.pid, before) == procfs.start_time(child.pid) > 0
            child.kill()
    assert os.sysconf("SC_CLK_TCK") == procfs.TICKS
