import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.sockets import BindError, SocketSpec, Stage


def test_a_path_makes_the_family_unix():
    spec = SocketSpec(name="web", path="/run/web.sock")
    assert spec.family == socket.AF_UNIX
    assert spec.is_unix
    assert spec.location == "/run/web.sock"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": ""}, "needs a name"),
        ({"port": -1}, "not between 0 and 65535"),
        ({"port": 65536}, "not between 0 and 65535"),
        ({"backlog": -1}, "below 0"),
        ({"umask": 0o1000}, "not between 0 and 0o777"),
        ({"family": socket.AF_UNIX}, "needs a path"),
        ({"path": "x" * 108}, "108 bytes long, the system takes 107"),
        ({"path": "a\0b"}, "NUL"),
        ({"path": "p", "interface": "lo"}, "no interface"),
        ({"path": "p", "reuse_port": True}, "internet sockets"),
        ({"port": 0, "reuse_port": True, "type": socket.SOCK_DGRAM}, "port that is not 0"),
    ],
)
def test_illegal_states(arguments, says):
    with pytest.raises(ValueError, match=says):
        SocketSpec(**{"name": "web", **arguments})


def test_location_of_an_ipv6_address_is_in_brackets():
    assert SocketSpec(name="x", host="::1", port=1, family=socket.AF_INET6).location == "[::1]:1"


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        SocketSpec,
        name=st.text(min_size=1),
        host=st.text(),
        port=st.integers(0, 65535),
        umask=st.none() | st.integers(0, 0o777),
        blocking=st.booleans(),
        backlog=st.integers(0, 100),
    )
)
def test_a_spec_comes_back_from_its_dict(spec):
    assert SocketSpec.from_dict(spec.as_dict()) == spec


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="has no prot"):
        SocketSpec.from_dict({"name": "x", "prot": 1})


def test_an_error_reads_as_a_sentence():
    error = BindError(Stage.BIND, "web", "127.0.0.1:80", cause="permission denied", errno=13)
    assert str(error) == "cannot bind socket 'web' to 127.0.0.1:80: permission denied"
    assert error.errno == 13
