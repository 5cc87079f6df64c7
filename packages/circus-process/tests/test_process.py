"""`Process`, as a plain script uses it: no event loop anywhere."""

import os
import pwd
import signal
import sys
from types import SimpleNamespace

import psutil
import pytest

from circus.process import DEAD_OR_ZOMBIE, RUNNING, UNEXISTING, Process, ProcessGoneError, SpawnError, Stage
from circus.process.facts import GONE

pytestmark = pytest.mark.real
ENV = dict(os.environ)


@pytest.fixture
def process():
    made = []

    def make(cmd, args=None, **options):
        one = Process("web", 3, cmd, args, env=ENV, **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop(0)
        one.close()


def test_output_exit_code_and_state(process):
    one = process("sh -c 'echo out $(circus.wid); echo err $WID >&2; read x; exit 4'", pipe_stderr=True)
    assert one.stdout.read() == b"out 3\n"
    assert one.stderr.read() == b"err 3\n"
    assert one.wait(10) == 4
    assert one.poll() == 4 == one.returncode()
    assert not one.is_alive()
    assert one.status == UNEXISTING
    assert one.info() == GONE
    assert one.age() > 0


def test_before_it_is_started(process):
    one = process("true", spawn=False)
    assert one.returncode() is None
    assert one.status == UNEXISTING
    assert one.info() == GONE
    assert one.started == 0
    with pytest.raises(ProcessGoneError):
        _ = one.pid
    one.close()
    one.spawn()
    assert one.wait() == 0
    one.spawn()
    assert one.wait(10) == 0
    one.stop()


def test_it_cannot_be_started_twice(process):
    one = process("sleep 1000")
    with pytest.raises(SpawnError, match="it runs already"):
        one.spawn()


def test_states_and_signals(process):
    one = process("sleep", ["1000"])
    assert one.status == RUNNING
    assert one.is_alive()
    with pytest.raises(psutil.TimeoutExpired):
        one.wait(0.01)
    one.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
    assert one.status == DEAD_OR_ZOMBIE
    assert one.wait() == -9
    one.send_signal(signal.SIGTERM)
    one.terminate()


@pytest.mark.slow
def test_stop_ends_the_whole_tree(process):
    one = process("trap 'exit 0' TERM; (trap '' TERM; echo $$; exec sleep 1000) & wait", shell=True)
    one.stdout.readline()
    (below,) = one.children()
    assert one.is_child(below)
    assert not one.is_child(os.getpid())
    assert one.stop(0.2) == ()
    assert one.stdout.closed
    assert one.returncode() in {0, -15}
    assert not psutil.pid_exists(below) or psutil.Process(below).status() == psutil.STATUS_ZOMBIE
    assert one.stop() == ()


def test_children_are_signalled_one_by_one_or_all(process):
    one = process("sleep 1000 & sh -c 'sleep 1000 & echo; wait' & wait", shell=True)
    one.stdout.readline()
    direct, everybody = one.children(), one.children(recursive=True)
    assert len(direct) == 2
    assert len(everybody) == 3
    with pytest.raises(psutil.NoSuchProcess):
        one.send_signal_child(os.getpid(), signal.SIGTERM)
    one.send_signal_child(direct[0], signal.SIGTERM)
    one.send_signal_children(signal.SIGKILL, recursive=True)
    assert one.wait(10) is not None


def test_a_shell_has_pipes(process):
    one = process(
        "echo hello | tr a-z A-Z && echo $0", shell=True, watcher=SimpleNamespace(shell_args="zero")
    )
    assert one.stdout.read() == b"HELLO\nzero\n"


def test_a_failed_start_names_the_step():
    with pytest.raises(SpawnError) as caught:
        Process("web", 1, "/nope")
    assert caught.value.stage is Stage.FIND_EXECUTABLE
    with pytest.raises(SpawnError, match=r"cannot start web\.1: setting limits 'nope'"):
        Process("web", 1, "true", rlimits={"NOPE": 1})
    with pytest.raises(ValueError, match="no such user: 'nobody-here'"):
        Process("web", 1, "true", uid="nobody-here")


def test_limits_cwd_and_environment(process, tmp_path):
    one = process(
        "ulimit -n; pwd; echo $(circus.env.HOME)",
        shell=True,
        rlimits={"nofile": 77},
        working_dir=str(tmp_path),
    )
    assert one.stdout.read().decode().split() == ["77", str(tmp_path), ENV["HOME"]]
    bare = Process("web", 1, "/usr/bin/env")
    assert [line.split(b"=")[0] for line in bare.stdout] == [b"CIRCUS_MARK"]
    bare.stop()


def test_root_is_a_user_like_any_other(process):
    me = pwd.getpwuid(os.getuid())
    one = process("id -u", uid=str(me.pw_uid), gid=os.getgid())
    assert one.stdout.read().strip() == b"%d" % me.pw_uid
    assert (one.uid, one.gid) == (me.pw_uid, os.getgid())


def test_sockets_are_named_in_the_command_and_inherited(process):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    watcher = SimpleNamespace(
        sockets={"Web": SimpleNamespace(fileno=lambda: writing)}, optnames=("flavour",), flavour="sweet"
    )
    code = "import os, sys; os.write(int(sys.argv[1]), sys.argv[2].encode())"
    one = process(
        [sys.executable, "-c", code, "$(circus.sockets.web)", "$(circus.flavour)"],
        use_fds=True,
        watcher=watcher,
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"sweet"
    assert one.wait(10) == 0


def test_streams_that_are_not_piped(process):
    one = process("cat", close_child_stdout=True, close_child_stderr=True)
    assert one.stdout is None
    assert one.stderr is None
    assert one.wait(10) == 0


def test_info_has_the_known_keys(process):
    one = process("sleep 1000 & echo; wait", shell=True)
    one.stdout.readline()
    info = one.info()
    assert info["pid"] == one.pid
    assert info["wid"] == 3
    assert info["started"] == one.started
    assert len(info["children"]) == 1
    assert info["children"][0]["pid"] in one.children()
    assert info["age"] < 60


def test_they_sort_by_start(process):
    first, second = process("true"), process("true")
    assert first < second
    assert second > first
    assert first != second
    assert "web.3" in repr(first)


def test_a_context_stops_it():
    with Process("web", 1, "sleep 1000", env=ENV) as one:
        assert one.is_alive()
    assert not one.is_alive()
