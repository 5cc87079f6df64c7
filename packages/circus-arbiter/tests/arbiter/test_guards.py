"""The pure parts of who may do what: seats, rights, subscriptions, reach, secrets; and the kernel's answers."""

import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.arbiter.audit import Audit, AuditEntry
from circus.arbiter.doorkeeper import peer_of_address
from circus.arbiter.errors import EndpointError
from circus.arbiter.owner import (
    Connection,
    identify,
    owner_by_netlink,
    owner_by_processes,
    owner_by_table,
    owner_of,
)
from circus.arbiter.peers import NOBODY_KNOWN, Peer, Right, Rules, right_of
from circus.arbiter.reach import check_reach, reaches_out
from circus.arbiter.seats import Seats
from circus.arbiter.secrets import HIDDEN, without_secrets
from circus.arbiter.subscriptions import LOG_TOPICS, Subscriptions
from circus.client.keys import Role
from circus.protocol.messages import Get, Stats
from circus.protocol.options import ArbiterOptions

# -- seats -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60), st.data())
def test_a_note_leads_to_its_own_connection_or_to_nobody(news, data):
    seats = Seats()
    sitting: dict[int, Peer] = {}
    noted: list[tuple[int, int, Peer]] = []
    for number, (fd, leaves) in enumerate(news):
        if leaves:
            seats.leave(fd)
            sitting.pop(fd, None)
        else:
            seat = seats.take(fd)
            seat.peer = sitting[fd] = Peer(uid=number)
        if sitting and data.draw(st.booleans()):
            somewhere = data.draw(st.sampled_from(sorted(sitting)))
            noted.append((somewhere, seats.count, sitting[somewhere]))
    for fd, count, peer in noted:
        assert seats.find(fd, count) in {peer, NOBODY_KNOWN}


def test_the_last_few_connections_at_a_descriptor_are_remembered():
    seats = Seats()
    notes = []
    for number in range(6):
        seats.take(7).peer = Peer(uid=number)
        notes.append(seats.count)
        seats.leave(7)
    assert [seats.find(7, note).uid for note in notes] == [None, None, 2, 3, 4, 5]
    assert seats.find(8, notes[-1]) is NOBODY_KNOWN


# -- rights ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "rules", "right"),
    [
        (Peer(uid=0), {}, Right.COMMAND),
        (Peer(uid=1000), {}, Right.COMMAND),
        (Peer(uid=1001), {}, Right.LOOK),
        (Peer(uid=1001), {"owner_uid": 1001}, Right.COMMAND),
        (Peer(uid=1001), {"legacy": True}, Right.COMMAND),
        (Peer(uid=1001), {"allow_remote": True}, Right.LOOK),
        (NOBODY_KNOWN, {}, Right.LOOK),
        (NOBODY_KNOWN, {"allow_remote": True}, Right.LOOK),
        (Peer(address="127.0.0.1"), {"allow_remote": True}, Right.LOOK),
        (Peer(address="192.0.2.1"), {}, Right.LOOK),
        (Peer(address="192.0.2.1"), {"allow_remote": True}, Right.COMMAND),
        (Peer(key="a", role=Role.ADMIN, address="192.0.2.1"), {}, Right.COMMAND),
        (Peer(key="a", role=Role.VIEWER, address="192.0.2.1"), {"allow_remote": True}, Right.LOOK),
        (Peer(key="a", address="192.0.2.1"), {"legacy": True}, Right.NOTHING),
    ],
)
def test_rights(peer, rules, right):
    assert right_of(peer, Rules(our_uid=1000, **rules)) is right


