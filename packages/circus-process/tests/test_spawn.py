"""Real spawns: each step that can fail fails by its name and leaves nothing open; what was asked for is what the child has."""

import os
import resource
import signal
import stat
import sys
from pathlib import Path

import pytest

from circus.process import ExitStatus, Identity, LocalSpawner, SpawnError, Stage, Stdio
from circus.process import chain as chain_module
from circus.process import spawn as spawn_module
from circus.process.identity import CAP_SETUID, has_capability

pytestmark = pytest.mark.real
LIMITS = {"nofile": (100, 200)}
needs_root = pytest.mark.skipif(not has_capability(CAP_SETUID), reason="changing user needs root")


def children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def file(path, text, mode):
    path.write_text(text)
    path.chmod(mode)
    return str(path)


FAILURES = {
    "no such file": (Stage.FIND_EXECUTABLE, "/nope/x", {"argv": ("/nope/x",)}),
    "not in PATH": (Stage.FIND_EXECUTABLE, "nope-x", {"argv": ("nope-x",)}),
    "a directory": (Stage.EXEC, "/usr", {"argv": ("/usr",)}),
    "not executable": (Stage.EXEC, "{plain}", {"argv": ("{plain}",)}),
    "no interpreter": (Stage.EXEC, "{orphan}", {"argv": ("{orphan}",)}),
    "no such cwd": (Stage.SET_CWD, "/nope", {"cwd": "/nope"}),
    "cwd is a file": (Stage.SET_CWD, "{plain}", {"cwd": "{plain}"}),
}


def _filled(value, names):
    if isinstance(value, tuple):
        return tuple(word.format(**names) for word in value)
    return value.format(**names) if isinstance(value, str) else value


@pytest.mark.parametrize("how", ["plain", "by a chain", "by the launcher"])
@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_names_its_stage_and_leaves_nothing(failure, how, spawner, spec, tmp_path, open_count):
    names = {
        "plain": file(tmp_path / "plain", "x", 0o644),
        "orphan": file(tmp_path / "orphan", "#!/nope/interpreter -x\n", 0o755),
    }
    stage, subject, options = FAILURES[failure]
    if how != "plain":
        options = options | {"limits": LIMITS}
    if how == "by the launcher":
        options = options | {"stdin": Stdio.CLOSE}
    options = {k: _filled(v, names) for k, v in options.items()}
    before = open_count()
    with pytest.raises(SpawnError) as caught:
        spawner.spawn(spec(stdout=Stdio.PIPE, **options))
    assert caught.value.stage is stage
    assert caught.value.subject == subject.format(**names)
    assert caught.value.retryable
    assert str(caught.value).startswith(f"cannot start web.1: {stage.value} '")
    assert open_count() == before
    assert not children()


@pytest.mark.parametrize(
    ("options", "stage", "words"),
    [
        ({"limits": {"nofile": (10, 5)}}, Stage.SET_LIMITS, "above the hard limit 5"),
        ({"limits": {"nope": (1, 1)}}, Stage.SET_LIMITS, "no such resource"),
        ({"limits": {"nofile": (10, 2**62)}}, Stage.SET_LIMITS, "above the hard limit"),
        ({"limits": {"core": (-7, -7)}}, Stage.SET_LIMITS, "-7 is no limit"),
        ({"argv": ("/bin/echo", "a\0b")}, Stage.EXEC, "null byte"),
        ({"env": {"A=B": "x"}}, Stage.EXEC, "illegal environment variable name"),
    ],
)
def test_what_can_never_work_is_not_retryable(options, stage, words, spawner, spec, open_count):
    before = open_count()
    with pytest.raises(SpawnError, match=words) as caught:
        spawner.spawn(spec(stdout=Stdio.PIPE, **options))
    assert caught.value.stage is stage
    assert not caught.value.retryable
    assert open_count() == before


def test_arguments_that_are_too_long(spawner, spec):
    with pytest.raises(SpawnError, match="argument list too long") as caught:
        spawner.spawn(spec(argv=("/bin/true", "x" * 4_000_000)))
    assert caught.value.stage is Stage.EXEC


@needs_root
@pytest.mark.slow
def test_without_the_right_to_change_user_nothing_is_forked(output):
    code = """if True:
        import os
        from circus.process import Identity, LocalSpawner, ProcessSpec, SpawnError
        os.setuid(65534)
        for identity in (Identity(uid=0), Identity(gid=1), Identity(groups=(5,))):
            try:
                LocalSpawner().spawn(ProcessSpec(label="web.1", argv=("true",), identity=identity))
            except SpawnError as error:
                print(error.stage.name, error.retryable, error.cause)
        same = LocalSpawner().spawn(ProcessSpec(label="web.1", argv=("true",), identity=Identity(uid=65534)))
        print(same.wait_blocking())
    """
    text = output(argv=(sys.executable, "-c", code), stderr=Stdio.INHERIT).decode()
    assert text.count("SET_IDENTITY False we run as user 65534") == 2
    assert "SET_IDENTITY False we run with group 0 and may not take group 1" in text
    assert text.endswith("ExitStatus(code=0, signal=None, core_dumped=False)\n")


