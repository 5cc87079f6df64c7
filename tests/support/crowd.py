"""Many requests at once to one circusd, and what can be seen of its workers' processes from outside.

with Crowd(daemon.endpoint) as crowd:
    tickets = [crowd.ask("incr", name="web", waiting=True) for _ in range(100)]
    replies = crowd.collect(tickets)     # in any order
    assert crowd.order[0] == tickets[0]  # who was answered first
"""

import json
import select
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import zmq

from daemons import DEADLINE, DeadlineError

__all__ = ["Crowd", "descriptors_of", "is_running", "resident_kib", "running", "until"]


class Crowd:
    """One connection that does not wait for a reply before it asks the next."""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 0
        self._socket.connect(endpoint)
        self._next = 0
        self.replies: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, tuple[str, dict[str, Any]]] = {}
        self.order: list[str] = []
        """Tickets, in the order of their replies."""

    def ask(self, command: str, **properties: Any) -> str:
        """Send a request; gives its ticket."""
        self._next += 1
        ticket = f"ticket-{self._next}"
        body = {"id": ticket, "command": command, "properties": properties}
        self.asked[ticket] = (command, properties)
        self._socket.send(json.dumps(body).encode())
        return ticket

    def collect(self, tickets: Iterable[str], *, deadline: float = DEADLINE) -> list[dict[str, Any]]:
        """The replies to these, once all have come."""
        tickets, end = list(tickets), time.monotonic() + deadline
        while missing := [ticket for ticket in tickets if ticket not in self.replies]:
            left = max(0.0, end - time.monotonic())
            if not self._socket.poll(int(left * 1000)):
                first = [self.asked.get(ticket, ticket) for ticket in missing[:5]]
                raise DeadlineError(f"{len(missing)} of {len(tickets)} requests were not answered: {first}")
            reply = json.loads(self._socket.recv_multipart()[-1])
            self.replies[reply["id"]] = reply
            self.order.append(reply["id"])
        return [self.replies[ticket] for ticket in tickets]

    def close(self) -> None:
        self._socket.close(0)
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def running(pids: Iterable[int]) -> list[int]:
    """Those that still run."""
    return [pid for pid in pids if is_running(pid)]


def descriptors_of(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_kib(pid: int) -> int:
    """Its resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def until(done: Any, what: str, *, deadline: float = DEADLINE, pace: float = 0.01) -> None:
    """Look again and again, paced, until it is so: for what the kernel tells nobody."""
    end = time.monotonic() + deadline
    while not done():
        if time.monotonic() >= end:
            raise DeadlineError(f"not within {deadline} s: {what}")
        select.select([], [], [], pace)