def test_peers_in_words():
    assert str(Peer(uid=0, pid=7)) == "root (pid 7)"
    assert str(Peer(uid=4_000_000, address="127.0.0.1")) == "uid 4000000 at 127.0.0.1"
    assert str(Peer(address="192.0.2.1")) == "a peer at 192.0.2.1"
    assert str(Peer(address="127.0.0.1")) == "a peer at 127.0.0.1 whose user cannot be told"
    assert str(Peer(key="bob", address="192.0.2.1")) == "key bob at 192.0.2.1"


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "localhost", "localhost:0:0", "localhost:-1:0:1", "a:0:0:1"]
)
def test_only_the_address_of_ipc_names_a_user(text):
    assert peer_of_address(text) is None


# -- subscriptions ---------------------------------------------------------------------------------------------

TOPICS = st.sampled_from([b"", b"l", b"log", b"log.", b"log.web", b"watcher.", b"watcher.web", b"logs", b"x"])


@given(TOPICS)
def test_without_full_right_nothing_of_the_output_is_granted(topic):
    in_full = Subscriptions.is_open(topic)
    for granted in Subscriptions().add(topic, in_full=in_full):
        assert not granted.startswith(LOG_TOPICS)
        assert not LOG_TOPICS.startswith(granted)


@given(st.lists(st.tuples(TOPICS, st.booleans()), max_size=20), st.randoms())
def test_nothing_is_wanted_after_all_have_cancelled(asked, random):
    subscriptions = Subscriptions()
    for topic, in_full in asked:
        subscriptions.add(topic, in_full=in_full)
    assert subscriptions.output_wanted == any(t.startswith(LOG_TOPICS) and full for t, full in asked)
    random.shuffle(asked)
    for topic, _ in asked:
        subscriptions.remove(topic)
    assert not subscriptions.output_wanted


# -- reach -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "out"),
    [
        ("tcp://127.0.0.1:5555", False),
        ("tcp://localhost:5555", False),
        ("tcp://127.1.2.3:*", False),
        ("tcp://[::1]:5555", False),
        ("ipc:///run/x", False),
        ("ipc://@abstract", False),
        ("inproc://x", False),
        ("tcp://*:5555", True),
        ("tcp://0.0.0.0:5555", True),
        ("tcp://[::]:5555", True),
        ("tcp://192.0.2.7:5555", True),
        ("tcp://eth0:5555", True),
        ("tcp://box.example:5555", True),
        ("tcp://me.example:5555", False),
        ("tcp://both.example:5555", True),
        ("tipc://{1,2}", True),
    ],
)
def test_reach(endpoint, out):
    names = {
        "box.example": ["192.0.2.7"],
        "me.example": ["127.0.1.1"],
        "both.example": ["127.0.0.1", "192.0.2.7"],
    }
    assert reaches_out(endpoint, lambda name: names.get(name, [])) is out


def test_reaching_out_is_refused_unless_it_is_said():
    wide = {"endpoint": "tcp://*:5555"}
    with pytest.raises(EndpointError, match="curve_endpoint"):
        check_reach(ArbiterOptions(**wide))
    with pytest.raises(EndpointError, match="statistics"):
        check_reach(ArbiterOptions(statsd=True, stats_endpoint="tcp://0.0.0.0:5557"))
    for word in ({"allow_remote": True}, {"auth": "legacy"}):
        check_reach(ArbiterOptions(**wide, **word))
    check_reach(ArbiterOptions(curve_endpoint="tcp://*:5565", stats_endpoint="tcp://0.0.0.0:5557"))


# -- secrets ---------------------------------------------------------------------------------------------------


def test_secrets_are_hidden_and_names_stay():
    options = {
        "cmd": "run",
        "env": {"PASSWORD": "hunter2"},
        "colour": "hunter2",
        "stdout_stream_conf": {"class": "FileStream", "filename": "/x", "token": "hunter2"},
        "stderr_stream_conf": None,
    }
    seen = without_secrets(Get(name="a", keys=[]), {"options": options})
    assert seen["options"] == {
        "cmd": "run",
        "env": {"PASSWORD": HIDDEN},
        "colour": HIDDEN,
        "stdout_stream_conf": {"class": "FileStream", "filename": "/x", "token": HIDDEN},
        "stderr_stream_conf": None,
    }
    assert options["env"] == {"PASSWORD": "hunter2"}
    assert without_secrets(Stats(), {"infos": {"options": 1}}) == {"infos": {"options": 1}}


