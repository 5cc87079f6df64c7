"""What a person sees: the same replies through a real terminal."""

import os
import pty
import re
import select
import struct
import subprocess
import sys
from fcntl import ioctl
from termios import TIOCSWINSZ
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import FakeDaemon

pytestmark = [pytest.mark.real, pytest.mark.slow]

STATUSES = {"status": "ok", "statuses": {"web": "active", "mail [x]": "failed"}}


def screen(daemon: "FakeDaemon", *words: str, typed: bytes = b"", **environ: str) -> str:
    """What appears on a terminal of 80 columns."""
    near, far = pty.openpty()
    ioctl(far, TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "circus.ctl", "--endpoint", daemon.endpoint, *words],
        stdin=far,
        stdout=far,
        stderr=far,
        env={"TERM": "xterm", "PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ},
    )
    os.close(far)
    seen = b""
    if typed:
        while b"(circusctl)" not in seen:
            seen += os.read(near, 4096)
        os.write(near, typed)
    while select.select([near], [], [], 15)[0]:
        try:
            seen += os.read(near, 4096)
        except OSError:  # the other side is closed
            break
    os.close(near)
    assert process.wait(15) is not None
    return seen.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_status_is_a_table_with_colours_and_words(daemon: "FakeDaemon"):
    daemon.answers["status"] = STATUSES
    seen = screen(daemon, "status")
    assert [line.split() for line in plain(seen).splitlines()] == [
        ["WATCHER", "STATUS"],
        ["mail", "[x]", "failed"],
        ["web", "active"],
    ]
    assert "\x1b[1;31mfailed" in seen


@pytest.mark.parametrize(("words", "environ"), [((), {"NO_COLOR": "1"}), (("--no-color",), {})])
def test_no_colours_where_none_are_wanted(
    daemon: "FakeDaemon", words: tuple[str, ...], environ: dict[str, str]
):
    daemon.answers["status"] = STATUSES
    seen = screen(daemon, "status", *words, **environ)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", seen)


def test_an_error_has_a_hint(daemon: "FakeDaemon"):
    daemon.answers["rm"] = {"status": "error", "reason": "program x not found", "errno": 3}
    assert plain(screen(daemon, "rm", "x")) == (
        "error: program x not found\nhint: circusctl list shows the watchers\n"
    )
    assert "hint: circusctl --help add shows the arguments" in plain(screen(daemon, "add"))
    assert "hint: did you mean status?" in plain(screen(daemon, "statu"))


def test_a_wide_table_keeps_its_narrow_columns(daemon: "FakeDaemon"):
    info = {"pid": 4711, "cmdline": "python " + "x" * 200, "username": "www", "cpu": 12.5, "mem": 0.1}
    daemon.answers["stats"] = {
        "status": "ok",
        "infos": {"web": {"4711": {**info, "mem_info1": "31M", "age": 75.0}}},
    }
    seen = plain(screen(daemon, "stats"))
    assert max(map(len, seen.splitlines())) <= 80
    assert seen.splitlines()[1].split()[:6] == ["web", "4711", "www", "12.5", "0.1", "31M"]


def test_the_shell_greets_answers_and_ends(daemon: "FakeDaemon"):
    daemon.answers["status"] = STATUSES
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    seen = plain(screen(daemon, typed=b"list\nexit\n"))
    assert seen.startswith("circusctl ")
    assert seen.index("WATCHER") < seen.index("(circusctl)")
    assert seen.count("(circusctl)") >= 2


def test_help_is_for_people(daemon: "FakeDaemon"):
    seen = plain(screen(daemon, "--help"))
    assert "Show the state of watchers" in seen
    assert "--endpoint" in seen
