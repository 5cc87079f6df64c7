"""The spec: what options leave open, what a worker is spawned with, and what a change takes."""

import os
import resource

import pytest
from watching import spec_of

from circus.process.errors import SpawnError
from circus.process.spec import Stdio
from circus.protocol.options import Change, WatcherOptions
from circus.watcher.spec import GivenSockets, WatcherError, WatcherSpec


def env_of(environ, **options):
    return dict(WatcherSpec.resolve("w", WatcherOptions(cmd="x", **options), environ=environ).env)


def test_the_environment_is_what_was_asked_for_and_literal():
    ours = {"HOME": "/h", "PW": " pa$SSword "}
    assert env_of(ours) == {}
    assert env_of(ours, env={"A": "$HOME"}) == {"A": "$HOME"}
    assert env_of(ours, copy_env=True, env={"HOME": "/x"}) == {"HOME": "/x", "PW": " pa$SSword "}
    assert "PYTHONPATH" in env_of(ours, copy_env=True, copy_path=True)


def test_a_virtual_environment_comes_first(tmp_path):
    site = tmp_path / "lib" / "python3.9" / "site-packages"
    (tmp_path / "bin").mkdir()
    (tmp_path / "linked").mkdir()
    site.mkdir(parents=True)
    (site / "x.pth").write_text(f"# no\nimport nothing\n{tmp_path}/linked\n{tmp_path}/gone\n")
    env = env_of({"PATH": "/bin"}, copy_env=True, virtualenv=str(tmp_path), virtualenv_py_ver="3.9")
    assert env["PATH"] == f"{tmp_path}/bin:/bin"
    assert env["PYTHONPATH"] == f"{tmp_path}/linked:{site}"
    with pytest.raises(WatcherError, match="copy_env"):
        env_of({}, virtualenv=str(tmp_path))
    with pytest.raises(WatcherError, match=r"Python 2\.7"):
        env_of({}, copy_env=True, virtualenv=str(tmp_path), virtualenv_py_ver="2.7")


def test_workers_get_their_own_command_line():
    spec = spec_of(
        cmd="serve --fd $(circus.sockets.web)", args="--id $WID -v $(circus.env.A)", env={"A": "1"}
    )
    made = spec.process_spec(3, GivenSockets(fds=(7,), values={"web": "7"}))
    assert made.argv == ("serve", "--fd", "7", "--id", "3", "-v", "1")
    assert (made.label, made.pass_fds, made.stdin, made.stdout) == ("web.3", (7,), Stdio.NULL, Stdio.INHERIT)
    assert spec.uses_sockets == ("web",)


def test_a_command_without_variables_is_expanded_once():
    spec = spec_of(cmd="serve 'a b'", args=["c d"])
    assert spec.argv == ("serve", "a b", "c d")
    assert spec.process_spec(1).argv is spec.argv


def test_streams_inputs_and_limits():
    spec = spec_of(
        stdout_stream={"filename": "/x"},
        close_child_stderr=True,
        close_child_stdin=False,
        rlimits={"nofile": None},
    )
    made = spec.process_spec(1)
    assert (made.stdin, made.stdout, made.stderr) == (Stdio.INHERIT, Stdio.PIPE, Stdio.NULL)
    assert made.limits == {"nofile": (resource.RLIM_INFINITY, resource.RLIM_INFINITY)}
    assert spec.process_spec(1, capture=(False, True)).stdout is Stdio.INHERIT


def test_what_is_wrong_is_said_at_the_spawn_and_of_whom():
    with pytest.raises(SpawnError, match=r"cannot start web\.2: expanding the command"):
        spec_of(cmd="echo 'x").process_spec(2)
    with pytest.raises(SpawnError, match=r"cannot start web\.2: setting user or group 'nobody-here'"):
        spec_of(uid="nobody-here").process_spec(2)


def test_numbers():
    assert spec_of(numprocesses="auto").count == len(os.sched_getaffinity(0))
    assert spec_of(numprocesses="auto", singleton=True).count == 1
    assert spec_of().with_count(-3).count == 0
    with pytest.raises(WatcherError, match="singleton"):
        spec_of(singleton=True).with_count(2)


@pytest.mark.parametrize(
    ("options", "names", "change"),
    [
        ({}, (), None),
        ({"numprocesses": 2}, ("numprocesses",), Change.LIVE),
        ({"graceful_timeout": 1, "env": {"A": "1"}}, ("env", "graceful_timeout"), Change.RELOAD),
        ({"mine": 1}, ("mine",), Change.LIVE),
        ({"stdout_stream": {"filename": "/x"}}, ("stdout_stream",), Change.RELOAD),
    ],
)
def test_a_difference_says_what_it_takes(options, names, change):
    found = spec_of(**options).difference(spec_of())
    assert (found.options, found.change) == (names, change)


def test_another_file_for_a_stream_is_live():
    before, after = (spec_of(stdout_stream={"filename": name}) for name in ("/a", "/b"))
    assert after.difference(before).change is Change.LIVE
