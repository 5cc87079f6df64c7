import socket
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.sockets import BindError, SocketSet, SocketSpec, rebinding


def tcp(name, **more):
    return SocketSpec(**{"name": name, "host": "127.0.0.1", "port": 0, **more})


SPECS = st.lists(
    st.builds(
        tcp,
        name=st.sampled_from(["a", "b", "c", "D"]),
        port=st.integers(0, 2),
        backlog=st.integers(1, 2),
        blocking=st.booleans(),
    ),
    unique_by=lambda spec: spec.key,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(SPECS, SPECS)
def test_every_socket_has_one_fate(old, new):
    plan = rebinding(old, new)
    fates = [*plan.added, *plan.removed, *plan.rebound, *plan.adjusted, *plan.kept]
    assert sorted(fates) == sorted({spec.key for spec in [*old, *new]})
    assert plan.changes == ({s.key: s for s in old} != {s.key: s for s in new})


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(SPECS)
def test_the_same_is_no_change(specs):
    assert not rebinding(specs, reversed(specs)).changes


def test_backlog_and_blocking_are_adjusted_in_place():
    old = tcp("a", port=1)
    assert rebinding([old], [replace(old, backlog=5, blocking=True)]).adjusted == ("a",)
    assert rebinding([old], [replace(old, port=2, backlog=5)]).rebound == ("a",)


def test_two_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two sockets of the name 'a'"):
        rebinding([], [tcp("a"), tcp("A")])


def test_apply_keeps_adjusts_rebinds_and_removes(tmp_path):
    unix = SocketSpec(name="u", path=str(tmp_path / "u"))
    with SocketSet() as sockets:
        sockets.bind([tcp("kept"), tcp("adjusted"), tcp("gone"), unix])
        before = {name: sockets[name].fileno() for name in sockets}
        moved = replace(unix, path=str(tmp_path / "v"))
        plan = sockets.apply([tcp("kept"), tcp("adjusted", backlog=7), moved, tcp("new")])
        assert plan.added == ("new",)
        assert plan.rebound == ("u",)
        assert plan.adjusted == ("adjusted",)
        assert sockets["KEPT"].fileno() == before["kept"]
        assert sockets["adjusted"].fileno() == before["adjusted"]
        assert sorted(sockets) == ["adjusted", "kept", "new", "u"]
        assert [p.name for p in tmp_path.iterdir()] == ["v"]
        assert [spec.name for spec in sockets.specs] == ["adjusted", "kept", "new", "u"]


def test_an_address_can_change_hands():
    with SocketSet() as sockets:
        sockets.bind([tcp("a")])
        port = sockets["a"].port
        sockets.apply([tcp("a", port=port)])
        sockets.apply([tcp("b", port=port)])
        assert sockets["b"].port == port


def test_all_or_nothing(tmp_path):
    unix = SocketSpec(name="u", path=str(tmp_path / "u"), umask=0o077)
    with SocketSet() as sockets, socket.create_server(("127.0.0.1", 0)) as taken:
        sockets.bind([tcp("a"), unix])
        port = sockets["a"].port
        with pytest.raises(BindError, match="'z'"):
            sockets.apply(
                [
                    tcp("a", backlog=3),
                    replace(unix, umask=0o007),
                    tcp("n"),
                    tcp("z", port=taken.getsockname()[1]),
                ]
            )
        assert sockets.specs == (tcp("a"), unix)
        assert sockets["a"].port == port
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(unix.path)


def test_hand_over_and_take_over(tmp_path):
    unix = SocketSpec(name="u", path=str(tmp_path / "u"))
    first = SocketSet()
    first.bind([tcp("a"), unix, tcp("d", type=socket.SOCK_DGRAM, port=40123, reuse_port=True)])
    port = first["a"].port
    handed = first.hand_over()
    assert len(first) == 0
    first.close()
    with SocketSet.of(handed) as second:
        assert second["a"].port == port
        assert second["d"] is None
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(unix.path)
    assert not (tmp_path / "u").exists()


def test_one_socket_a_worker():
    with SocketSet() as sockets:
        sockets.bind([tcp("web", reuse_port=True)])
        with sockets.per_worker("web") as one, sockets.per_worker("WEB") as two:
            assert one.port == two.port == sockets["web"].port
            assert sockets.hand_down(["web"], own=[two]).fds == (two.fileno(),)
            with socket.create_connection(("127.0.0.1", one.port), timeout=30):
                pass
        with pytest.raises(ValueError, match="there is no socket 'web'"):
            sockets.hand_down(["web"])


def test_datagram_sockets_a_worker_hold_nothing_in_the_set():
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = tcp("log", port=port, type=socket.SOCK_DGRAM, reuse_port=True)
    with SocketSet() as sockets:
        sockets.bind([spec])
        assert sockets["log"] is None
        with sockets.per_worker("log") as one, sockets.per_worker("log") as two:
            assert one.port == two.port == port
        sockets.apply([])


def test_a_second_of_a_name_cannot_be_added():
    with SocketSet() as sockets, SocketSet() as other:
        sockets.bind([tcp("a")])
        other.bind([tcp("A")])
        with pytest.raises(ValueError, match="already"):
            sockets.add(other["a"])


def test_a_port_that_the_system_chose_is_given_back_if_a_change_fails():
    with SocketSet() as sockets, socket.create_server(("127.0.0.1", 0)) as taken:
        sockets.bind([tcp("a")])
        port = sockets["a"].port
        with pytest.raises(BindError, match="'z'"):
            sockets.apply([tcp("a", port=port), tcp("z", port=taken.getsockname()[1])])
        assert sockets["a"].port == port
        assert sockets.specs == (tcp("a"),)
