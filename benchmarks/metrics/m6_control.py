"""M6: the control path: the cheapest request, a list of all workers, figures of all workers, the command that users type."""

import multiprocessing
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from benchmarks.metrics import Figures
from benchmarks.plan import Plan
from benchmarks.run import Run

__all__ = ["bare", "bare_router", "measure", "percentiles", "timed"]

_FEW = 5


def timed(request: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of so many calls."""
    samples: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        request()
        samples.append((time.perf_counter() - began) * 1e3)
    return samples


def percentiles(samples: list[float], name: str) -> dict[str, float]:
    """p50 and p99 under this name."""
    ordered = sorted(samples)
    return {
        f"{name}_p50_ms": statistics.median(ordered),
        f"{name}_p99_ms": ordered[int(0.99 * (len(ordered) - 1))],
    }


def measure(run: Run, plan: Plan) -> Figures:
    """What the peer has of all this."""
    figures: dict[str, float] = {}
    cheapest, lists = run.peer.answers(run.job), run.peer.lists(run.job)
    if cheapest is not None:
        run.controlled()
        timed(cheapest, 10)
        figures |= percentiles(timed(cheapest, plan.requests), "request")
    if lists is not None:
        figures["list_ms"] = statistics.median(timed(lists, _FEW * 4))
    figures |= _figures(run)
    command = run.peer.status_command(run.job)
    if command is not None:
        figures["status_ms"] = statistics.median(timed(lambda: _status(command), _FEW))
    return figures


def _status(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _figures(run: Run) -> dict[str, float]:
    """Figures of all workers, and what others wait meanwhile."""
    ask, other = run.peer.figures(run.job), run.peer.answers(run.job)
    if ask is None or other is None:
        return {}
    waits: list[float] = []
    over = threading.Event()

    def others() -> None:
        while not over.is_set():
            waits.extend(timed(other, 1))

    thread = threading.Thread(target=others)
    first = timed(ask, 1)[0]
    thread.start()
    try:
        later = timed(ask, _FEW if first < 2000 else 1)
    finally:
        over.set()
        thread.join()
    return {
        "stats_first_ms": first,
        "stats_ms": statistics.median(later),
        "stats_others_worst_ms": max(waits),
    }


def bare(requests: int) -> Figures:
    """The floor of this metric."""
    with bare_router() as request:
        timed(request, 10)
        return percentiles(timed(request, requests), "request")


@contextmanager
def bare_router() -> Iterator[Callable[[], object]]:
    """A process with a pyzmq ROUTER that sends back what it gets, for as long as the context lasts; a request to it."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=_echo, args=(theirs,))
    server.start()
    try:
        import zmq  # noqa: PLC0415 - see peers.circus.ask

        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(ours.recv())
            yield lambda: (socket.send(b'{"id":"1"}'), socket.recv())
    finally:
        server.kill()
        server.join()


def _echo(connection: Connection) -> None:
    import zmq  # noqa: PLC0415 - see peers.circus.ask

    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        endpoint = f"ipc://@circus-bench-{os.getpid()}"  # no file that a killed process could leave behind
        socket.bind(endpoint)
        connection.send(endpoint)
        while True:
            socket.send_multipart(socket.recv_multipart())