# -- audit -----------------------------------------------------------------------------------------------------


def test_refusals_do_not_push_changes_out():
    audit = Audit(size=3)
    audit.record(AuditEntry(time=0, who="root", command="stop", subject="web", allowed=True))
    for number in range(10):
        audit.record(AuditEntry(time=1 + number, who="eve", command="quit", subject="", allowed=False))
    audit.record(AuditEntry(time=20, who="root", command="start", subject="web", allowed=True))
    assert [(one["who"], one["command"]) for one in audit.last(10)] == [
        ("root", "stop"),
        *[("eve", "quit")] * 3,
        ("root", "start"),
    ]
    assert [one["command"] for one in audit.last(1)] == ["start"]
    assert audit.last(0) == []


# -- the kernel's answers --------------------------------------------------------------------------------------


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def pair(request):
    """A listener, a client, and the accepted end."""
    family, host = request.param
    listener = socket.socket(family)
    try:
        listener.bind((host, 0))
    except OSError:
        listener.close()
        pytest.skip("this machine has no such loopback address")
    listener.listen()
    client = socket.socket(family)
    client.connect(listener.getsockname()[:2])
    accepted, _ = listener.accept()
    yield listener, client, accepted
    for one in (listener, client, accepted):
        one.close()


def _connection(accepted):
    return Connection(accepted.family, accepted.getpeername()[:2], accepted.getsockname()[:2])


def test_the_owner_of_a_connection_by_both_ways(pair):
    _, _, accepted = pair
    connection = _connection(accepted)
    assert owner_by_table(connection) == os.getuid()
    assert owner_by_netlink(connection) in {os.getuid(), None}
    assert owner_by_processes(connection) == os.getuid()
    peer = identify(accepted.fileno())
    assert (peer.uid, peer.pid, peer.address) == (os.getuid(), None, accepted.getpeername()[0])


def test_a_socket_that_was_closed_is_nobodys_and_not_roots(pair):
    _, client, accepted = pair
    connection = _connection(accepted)
    client.close()
    assert owner_by_table(connection) is None
    assert owner_by_netlink(connection) is None
    assert owner_by_processes(connection) is None
    assert identify(accepted.fileno()).uid is None


def test_a_listener_is_not_taken_for_the_connection_that_was_asked_for(pair):
    listener, _, _ = pair
    gone = Connection(listener.family, listener.getsockname()[:2], (listener.getsockname()[0], 9))
    assert owner_of(gone) is None


def test_a_descriptor_that_is_none_is_nobodys():
    read, write = os.pipe()
    assert identify(read) == NOBODY_KNOWN
    os.close(read)
    os.close(write)
    assert identify(read) == NOBODY_KNOWN
    assert identify(-1) == NOBODY_KNOWN


def test_the_peer_over_a_unix_socket():
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        assert identify(near.fileno()) == Peer(uid=os.getuid(), pid=os.getpid())


@pytest.mark.real
def test_the_owner_of_another_users_connection():
    if os.getuid() != 0:
        pytest.skip("needs root: run the tests as root, in a container")
    listener = socket.create_server(("127.0.0.1", 0))
    script = (
        "import os,socket,sys;'x'.encode('idna');os.setuid(65534);s=socket.socket();"
        "s.connect(('127.0.0.1',int(sys.argv[1])));sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(listener.getsockname()[1])], stdin=subprocess.PIPE
    )
    try:
        listener.settimeout(10)
        accepted, _ = listener.accept()
        connection = _connection(accepted)
        assert owner_by_table(connection) == 65534
        assert owner_by_processes(connection) == 65534
        assert owner_by_netlink(connection) in {65534, None}
        accepted.close()
    finally:
        process.communicate()
        listener.close()
