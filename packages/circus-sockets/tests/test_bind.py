import errno
import os
import socket
import stat

import pytest

from circus.sockets import BindError, SocketSpec, Stage, bind, resolve
from circus.sockets.holders import holder_of


def tcp(**more):
    return SocketSpec(**{"name": "web", "host": "127.0.0.1", "port": 0, **more})


def test_a_port_is_bound_and_listens_without_blocking():
    with bind(tcp()) as bound:
        assert bound.sock.getblocking() is False
        assert bound.sock.get_inheritable() is False
        with socket.create_connection(("127.0.0.1", bound.port), timeout=30):
            pass
        assert bound.location == f"127.0.0.1:{bound.port}"
        assert f"fd {bound.fileno()}" in repr(bound)
    assert bound.closed
    assert bound.port is None
    bound.close()


def test_blocking_is_blocking():
    with bind(tcp(blocking=True)) as bound:
        assert bound.sock.getblocking() is True


def test_ipv6():
    try:
        bound = bind(tcp(host="::1", family=socket.AF_INET6))
    except BindError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with bound:
        assert bound.location == f"[::1]:{bound.port}"


def test_datagrams_do_not_listen():
    with bind(tcp(type=socket.SOCK_DGRAM)) as bound, socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", bound.port))
        bound.sock.setblocking(True)
        bound.sock.settimeout(5)
        assert bound.sock.recv(9) == b"x"


def test_the_holder_of_a_taken_port_is_named():
    with bind(tcp()) as first:
        with pytest.raises(BindError) as caught:
            bind(tcp(name="other", port=first.port))
        error = caught.value
        assert error.stage is Stage.BIND
        assert error.errno == errno.EADDRINUSE
        if error.holder is not None:
            assert error.holder.pid == os.getpid()
            assert str(error).startswith(
                f"cannot bind socket 'other' to 127.0.0.1:{first.port}: address in use by pid {os.getpid()} ("
            )


def test_a_host_that_does_not_resolve():
    with pytest.raises(
        BindError, match=r"cannot resolve the address of socket 'web' at not\.\.a\.\.host"
    ) as caught:
        resolve(tcp(host="not..a..host"))
    assert caught.value.stage is Stage.RESOLVE


def test_an_address_that_is_not_ours():
    with pytest.raises(BindError, match=r"cannot bind socket 'web' to 192\.0\.2\.1:"):
        bind(tcp(host="192.0.2.1"))


def test_an_interface():
    with pytest.raises(BindError) as caught:
        bind(tcp(interface="none0"))
    assert caught.value.stage is Stage.CONFIGURE
    assert "(interface 'none0')" in str(caught.value)


def test_loopback_as_the_interface():
    try:
        bound = bind(tcp(interface="lo"))
    except BindError as error:
        pytest.skip(f"this kernel wants a privilege for it: {error}")
    with bound, socket.create_connection(("127.0.0.1", bound.port), timeout=30):
        pass


def test_a_protocol_that_does_not_fit():
    with pytest.raises(BindError) as caught:
        bind(tcp(proto=17))
    assert caught.value.stage in {Stage.CREATE, Stage.RESOLVE}


def test_a_unix_socket_and_its_file(tmp_path):
    path = tmp_path / "s"
    with bind(SocketSpec(name="u", path=str(path), umask=0o077)) as bound:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert bound.port is None
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_close_leaves_the_file_of_a_successor(tmp_path):
    path = tmp_path / "s"
    bound = bind(SocketSpec(name="u", path=str(path)))
    path.rename(tmp_path / "aside")
    with bind(SocketSpec(name="u", path=str(path))):
        bound.close()
        assert path.exists()


def test_a_live_unix_socket_is_never_replaced(tmp_path):
    spec = SocketSpec(name="u", path=str(tmp_path / "s"), replace=True)
    with bind(spec):
        with pytest.raises(BindError, match="address in use") as caught:
            bind(spec)
        assert caught.value.errno == errno.EADDRINUSE
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(spec.path)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_left_over_socket_file(tmp_path, kind):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, kind) as stale:
        stale.bind(str(path))
    with pytest.raises(
        BindError, match="left over and nobody listens there: remove it, or set replace = true"
    ):
        bind(SocketSpec(name="u", path=str(path), type=kind))
    with bind(SocketSpec(name="u", path=str(path), type=kind, replace=True)):
        assert path.exists()


def test_another_file_is_never_replaced(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(BindError, match="no socket; it is left alone"):
        bind(SocketSpec(name="u", path=str(path), replace=True))
    assert path.read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(BindError, match="no such file or directory"):
        bind(SocketSpec(name="u", path=str(tmp_path / "no" / "s")))


def test_detach_gives_the_descriptor_away(tmp_path):
    path = tmp_path / "s"
    bound = bind(SocketSpec(name="u", path=str(path)))
    fd = bound.detach()
    bound.close()
    with socket.socket(fileno=fd) as taken:
        assert path.exists()
        assert taken.getsockname() == str(path)


def test_nobody_holds_what_nobody_holds(tmp_path):
    assert holder_of(str(tmp_path / "s"), family=socket.AF_UNIX, stream=True) is None
    assert holder_of(("127.0.0.1", 1), family=socket.AF_INET, stream=True, proc=tmp_path) is None
