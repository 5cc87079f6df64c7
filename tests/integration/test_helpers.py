"""What circusd runs for itself, end to end: statistics and the web console, as a configuration asks for them."""

import http.client
import json
import socket
from contextlib import closing

import pytest
import zmq

from daemons import Daemon
from requires import OURS

pytestmark = [pytest.mark.real, pytest.mark.slow]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.timeout(60)
def test_the_web_console_answers_on_the_socket_that_circusd_bound(tmp_path):
    port = free_port()
    config = f"httpd = True\nhttpd_host = 127.0.0.1\nhttpd_port = {port}\n[watcher:a]\ncmd = sleep 1000\n"
    with Daemon(tmp_path, config, program=OURS / "circusd", env={"XDG_RUNTIME_DIR": str(tmp_path)}) as daemon:
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=45
        )  # the listener waits for the console
        with closing(connection):
            connection.request("GET", "/health")
            with connection.getresponse() as answer:
                # 503 while the console itself is not yet connected to circusd.
                assert (answer.status, json.loads(answer.read())["status"]) in {(200, "ok"), (503, "failing")}
        assert daemon.call("status", name="circushttpd")["status"] == "active"


@pytest.mark.timeout(60)
def test_statistics_of_a_worker_are_published(tmp_path):
    config = "statsd = True\n[watcher:a]\ncmd = sleep 1000\n"
    with Daemon(tmp_path, config, program=OURS / "circusd", stats=True) as daemon:
        pid = daemon.call("list", name="a")["pids"][0]
        context = zmq.Context()
        subscriber = context.socket(zmq.SUB)
        subscriber.linger = 0
        subscriber.subscribe(f"stat.a.{pid}")
        subscriber.connect(daemon.stats_endpoint)
        try:
            assert subscriber.poll(45_000)
            topic, frame = subscriber.recv_multipart()
            assert (topic.decode(), json.loads(frame)["pid"]) == (f"stat.a.{pid}", pid)
        finally:
            subscriber.close()
            context.term()
