"""Whose a process is: rules as examples, and invariants over random process tables."""

from hypothesis import given
from hypothesis import strategies as st

from circus.process.procfs import Stat
from circus.process.tree import Root, Table

US = 50


def row(pid, ppid, *, sid=0, start=100, state="S"):
    return Stat(pid, "x", state, ppid, sid, sid, 0, 0, 0, 1, start, 0, 0)


def pids(rows, root, **options):
    seen = options.pop("seen", ())
    return {r.pid for r in Table(rows, adopters=(1, US), **options).members(root, seen=seen)}


ROOT = Root(pid=10, start_time=100, sid=10, mark="m.1")


def test_the_root_its_session_and_its_descendants():
    rows = [
        row(10, US, sid=10),
        row(11, 10, sid=10),
        row(12, 11, sid=12),
        row(13, 12, sid=13),
        row(20, US, sid=20),
    ]
    assert pids(rows, ROOT) == {10, 11, 12, 13}


def test_a_session_outlives_its_leader():
    assert pids([row(11, 1, sid=10), row(12, 11, sid=12)], ROOT) == {11, 12}


def test_a_recycled_pid_owns_nothing_of_ours():
    rows = [row(10, US, sid=10, start=500), row(11, 10, sid=10, start=501)]
    assert pids(rows, ROOT) == set()


def test_an_orphan_is_known_by_its_mark_and_brings_its_children():
    rows = [row(30, 1, sid=30), row(31, 30, sid=31), row(40, 1, sid=40)]
    marks = {30: "outer:m.1", 40: "m.11"}
    assert pids(rows, ROOT, mark_of=lambda r: marks.get(r.pid)) == {30, 31}


def test_a_mark_is_asked_of_orphans_alone():
    asked = []
    rows = [row(30, 1), row(31, 30), row(32, 1, state="Z"), row(33, 44)]
    pids(rows, ROOT, mark_of=lambda r: asked.append(r.pid))
    assert asked == [30]


def test_what_was_seen_stays_ours_unless_recycled():
    rows = [row(30, 1, sid=30), row(31, 1, sid=31, start=900)]
    assert pids(rows, ROOT, seen={(30, 100), (31, 800), (32, 100)}) == {30}


def test_nobody_older_than_the_root_belongs():
    assert pids([row(11, 1, sid=10, start=99), row(12, 10, start=99)], ROOT) == set()


def test_without_a_session_of_its_own_the_session_says_nothing():
    root = Root(pid=10, start_time=100)
    assert pids([row(10, US, sid=7), row(11, 1, sid=7), row(12, 10, sid=7)], root) == {10, 12}


@st.composite
def tables(draw):
    count = draw(st.integers(1, 25))
    rows = []
    for pid in range(2, 2 + count):
        parent = draw(st.integers(1, pid - 1))
        rows.append(
            row(
                pid,
                parent,
                sid=draw(st.sampled_from([pid, 2, 3, 4])),
                start=draw(st.integers(90, 110)) if parent == 1 else 110,
                state=draw(st.sampled_from("SZ")),
            )
        )
    return rows


@given(tables(), st.integers(2, 26), st.sets(st.integers(2, 26)))
def test_membership_is_closed_and_never_too_old(rows, root_pid, marked):
    root = Root(pid=root_pid, start_time=100, sid=root_pid, mark="m")
    table = Table(rows, mark_of=lambda r: "m" if r.pid in marked else None)
    members = table.members(root)
    inside = {r.pid for r in members}
    by_pid = {r.pid: r for r in rows}
    assert len(inside) == len(members)
    assert all(r.start_time >= 100 for r in members)
    for r in rows:
        if r.ppid in inside and r.start_time >= 100:
            assert r.pid in inside
    for r in members:
        occupant = by_pid.get(root_pid)
        reasons = (
            r.pid == root_pid,
            r.sid == root_pid and (occupant is None or occupant.start_time == 100),
            r.ppid == root_pid,
            r.ppid in inside or (r.ppid in by_pid and by_pid[r.ppid].start_time < 100),
            r.ppid == 1 and r.pid in marked,
        )
        assert any(reasons)


@given(tables(), st.integers(2, 26))
def test_what_was_seen_is_never_lost_while_it_lives(rows, root_pid):
    root = Root(pid=root_pid, start_time=100, sid=root_pid)
    before = Table(rows).members(root)
    orphaned = [r._replace(ppid=1, sid=r.pid) for r in rows if r.pid != root_pid]
    seen = {(r.pid, r.start_time) for r in before}
    after = {r.pid for r in Table(orphaned).members(root, seen=seen)}
    assert {r.pid for r in before} - {root_pid} <= after
