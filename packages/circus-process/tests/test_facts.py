"""Facts: the reference's keys, equal to psutil's readings, robust against hostile names."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process import Stdio, facts, procfs
from circus.process.facts import Observer, cpu_time, human

KEYS = {
    "pid",
    "mem_info1",
    "mem_info2",
    "cpu",
    "mem",
    "ctime",
    "username",
    "nice",
    "cmdline",
    "create_time",
    "age",
    "children",
}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.00K"),
        (3_250_585, "3.10M"),
        (5 * 1024**3, "5.00G"),
        (2**90, "1024.00Y"),
    ],
)
def test_bytes_for_people(size, text):
    assert human(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.00"), (61.255, "1:01.25"), (3600 * 2 + 5, "120:05.00")]
)
def test_cpu_time_never_wraps(seconds, text):
    assert cpu_time(seconds) == text


NAMES = st.binary(min_size=0, max_size=15).filter(lambda name: b"\0" not in name)


@given(NAMES, st.lists(st.integers(0, 2**60), min_size=20, max_size=48))
def test_any_name_and_any_numbers_parse(name, numbers):
    row = procfs.parse_stat(
        b"42 (" + name + b") S " + " ".join(map(str, [7, *numbers[:1], *numbers])).encode() + b"\n"
    )
    assert (row.pid, row.state, row.ppid) == (42, "S", 7)
    row.name.encode()


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(raw):
    try:
        procfs.parse_stat(raw)
    except ValueError:
        return


def test_ourselves_as_psutil_sees_us():
    me = psutil.Process()
    ours = facts.info()
    assert set(ours) == KEYS
    assert ours["pid"] == me.pid
    assert ours["username"] == me.username()
    assert ours["create_time"] == pytest.approx(me.create_time(), abs=1.5)
    assert ours["nice"] == me.nice()
    assert ours["cmdline"] == me.cmdline()[0].rpartition("/")[2]
    assert abs(ours["mem"] - me.memory_percent()) < 1
    assert ours["cpu"] == 0.0


def test_a_process_that_is_gone_is_none():
    assert Observer().info(2**30) is None


def test_cpu_percent_is_between_two_readings():
    observer = Observer()
    observer.info(os.getpid())
    end = os.times().user + 0.05
    while os.times().user < end:
        pass
    assert observer.info(os.getpid())["cpu"] > 0


@pytest.mark.skipif(not procfs.HAS_PROCFS, reason="there are no lines to compare")
def test_who_has_not_moved_is_not_taken_apart_again_and_facts_are_the_callers(monkeypatch):
    observer, parsed, line = Observer(), list[bytes](), procfs.read_line(os.getpid())
    monkeypatch.setattr(facts, "parse_stat", lambda line: parsed.append(line) or procfs.parse_stat(line))
    monkeypatch.setattr(procfs, "read_line", lambda _pid: line)
    first = observer.info(os.getpid())
    first["children"].append("mine")
    again = observer.info(os.getpid())
    assert parsed == [line]
    assert again["age"] >= first["age"]
    assert again == {**first, "children": [], "age": again["age"]}
    monkeypatch.setattr(procfs, "read_line", lambda _pid: line + b" 1")
    observer.info(os.getpid())
    assert parsed == [line, line + b" 1"]


def test_a_long_look_rests_so_that_other_threads_come_to_the_interpreter():
    rests: list[int] = []
    count = 2 * facts._STRETCH + 1
    assert len(Observer().infos(range(2**30, 2**30 + count), rest=lambda: rests.append(1))) == count
    assert len(rests) == 2


def test_several_threads_may_ask_at_the_same_time():
    observer, pids = Observer(), [os.getpid(), os.getppid()]
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(observer.infos, pids, children=True, rest=os.sched_yield)
            for _ in range(3 * facts._KEEP_ROUNDS)
        ]
        assert all(one.result()[os.getpid()]["pid"] == os.getpid() for one in asked)


@pytest.mark.real
def test_children_come_from_one_map(spawner, spec, until):
    child = spawner.spawn(spec("sleep 1000 & echo; wait", stdout=Stdio.PIPE), watch=False)
    os.read(out := child.take_stdout(), 1)
    os.close(out)
    observer = Observer()
    (below,) = (row.pid for row in map(procfs.read_stat, procfs.pids()) if row and row.ppid == child.pid)
    until(lambda: procfs.read_stat(below).name == "sleep")
    infos = observer.infos([child.pid, os.getpid()], children=True)
    assert [one["cmdline"] for one in infos[child.pid]["children"]] == ["sleep"]
    assert child.pid in [one["pid"] for one in infos[os.getpid()]["children"]]


@pytest.mark.real
def test_hostile_names_end_up_as_json(spawner, spec, until):
    child = spawner.spawn(
        spec(argv=(os.fsdecode(b"\xff\xfe) evil '"), "1000"), executable="/bin/sleep"), watch=False
    )
    json.dumps(Observer().info(child.pid)).encode("utf-8")
    until(lambda: "\\xff" in Observer().info(child.pid)["cmdline"])


@pytest.mark.real
def test_a_zombie_is_shown_as_one(spawner, spec):
    child = spawner.spawn(spec("exit 0"), watch=False)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Observer().info(child.pid)["nice"] == "Zombie"


@pytest.mark.real
def test_a_new_program_in_the_same_process_is_shown(spawner, spec, until):
    child = spawner.spawn(
        spec("echo; read x; exec sleep 1000 >&-", stdin=Stdio.PIPE, stdout=Stdio.PIPE), watch=False
    )
    out = os.fdopen(child.take_stdout(), "rb")
    out.readline()
    observer = Observer()
    assert observer.info(child.pid)["cmdline"] == "sh"
    os.close(child.take_stdin())
    assert out.read() == b""
    out.close()
    until(lambda: observer.info(child.pid)["cmdline"] == "sleep")


def test_what_nobody_asks_for_is_forgotten():
    observer = Observer()
    observer.info(os.getppid())
    for _ in range(2 * facts._KEEP_ROUNDS):
        observer.info(os.getpid())
    assert set(observer._known) == {os.getpid()}


@pytest.mark.skipif(not procfs.HAS_PROCFS, reason="compares with procfs")
def test_the_fall_back_without_procfs_sees_the_same(monkeypatch):
    ours, ppid = procfs.read_stat(os.getpid()), os.getppid()
    monkeypatch.setattr(procfs, "HAS_PROCFS", False)
    other = procfs.read_stat(os.getpid())
    for field in ("pid", "ppid", "pgid", "sid", "nice", "threads"):
        assert getattr(other, field) == getattr(ours, field)
    assert other.start_time == procfs.start_time(os.getpid())
    assert procfs.read_stat(2**30) is None
    assert {os.getpid(), ppid} <= set(procfs.pids())
    assert procfs.variable(procfs.environ(os.getpid()), "PATH")
    assert procfs.environ(2**30) is None


def test_environment_values():
    assert procfs.variable(procfs.environ(os.getpid()), "NO_SUCH_THING") is None
    assert procfs.environ(2**30) is None


def test_the_package_is_light():
    import subprocess

    code = "import sys, circus.process, circus.process.spawn; print(*sorted({'psutil', 'pydantic', 'zmq'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_slow_fields_without_procfs(monkeypatch):
    with_procfs = facts.info()
    monkeypatch.setattr(procfs, "HAS_PROCFS", False)
    without = facts.info()
    for key in ("username", "cmdline", "pid", "nice"):
        assert without[key] == with_procfs[key]
    assert facts._by_psutil(2**30)[0] == "N/A"