def exhausted(leave):
    """Lower our limit of descriptors so that so many more can be opened; gives the way back."""
    held = []
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = (
        max(int(path.name) for path in Path("/dev/fd").iterdir()) + 2 + leave
    )  # whatever is open, so many fit
    resource.setrlimit(resource.RLIMIT_NOFILE, (top, old[1]))
    while True:
        try:
            held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            break
    for _ in range(leave):
        os.close(held.pop())

    def back():
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
        for fd in held:
            os.close(fd)

    return back


@pytest.mark.parametrize("left", range(6))
def test_out_of_descriptors_is_told_or_overcome_at_every_step(left, spawner, spec, open_count):
    before = open_count()
    one = spec("exit 3", stdout=Stdio.PIPE)
    back = exhausted(left)
    child = failure = None
    try:
        child = spawner.spawn(one, watch=False)
    except SpawnError as error:
        failure = error
    finally:
        back()
    if child is None:
        assert failure.stage is Stage.OPEN_PIPES
        assert "too many open files" in failure.cause
        assert failure.retryable
    else:
        assert child.wait_blocking(10) == ExitStatus(code=3)
        child.close()
    assert open_count() == before
    assert not children()


async def test_a_child_without_a_pidfd_is_watched_by_a_thread(spawner, spec):
    child = None
    left = 6
    while child is None or child.pidfd is not None:
        back = exhausted(left)
        try:
            child = spawner.spawn(spec("read x; exit 4", stdin=Stdio.PIPE))
        except SpawnError:
            break
        finally:
            back()
        left -= 1
    else:
        os.close(child.take_stdin())
        assert await child.wait() == ExitStatus(code=4)


@pytest.mark.slow
def test_out_of_processes_is_told(spawner, spec, output):
    code = """if True:
        import os, resource
        from circus.process import LocalSpawner, ProcessSpec, SpawnError
        os.setuid(54321)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        try:
            LocalSpawner().spawn(ProcessSpec(label="web.1", argv=("/bin/true",)))
        except SpawnError as error:
            print(error, error.retryable)
    """
    if not has_capability(CAP_SETUID):
        pytest.skip("changing user needs root")
    text = output(argv=(sys.executable, "-c", code), stderr=Stdio.INHERIT).decode()
    assert text.startswith("cannot start web.1: creating a process '/bin/true': resource temporarily")
    assert text.endswith("True\n")


# --- what the child has ------------------------------------------------------------------------------------------


@pytest.fixture(params=["tools", "launcher"])
def chain(request):
    """Both ways of setting identity and limits."""
    if request.param == "launcher":
        request.getfixturevalue("monkeypatch").setattr(chain_module, "tool", lambda _: None)
    elif chain_module.tool("setpriv") is None or chain_module.tool("prlimit") is None:
        pytest.skip("needs util-linux: apt-get install util-linux")


def test_limits(output, chain):
    text = output(
        "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc",
        limits=LIMITS | {"core": (0, resource.RLIM_INFINITY)},
    )
    assert text.split()[:3] == [b"100", b"200", b"0"]


@needs_root
@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(uid=65534, gid=65534), "65534 65534 65534"),
        (Identity(uid=54321, gid=7), "54321 7 7"),
        (Identity(gid=5), "0 5 5"),
        (Identity(uid=54321, gid=7, groups=(8, 9)), "54321 7 7 8 9"),
        (Identity(uid=0, gid=0, groups=()), "0 0 0"),
    ],
)
def test_identity(output, chain, identity, expected):
    text = output('echo "$(id -u) $(id -g) $(id -G)"', identity=identity, limits=LIMITS).decode().split()
    wanted = expected.split()
    assert text[:2] == wanted[:2]
    assert set(text[2:]) == set(wanted[2:])


def test_the_chain_keeps_the_pid_and_the_name(spawner, spec, chain):
    child = spawner.spawn(
        spec("echo $$ $0", argv=("sh", "-c", "echo $$ $0"), stdout=Stdio.PIPE, limits=LIMITS), watch=False
    )
    with os.fdopen(child.take_stdout()) as out:
        assert out.read() == f"{child.pid} sh\n"
    assert child.wait_blocking(10).ok


def test_the_chain_changes_no_environment(output, spec, chain):
    env = {"A": "1", "PATH": os.environ["PATH"]}
    text = output(argv=("env",), env=env, limits=LIMITS).decode().splitlines()
    assert {line.split("=")[0] for line in text} == {"A", "PATH", "CIRCUS_MARK"}


def test_a_program_that_vanishes_under_the_chain_ends_with_127(output, spawner, spec, chain):
    wishes = chain_module.Wishes(identity=Identity(), limits=LIMITS)
    argv = chain_module.argv_for(wishes, label="web.1", program="/nope", argv=("/nope",), env={})
    child = spawner.spawn(spec(argv=tuple(argv), stderr=Stdio.PIPE), watch=False)
    with os.fdopen(child.take_stderr()) as err:
        assert "/nope" in err.read()
    assert child.wait_blocking(10) == ExitStatus(code=127)


