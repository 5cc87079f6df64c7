import socket
import stat

import pytest

from circus.sockets import CircusSocket, CircusSockets, protocol_number


def test_the_two_forms_of_embedding_programs(tmp_path):
    web = CircusSocket("_Bento_API", host="127.0.0.1", port=0, family=socket.AF_INET, backlog=2048)
    unix = CircusSocket("Runner", path=str(tmp_path / "r"), backlog=2048)
    sockets = CircusSockets([web, unix])
    sockets.bind_and_listen_all()
    assert sockets["_Bento_API"] is web
    assert web.location == f"127.0.0.1:{web.port}"
    assert web.port != 0
    assert str(unix) == f"socket 'Runner' at '{tmp_path / 'r'}'"
    assert unix.host is None
    assert web.get_inheritable()
    assert web.fileno() > 2
    assert not web.getblocking()
    sockets.close_all()
    assert list(tmp_path.iterdir()) == []


def test_from_a_section():
    sock = CircusSocket.load_from_config(
        {
            "name": "x",
            "host": "127.0.0.1",
            "port": "0",
            "type": "sock_dgram",
            "proto": "udp",
            "blocking": "True",
        }
    )
    sock.bind_and_listen()
    assert sock.socktype == socket.SOCK_DGRAM
    assert sock.getblocking()
    assert sock._cfg["port"] == "0"
    sock.close()


@pytest.mark.parametrize(("text", "mode"), [("077", 0o700), ("0o007", 0o770), (None, 0o767), (0o022, 0o755)])
def test_a_umask_is_octal(tmp_path, text, mode):
    config = {"name": "x", "path": str(tmp_path / "s"), "so_reuseport": False}
    sock = CircusSocket.load_from_config(config if text is None else {**config, "umask": text})
    sock.bind_and_listen()
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == mode
    sock.close()


@pytest.mark.parametrize(
    "wrong", [{"family": "INET"}, {"type": "SOCK"}, {"proto": "nope"}, {"blocking": "perhaps"}, {"port": "x"}]
)
def test_wrong_values(wrong):
    with pytest.raises(ValueError):  # noqa: PT011 - its text is of the one function that refuses
        CircusSocket.load_from_config({"name": "x", **wrong})


def test_add_and_its_refusal():
    sockets = CircusSockets(backlog=5)
    made = sockets.add("a", "127.0.0.1", 0)
    assert made.backlog == 5
    with pytest.raises(ValueError, match="already"):
        sockets.add("a")
    sockets.close_all()


def test_a_socket_a_worker_is_not_bound_with_the_others():
    sock = CircusSocket("w", "127.0.0.1", 0, so_reuseport=True)
    sockets = CircusSockets([sock])
    sockets.bind_and_listen_all()
    assert sock.getsockname()[1] == 0
    assert sock.use_reuseport
    sockets.close_all()


def test_protocols():
    assert protocol_number("6") == protocol_number(6) == protocol_number(" TCP ") == 6


def test_a_failing_option_leaves_nothing_open():
    with pytest.raises(OSError, match="none0"):
        CircusSocket("x", "127.0.0.1", 0, interface="none0")
