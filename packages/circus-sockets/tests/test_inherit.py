import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.sockets import (
    BindError,
    Received,
    SocketSet,
    SocketSpec,
    adopt,
    bind,
    give_argv,
    hand_down,
    markers,
    take_listen_fds,
)

NAMES = st.text("abcXYZ09_.-", min_size=1)


@settings(deadline=None)
@given(NAMES, st.sampled_from(["$(circus.sockets.%s)", "((CIRCUS.Sockets.%s))"]))
def test_a_marker_is_found_in_any_case(name, form):
    text = "serve --fd " + form % name
    assert markers(text) == markers(None, [text]) == {name.lower()}


def test_no_marker():
    assert markers("$(circus.wid) circus.sockets.web", None, ()) == frozenset()


def test_hand_down_by_name_and_all():
    given_all = hand_down({"Web": 7, "admin": 5})
    assert given_all.fds == (5, 7)
    assert given_all.values == {"web": "7", "admin": "5"}
    assert hand_down({"Web": 7, "admin": 5}, ["WEB", "web"]).fds == (7,)


def test_hand_down_of_an_unknown_name_says_which_there_are():
    with pytest.raises(ValueError, match="there is no socket 'wbe'; sockets are: web"):
        hand_down({"web": 3}, ["wbe"])


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": "77"},
        {"LISTEN_FDS": "-1", "LISTEN_PID": "77"},
        {"LISTEN_FDS": "0", "LISTEN_PID": "77", "LISTEN_FDNAMES": "a"},
    ],
)
def test_variables_that_are_not_for_us_are_removed_and_nothing_is_taken(environ):
    assert take_listen_fds(environ, pid=77) == ()
    assert environ == {}


def test_adopt_by_name_and_by_address(tmp_path):
    path = str(tmp_path / "s")
    first = socket.socket(socket.AF_UNIX)
    first.bind(path)
    second = socket.create_server(("127.0.0.1", 0))
    port = second.getsockname()[1]
    received = (Received(first.detach(), "unknown"), Received(second.detach(), "Web"))
    by_name = adopt(SocketSpec(name="web", host="127.0.0.1", port=1), received)
    by_address = adopt(SocketSpec(name="u", path=path), received)
    assert by_name is not None
    assert by_address is not None
    with by_name[0] as web, by_address[0] as unix:
        assert web.port == port
        assert unix.sock.getsockname() == path
    assert (tmp_path / "s").exists()  # whoever made the file removes it


def test_nothing_fits():
    server = socket.create_server(("127.0.0.1", 0))
    received = [Received(server.fileno(), "unknown")]
    read, write = os.pipe()
    try:
        assert adopt(SocketSpec(name="x", host="127.0.0.1", port=1), received) is None
        assert adopt(SocketSpec(name="x", port=1), [Received(read, "x")]) is None
        with pytest.raises(BindError, match="cannot adopt socket 'x' at /nowhere: the descriptor"):
            adopt(SocketSpec(name="x", path="/nowhere"), [Received(server.fileno(), "x")])
    finally:
        os.close(read)
        os.close(write)
        server.close()


CHILD = """
import os, sys
from circus.sockets import SocketSet, SocketSpec, take_listen_fds
received = take_listen_fds(os.environ)
with SocketSet() as sockets:
    left = sockets.bind([SocketSpec(name="web", host="127.0.0.1", port=0)], received=received)
    print([item.name for item in received], [item.name for item in left], sockets["web"].fileno())
    print(sockets["web"].port, sorted(key for key in os.environ if key.startswith("LISTEN_")))
"""


@pytest.mark.real
@pytest.mark.slow
def test_both_ends_of_listen_fds():
    with (
        bind(SocketSpec(name="web", host="127.0.0.1", port=0)) as web,
        bind(SocketSpec(name="b", host="127.0.0.1", port=0)) as other,
    ):
        names = {"other": other.fileno(), "web": web.fileno()}
        argv = give_argv([sys.executable, "-c", CHILD], names)
        done = subprocess.run(
            argv, pass_fds=tuple(names.values()), capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        assert done.stdout.splitlines() == ["['other', 'web'] ['other'] 4", f"{web.port} []"]


@pytest.mark.real
def test_a_command_that_is_not_there():
    done = subprocess.run(give_argv(["/no/such"], {}), capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert "cannot run '/no/such': No such file" in done.stderr


def test_a_set_that_cannot_bind_everything_closes_what_it_adopted():
    with bind(SocketSpec(name="taken", host="127.0.0.1", port=0)) as taken, SocketSet() as sockets:
        with pytest.raises(BindError):
            sockets.bind(
                [
                    SocketSpec(name="a", host="127.0.0.1", port=0),
                    SocketSpec(name="b", host="127.0.0.1", port=taken.port),
                ]
            )
        assert len(sockets) == 0