def test_executable_differs_from_its_name(output):
    for options in ({}, {"limits": LIMITS}):
        text = output(argv=("my-name", "-c", "echo $0"), executable="/bin/sh", **options)
        assert text == b"my-name\n"


def test_a_death_signal_is_set(output):
    code = "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"
    assert output(argv=(sys.executable, "-c", code), parent_death_signal=signal.SIGHUP) == b"1\n"
    assert output(
        argv=(sys.executable, "-c", code), parent_death_signal=signal.SIGRTMIN + 2
    ).strip() == b"%d" % (signal.SIGRTMIN + 2)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_stream_is_closed(number, spawner, spec, tmp_path):
    stream = ("stdin", "stdout", "stderr")[number]
    report = tmp_path / "report"
    code = f"""if True:
        import os
        try:
            os.fstat({number})
            found = b"open"
        except OSError:
            found = b"closed"
        os.write(os.open({str(report)!r}, os.O_CREAT | os.O_WRONLY), found)
    """
    child = spawner.spawn(spec(argv=(sys.executable, "-ISc", code), **{stream: Stdio.CLOSE}), watch=False)
    assert child.wait_blocking(10) == ExitStatus(code=0)
    assert report.read_text() == "closed"


def test_nothing_but_what_is_passed_is_inherited(output):
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        text = output(f"ls /proc/self/fd; echo x > /proc/self/fd/{writing}", pass_fds=(writing,))
        assert os.read(reading, 10) == b"x\n"
        assert str(writing).encode() in text.split()
        assert str(reading).encode() not in text.split()
    finally:
        os.close(reading)
        os.close(writing)


def test_our_own_descriptor_as_a_stream_stays_ours(spawner, spec, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        child = spawner.spawn(
            spec("echo out; echo err >&2", stdout=log.fileno(), stderr=log.fileno()), watch=False
        )
        assert child.wait_blocking(10).ok
        log.write(b"ours\n")
    assert (tmp_path / "log").read_bytes() == b"out\nerr\nours\n"


def test_cwd_umask_and_session(output, tmp_path):
    text = output("pwd; umask; ps -o sid= -p $$; echo $$", cwd=str(tmp_path), umask=0o27).split()
    assert text[0] == str(tmp_path).encode()
    assert text[1] == b"0027"
    assert text[2] == text[3]
    shared = output("ps -o sid= -p $$", new_session=False)
    assert int(shared) == os.getsid(0)


def test_a_relative_program_is_found_in_the_childs_directory(output, tmp_path):
    file(tmp_path / "here", "#!/bin/sh\necho here\n", 0o755)
    for options in ({}, {"limits": LIMITS}):
        assert output(argv=("./here",), cwd=str(tmp_path), **options) == b"here\n"


def test_bigger_pipes_only_when_told(spec):
    spawner = LocalSpawner(pipe_size=1 << 20)
    child = spawner.spawn(spec("echo x", stdout=Stdio.PIPE), watch=False)
    fd = child.take_stdout()
    assert spawn_module.fcntl.fcntl(fd, spawn_module.fcntl.F_GETPIPE_SZ) == 1 << 20
    assert not os.get_inheritable(fd)
    assert stat.S_ISFIFO(os.fstat(fd).st_mode)
    os.close(fd)
    child.wait_blocking(10)
    child.close()


def test_the_mark_is_added_and_the_spec_stays_as_it_is(output, spec):
    env = dict(os.environ) | {"CIRCUS_MARK": "outer"}
    given = spec(env=env)
    text = output("echo $CIRCUS_MARK", env=env).decode()
    assert text.startswith("outer:")
    assert given.env["CIRCUS_MARK"] == "outer"


# --- the descriptor limit ----------------------------------------------------------------------------------------


@pytest.fixture
def low_limit():
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, old[1]))
    yield old[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, old)


def test_children_get_the_limit_that_we_had(low_limit, spawner, output, chain):
    top = spawner.raise_nofile()
    assert top == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
    assert output("ulimit -Sn") == b"256\n"
    assert output("ulimit -Sn", limits={"core": (0, 0)}) == b"256\n"
    assert output("ulimit -Sn", limits={"nofile": (300, 400)}) == b"300\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == top


def test_the_limit_is_never_lowered(low_limit, spawner, output):
    assert spawner.raise_nofile(100) == 256
    assert spawner.raise_nofile(512) == 512
    assert spawner.raise_nofile(1024) == 1024
    assert output("ulimit -Sn") == b"256\n"


def test_what_we_hold_by_the_thousand_lives_above_the_old_limit(low_limit, spawner, spec):
    spawner.raise_nofile()
    child = spawner.spawn(spec("read x", stdin=Stdio.PIPE, stdout=Stdio.PIPE), watch=False)
    ends = child.take_stdin(), child.take_stdout()
    assert min(child.pidfd, *ends) >= 256
    assert not any(os.get_inheritable(fd) for fd in ends)
    for fd in ends:
        os.close(fd)
    assert child.wait_blocking(10) is not None
