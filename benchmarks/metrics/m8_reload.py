"""M8: graceful reload of workers behind a shared socket, under load: requests that failed, the slowest, how long it took."""

import socket
import threading
import time

from benchmarks.board import Timeout
from benchmarks.metrics import Figures
from benchmarks.peers import Peer
from benchmarks.plan import Plan
from benchmarks.run import Run, running

__all__ = ["measure"]

_QUIET = 0.5


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Client(threading.Thread):
    """One request after the other, each over a connection of its own."""

    def __init__(self, port: int, over: threading.Event) -> None:
        super().__init__()
        self._port, self._over = port, over
        self.failed = 0
        self.worst = 0.0
        self.served = 0

    def run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
                    connection.sendall(b"x")
                    answered = bool(connection.recv(64))
            except OSError:
                answered = False
            self.failed += not answered
            self.served += answered
            self.worst = max(self.worst, time.monotonic() - began)


def measure(peer: Peer, plan: Plan) -> Figures:
    """A run of its own; nothing where the peer cannot give workers a socket of its own."""
    port = _free_port()
    command = ("serve", "$(circus.sockets.web)")
    with running(peer, workers=plan.reloaded, arguments=command, port=port, starts=20 * plan.reloaded) as run:
        if peer.reloads(run.job) is None:
            return {}
        run.started(plan.timeout)
        run.controlled()
        return _under_load(run, plan, port)


def _under_load(run: Run, plan: Plan, port: int) -> Figures:
    over = threading.Event()
    clients = [_Client(port, over) for _ in range(plan.load)]
    reload = run.peer.reloads(run.job)
    assert reload is not None
    before = run.board.drawn
    for client in clients:
        client.start()
    try:
        time.sleep(_QUIET)
        began = time.monotonic()
        reload()
        run.board.wait_for(before + plan.reloaded, plan.timeout)
        took = time.monotonic() - began
        time.sleep(_QUIET)
    finally:
        over.set()
        for client in clients:
            client.join()
    served = sum(client.served for client in clients)
    if not served:
        raise Timeout("not one request was answered")
    return {
        "reload_failed": sum(client.failed for client in clients),
        "reload_worst_ms": 1e3 * max(client.worst for client in clients),
        "reload_s": took,
        "reload_requests": served,
    }
