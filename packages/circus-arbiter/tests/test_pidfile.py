import fcntl
import os
import stat
import subprocess
import sys

import pytest

from circus.pidfile import Pidfile, PidfileError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "circusd.pid")


def content(path):
    with open(path) as file:
        return file.read()


def test_the_life_of_a_pid_file(path):
    pidfile = Pidfile(path)
    pidfile.create(os.getpid())
    assert content(path) == f"{os.getpid()}\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    assert pidfile.validate() == os.getpid()
    pidfile.unlink()
    assert not os.path.exists(path)
    assert pidfile.validate() is None
    pidfile.unlink()


def test_creating_it_twice_is_once(path):
    first, second = Pidfile(path), Pidfile(path)
    first.create(os.getpid())
    first.create(os.getpid())
    second.create(os.getpid())
    first.unlink()


def test_without_a_name_one_is_made():
    pidfile = Pidfile(None)
    assert pidfile.validate() is None
    pidfile.create(os.getpid())
    assert content(pidfile.fname) == f"{os.getpid()}\n"
    pidfile.unlink()
    assert not os.path.exists(pidfile.fname)


@pytest.mark.parametrize(
    "left",
    ["", "nonsense", "0", "-5", "99999999", f"{os.getppid()}\n", f"{os.getpid()}\n", "1\n"],
    ids=["empty", "nonsense", "zero", "negative", "nobody", "parent", "ourselves", "init"],
)
def test_what_was_left_behind_is_taken_over(path, left):
    """Also with the number of a process that lives and has nothing to do with it, or of an earlier one like us."""
    with open(path, "w") as file:
        file.write(left)
    pidfile = Pidfile(path)
    assert pidfile.validate() is None
    pidfile.create(os.getpid())
    assert content(path) == f"{os.getpid()}\n"
    pidfile.unlink()


HOLD = """
import os, sys
from circus.pidfile import Pidfile
Pidfile(sys.argv[1]).create(os.getpid())
print("ready", flush=True)
sys.stdin.read()
"""


def held(code, path, *more):
    return subprocess.Popen(
        [sys.executable, "-c", code, path, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.real
@pytest.mark.slow
def test_a_second_daemon_is_refused_with_the_pid_of_the_first(path):
    with held(HOLD, path) as daemon:
        assert daemon.stdout.readline() == "ready\n"
        with pytest.raises(
            PidfileError, match=rf"circusd is running already: pid {daemon.pid} \(.* has pid file"
        ):
            Pidfile(path).create(os.getpid())
        assert Pidfile(path).validate() == daemon.pid
        assert content(path) == f"{daemon.pid}\n"
        daemon.stdin.close()
    assert Pidfile(path).validate() is None  # the lock went with the process


@pytest.mark.real
@pytest.mark.slow
def test_a_daemon_of_an_old_version_counts_by_its_command_line(path):
    with held("print('ready', flush=True); input()", path, "circusd") as old:
        assert old.stdout.readline() == "ready\n"
        with open(path, "w") as file:
            file.write(f"{old.pid}\n")
        assert Pidfile(path).validate() == old.pid
        os.utime(path, (1, 1))  # written long before that process started: its number was given away again
        assert Pidfile(path).validate() is None
        old.stdin.close()


def test_a_locked_file_without_a_number_is_somebody_s(path):
    with open(path, "w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        with pytest.raises(PidfileError, match="another process has pid file"):
            Pidfile(path).create(os.getpid())


def test_a_file_of_somebody_else_is_left_alone(path):
    pidfile = Pidfile(path)
    pidfile.create(os.getpid())
    with open(path, "w") as file:
        file.write("1\n")
    pidfile.unlink()
    assert os.path.exists(path)


def test_rename(path):
    pidfile = Pidfile(path)
    pidfile.create(os.getpid())
    pidfile.rename(path + ".2")
    assert not os.path.exists(path)
    assert pidfile.fname == path + ".2"
    pidfile.unlink()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(PidfileError, match=r"no such file or directory: .*/no is no folder; make it first"):
        Pidfile(tmp_path / "no" / "x.pid").create(os.getpid())


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(PidfileError, match=r"cannot read pid file .*: is a directory"):
        Pidfile(tmp_path).create(os.getpid())


def test_a_place_where_we_may_not_write(tmp_path):
    with pytest.raises(PidfileError, match=r"cannot write pid file /proc/circusd.pid"):
        Pidfile("/proc/circusd.pid").create(os.getpid())
