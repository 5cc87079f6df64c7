import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq

from circus import exc
from circus.client import AccessDenied, CallError, CircusClient, CurveKeys, NotRunning, TimedOut
from circus.protocol import ErrorReply
from circus.protocol.messages import List, Status, Stop
from circus.protocol.replies import ListWatchersReply, StatusesReply, StatusReply

if TYPE_CHECKING:
    from conftest import FakeDaemon


def test_a_call_is_answered(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    with CircusClient(endpoint=daemon.endpoint) as client:
        assert client.call({"command": "list"})["watchers"] == ["web"]
        assert client.send_message("list", name="web")["status"] == "ok"
        assert client.call("list")["status"] == "ok"
    assert daemon.requests[1]["properties"] == {"name": "web"}


def test_typed_calls(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    daemon.answers["status"] = lambda r: (
        {"status": "active"}
        if r["properties"].get("name")
        else {"status": "ok", "statuses": {"web": "active"}}
    )
    daemon.answers["stop"] = {"status": "error", "reason": "program x not found", "tb": None, "errno": 3}
    with CircusClient(endpoint=daemon.endpoint) as client:
        match client.request(List()):
            case ListWatchersReply(watchers=watchers):
                assert watchers == ["web"]
            case other:
                pytest.fail(repr(other))
        assert isinstance(client.request(Status()), StatusesReply)
        assert isinstance(client.request(Status(name="web")), StatusReply)
        refused = client.request(Stop(name="x", waiting=True))
        assert isinstance(refused, ErrorReply)
        assert refused.errno == 3
    assert daemon.requests[-1]["properties"] == {"name": "x", "waiting": True}


def test_a_typed_reply_that_fits_nothing_is_a_call_error(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "odd"}
    with CircusClient(endpoint=daemon.endpoint) as client, pytest.raises(CallError, match="not understood"):
        client.request(List())


@pytest.mark.parametrize("kind", ["tcp", "ipc"])
def test_not_running_is_told_at_once_and_apart(kind: str, tmp_path: Path):
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else takes it
        port = placeholder.getsockname()[1]
        endpoint = f"tcp://127.0.0.1:{port}" if kind == "tcp" else f"ipc://{tmp_path}/no.sock"
        # Were it found out by the time-out, the test's own would come first.
        with CircusClient(endpoint=endpoint, timeout=3600) as client:
            for _ in range(2):
                with pytest.raises(NotRunning, match="not running") as caught:
                    client.call("status")
                assert isinstance(caught.value, exc.CallError)
                assert str(caught.value) != "Timed out."


def test_busy_is_a_time_out_with_the_known_text(daemon: "FakeDaemon"):
    daemon.answers["list"] = None
    with CircusClient(endpoint=daemon.endpoint, timeout=0.05) as client:
        with pytest.raises(TimedOut) as caught:
            client.call("list")
        assert str(caught.value) == "Timed out."


def test_a_late_answer_is_nobodys(daemon: "FakeDaemon"):
    daemon.answers["list"] = None
    daemon.answers["status"] = {"status": "ok", "statuses": {}}
    with CircusClient(endpoint=daemon.endpoint, timeout=0.05) as client:
        with pytest.raises(TimedOut):
            client.call("list")
        client.timeout = 5000
        daemon.answer_held({"status": "ok", "watchers": ["late"]})
        assert "statuses" in client.call("status")


@pytest.mark.parametrize("noise", [b"not json", b"[]", b"\xff\x00"])
def test_an_answer_that_is_no_object_is_a_call_error(daemon: "FakeDaemon", noise: bytes):
    daemon.answers["list"] = noise
    with CircusClient(endpoint=daemon.endpoint) as client:
        with pytest.raises(CallError, match="the answer is not"):
            client.call("list")
        daemon.answers["list"] = {"status": "ok"}
        assert client.call("list")["status"] == "ok"


def test_an_error_without_an_id_is_about_what_was_just_asked(daemon: "FakeDaemon"):
    daemon.answers["list"] = b'{"status": "error", "reason": "json invalid", "id": null}'
    with CircusClient(endpoint=daemon.endpoint) as client:
        assert client.call("list")["reason"] == "json invalid"


def test_a_daemon_that_goes_away_meanwhile_is_told_before_the_time_out(daemon: "FakeDaemon"):
    daemon.answers["quit"] = None
    errors: list[BaseException] = []

    def ask() -> None:
        with CircusClient(endpoint=daemon.endpoint, timeout=3600) as client:
            try:
                client.call("quit")
            except CallError as error:
                errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    daemon.arrived.get(timeout=30)
    daemon.stop()
    thread.join(10)
    assert isinstance(errors[0], NotRunning)
    assert "went away" in str(errors[0])


def test_an_answer_that_comes_with_the_end_still_counts(tmp_path: Path):
    """The last words of a daemon that quits."""
    endpoint = f"ipc://{tmp_path}/s"
    with zmq.Context() as context:

        def serve() -> None:
            with context.socket(zmq.ROUTER) as router:
                router.bind(endpoint)
                bound.set()
                peer, raw = router.recv_multipart()
                router.send_multipart([peer, raw])
                router.close(linger=1000)

        bound = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        bound.wait(10)
        with CircusClient(endpoint=endpoint, timeout=3600) as client:
            assert client.call("quit")["command"] == "quit"
        thread.join()


def test_patience_waits_for_a_daemon_that_just_starts(tmp_path: Path):
    endpoint = f"ipc://{tmp_path}/s"
    failed_once = threading.Event()
    with zmq.Context() as context:

        def serve() -> None:
            failed_once.wait(10)
            with context.socket(zmq.ROUTER) as router:
                router.bind(endpoint)
                router.send_multipart(router.recv_multipart())
                router.close(linger=1000)

        thread = threading.Thread(target=serve)
        thread.start()
        with CircusClient(endpoint=endpoint, timeout=10) as hasty, pytest.raises(NotRunning):
            hasty.call("status")
        failed_once.set()
        with CircusClient(endpoint=endpoint, timeout=10, patience=10) as client:
            assert client.call("status")["command"] == "status"
        thread.join()


def test_nothing_is_kept_for_a_daemon_that_comes_later(tmp_path: Path):
    """A stop that failed must not run when the daemon starts."""
    endpoint = f"ipc://{tmp_path}/s"
    with zmq.Context() as context, CircusClient(endpoint=endpoint, timeout=10) as client:
        with pytest.raises(NotRunning):
            client.call("stop")
        with context.socket(zmq.ROUTER) as router:
            router.bind(endpoint)
            client._patience = 10.0
            threads = threading.Thread(target=client.call, args=("list",))
            threads.start()
            assert router.poll(10_000)
            peer, raw = router.recv_multipart()
            assert b'"list"' in raw
            router.send_multipart([peer, raw])
            threads.join()


def test_a_cast_is_sent_and_not_waited_for(daemon: "FakeDaemon"):
    with CircusClient(endpoint=daemon.endpoint) as client:
        assert client.call({"command": "list", "msg_type": "cast"}) == {}
    assert daemon.arrived.get(timeout=30)["msg_type"] == "cast"


def test_threads_take_turns(daemon: "FakeDaemon"):
    daemon.answers["get"] = lambda r: {"status": "ok", "said": r["properties"]["n"]}
    said: list[tuple[int, int]] = []
    with CircusClient(endpoint=daemon.endpoint) as client:
        threads = [
            threading.Thread(target=lambda n=n: said.append((n, client.send_message("get", n=n)["said"])))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(said) == [(n, n) for n in range(8)]


def test_access_denied_is_told_as_such(tmp_path: Path):
    with zmq.Context() as context:
        zap = context.socket(zmq.REP)
        zap.bind("inproc://zeromq.zap.01")
        router = context.socket(zmq.ROUTER)
        router.zap_domain = b"circus"
        router.bind(f"ipc://{tmp_path}/s")

        end = context.socket(zmq.PAIR)
        end.bind("inproc://end")

        def refuse() -> None:
            with context.socket(zmq.PAIR) as ended:
                ended.connect("inproc://end")
                poller = zmq.Poller()
                poller.register(zap, zmq.POLLIN)
                poller.register(ended, zmq.POLLIN)
                while ended not in dict(poller.poll()):
                    version, sequence, *_ = zap.recv_multipart()
                    zap.send_multipart([version, sequence, b"400", b"no", b"", b""])

        thread = threading.Thread(target=refuse)
        thread.start()
        with (
            CircusClient(endpoint=f"ipc://{tmp_path}/s", timeout=3600) as client,
            pytest.raises(AccessDenied, match="access denied"),
        ):
            client.call("status")
        end.send(b"")
        thread.join()
        for opened in (zap, router, end):
            opened.close()


def test_curve_keys_open_the_door_and_nothing_else_does(tmp_path: Path):
    public, secret = zmq.curve_keypair()
    mine = zmq.curve_keypair()
    keys = CurveKeys(server_key=public.decode(), public_key=mine[0].decode(), secret_key=mine[1].decode())
    assert mine[1].decode() not in repr(keys)
    endpoint = f"ipc://{tmp_path}/s"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.curve_server = True
        router.curve_secretkey = secret
        router.bind(endpoint)
        thread = threading.Thread(target=lambda: router.send_multipart(router.recv_multipart()))
        thread.start()
        with CircusClient(endpoint=endpoint, timeout=3600) as client, pytest.raises(AccessDenied):
            client.call("status")
        with CircusClient(endpoint=endpoint, security=keys) as client:
            assert client.call("status")["command"] == "status"
        thread.join()


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("nonsense", "write it as"),
        ("http://x:1", "not supported"),
        ("ipc:///" + "x" * 120, "107 characters"),
        ("tcp://x", "write it as"),
    ],
)
def test_what_cannot_be_an_endpoint_is_told(endpoint: str, said: str):
    with pytest.raises(CallError, match=said):
        CircusClient(endpoint=endpoint)


def test_a_stopped_client_says_so(daemon: "FakeDaemon"):
    client = CircusClient(endpoint=daemon.endpoint)
    client.stop()
    client.stop()
    with pytest.raises(CallError, match="stopped"):
        client.call("list")
