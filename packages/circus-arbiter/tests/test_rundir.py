"""The socket by which circusctl finds a daemon that it was not told of."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from circus.circusd.rundir import is_stale, local_endpoint, run_directory
from daemons import Daemon
from requires import OURS, needs_daemon


def test_where_it_is():
    assert run_directory({}, uid=0) == Path("/run/circus")
    assert run_directory({"XDG_RUNTIME_DIR": "/x"}, uid=5) == Path("/x/circus")
    assert run_directory({}, uid=5) == Path("/run/user/5/circus")


@pytest.fixture
def ours(tmp_path):
    return tmp_path / "circus"


def test_it_is_ours_alone_and_what_nobody_serves_is_swept_away(ours):
    before = os.umask(0)
    try:
        assert local_endpoint(ours, uid=os.getuid(), pid=7) == f"ipc://{ours}/7.sock"
    finally:
        os.umask(before)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    ours.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as served, socket.socket(socket.AF_UNIX) as left:
        served.bind(str(ours / "1.sock"))
        served.listen()
        left.bind(str(ours / "2.sock"))
        (ours / "3.sock").touch()
        local_endpoint(ours, uid=os.getuid(), pid=7)
        assert not is_stale(ours / "1.sock")
    assert sorted(path.name for path in ours.iterdir()) == ["1.sock"]
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700


def test_a_directory_of_somebody_else_is_not_used(ours, tmp_path):
    ours.mkdir()
    with pytest.raises(PermissionError, match="not a directory of ours"):
        local_endpoint(ours, uid=os.getuid() + 1, pid=7)
    ours.rmdir()
    ours.symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="not a directory of ours"):
        local_endpoint(ours, uid=os.getuid(), pid=7)


@needs_daemon()
@pytest.mark.real
@pytest.mark.slow
def test_circusctl_finds_a_daemon_that_it_was_not_told_of(tmp_path):
    environ = {name: value for name, value in os.environ.items() if name != "CIRCUSCTL_ENDPOINT"}
    with Daemon(
        tmp_path,
        "[watcher:lonely-one]\ncmd = sleep 100\n",
        program=OURS / "circusd",
        env={"XDG_RUNTIME_DIR": str(tmp_path)},
    ) as daemon:
        daemon.settle()
        folder = run_directory({"XDG_RUNTIME_DIR": str(tmp_path)}, uid=os.getuid())
        path = folder / f"{daemon.pid}.sock"
        assert stat.S_ISSOCK(path.stat().st_mode)
        words = [sys.executable, "-m", "circus.ctl", "--endpoint", f"ipc://{path}", "list"]
        found = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, timeout=15)
        assert found.stdout == "lonely-one\n"
        assert daemon.call("version")["endpoint"] == daemon.endpoint
    assert not path.exists()
