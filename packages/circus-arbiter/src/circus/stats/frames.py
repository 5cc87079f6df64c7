"""What is published: the reference's frames, with more keys beside its own, and one table a watcher. Pure.

Topics: ``stat.<watcher>.<pid>``, ``stat.<watcher>``, ``stat.circus[.<pid>]``, ``stat.sockets[.<fd>]``, and
``table.<watcher>``, in which all workers of a watcher stand in columns: a display of 5,000 processes reads one message
a watcher and tick in place of 5,000. ``<watcher>`` is the real name, which may hold dots and blanks; the last part is a pid
exactly if the frame has a `subtopic`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, final

from circus.protocol.codec import encode
from circus.protocol.stats import stat_topic
from circus.stats.hits import Hits
from circus.stats.proc import TICKS
from circus.stats.roster import Socket, Watcher
from circus.stats.sampler import Sample

__all__ = [
    "ProcessFrames",
    "human_bytes",
    "human_cpu_time",
    "process_frame",
    "socket_frames",
    "state_word",
    "sum_frame",
    "table_frame",
    "wants",
]

_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "traced",
    "I": "idle",
    "Z": "zombie",
}

_COMMAND = 256
"""Characters of a command line that stand in a table."""


def human_bytes(number: int) -> str:
    """``1.40M``, as the reference writes it."""
    for symbol, shift in (
        ("Y", 80),
        ("Z", 70),
        ("E", 60),
        ("P", 50),
        ("T", 40),
        ("G", 30),
        ("M", 20),
        ("K", 10),
    ):
        if number >= 1 << shift:
            return f"{number / (1 << shift):.2f}{symbol}"
    return f"{number}B"


def human_cpu_time(ticks: int) -> str:
    """``MINUTES:SS.hh``; the minutes go on past 59."""
    span = timedelta(seconds=ticks / TICKS)
    minutes, seconds = divmod(span.days * 86400 + span.seconds, 60)
    return f"{minutes}:{seconds:02d}.{span.microseconds // 10000:02d}"


def state_word(letter: str) -> str:
    """The kernel's letter as a word."""
    return _STATES.get(letter, letter)


def _share(rss: int, memory: int) -> float:
    return round(rss / memory * 100, 3) if memory else 0.0


def process_frame(
    sample: Sample,
    *,
    watcher: str,
    memory: int,
    wall: float,
    name: str | None = None,
    wid: int | None = None,
    restarts: int | None = None,
) -> dict[str, Any]:
    """One process.

    Args:
        sample: its figures.
        watcher: the real name of its watcher.
        memory: bytes of memory of the machine.
        wall: seconds since the epoch.
        name: what it is, for the daemon's own processes; None for workers, as in the reference.
        wid: its worker id, if the daemon tells.
        restarts: of its slot, if the daemon tells.
    """
    hot, slow = sample.hot, sample.slow
    return {
        "mem_info1": human_bytes(hot.rss),
        "mem_info2": human_bytes(hot.vms),
        "cpu": round(sample.cpu, 1),
        "mem": _share(hot.rss, memory),
        "ctime": human_cpu_time(hot.used),
        "pid": sample.pid,
        "username": slow.username,
        "nice": hot.nice,
        "create_time": round(wall - sample.age, 2),
        "age": round(sample.age, 2),
        "cmdline": slow.cmdline,
        "children": [],
        "subtopic": sample.pid,
        "name": name,
        "watcher": watcher,
        "wid": wid,
        "state": state_word(hot.state),
        "restarts": restarts,
        "threads": hot.threads,
        "fds": slow.fds,
        "read_bytes": slow.read_bytes,
        "write_bytes": slow.write_bytes,
        "rss": hot.rss,
        "vms": hot.vms,
        "tree_cpu": round(sample.tree_cpu, 1),
        "tree_mem": _share(sample.tree_rss, memory),
        "tree_rss": sample.tree_rss,
        "tree_size": sample.tree_size,
    }


@final
class ProcessFrames:
    """Encodes the frames of processes; of one that has done nothing since the last tick, only its age is new."""

    def __init__(self, *, memory: int) -> None:
        self._memory = memory
        self._last: dict[int, tuple[Sample, int | None, int | None, str | None, bytes]] = {}
        self._created: dict[tuple[int, int], float] = {}

    def encode(
        self,
        sample: Sample,
        *,
        watcher: str,
        wall: float,
        name: str | None = None,
        wid: int | None = None,
        restarts: int | None = None,
    ) -> bytes:
        """The frame as bytes; arguments are those of `process_frame`."""
        last = self._last.get(sample.pid)
        if last is not None:
            before, its_wid, its_restarts, its_name, rest = last
            is_same = before.hot is sample.hot and before.slow is sample.slow and before.cpu == sample.cpu
            is_same = is_same and before[7:] == sample[7:] and before[5:7] == sample[5:7]
            if is_same and (its_wid, its_restarts, its_name) == (wid, restarts, name):
                return b'{"age":%.2f,%b' % (sample.age, rest)
        frame = process_frame(
            sample, watcher=watcher, memory=self._memory, wall=wall, name=name, wid=wid, restarts=restarts
        )
        del frame["age"]
        created = self._created.setdefault((sample.pid, sample.hot.start), frame["create_time"])
        frame["create_time"] = created
        rest = encode(frame)[1:]
        self._last[sample.pid] = (sample, wid, restarts, name, rest)
        return b'{"age":%.2f,%b' % (sample.age, rest)

    def keep(self, pids: Collection[int]) -> None:
        """Forget the others."""
        if len(self._last) > len(pids):
            self._last = {pid: item for pid, item in self._last.items() if pid in pids}
            self._created = {key: at for key, at in self._created.items() if key[0] in pids}


def sum_frame(samples: Sequence[Sample], *, watcher: Watcher, memory: int) -> dict[str, Any]:
    """The sum over a watcher: `cpu` is the average, `mem` the sum, `age` the oldest, as in the reference."""
    rss = sum(sample.hot.rss for sample in samples)
    cpu = sum(sample.cpu for sample in samples)
    tree_rss = sum(sample.tree_rss for sample in samples)
    return {
        "pid": [sample.pid for sample in samples],
        "cpu": cpu / len(samples) if samples else 0.0,
        "mem": sum(_share(sample.hot.rss, memory) for sample in samples),
        "age": max((round(sample.age, 2) for sample in samples), default="N/A"),
        "watcher": watcher.name,
        "status": watcher.status,
        "restarts": watcher.restarts,
        "cpu_sum": round(cpu, 1),
        "rss": rss,
        "tree_cpu": round(sum(sample.tree_cpu for sample in samples), 1),
        "tree_mem": _share(tree_rss, memory),
        "tree_rss": tree_rss,
        "tree_size": sum(sample.tree_size for sample in samples),
    }


def table_frame(
    samples: Sequence[Sample],
    *,
    watcher: Watcher,
    memory: int,
    wall: float,
    names: dict[int, str] | None = None,
) -> dict[str, Any]:
    """All workers of a watcher, as columns; a column that holds the same value for all is that one value."""
    slots = [watcher.workers.get(sample.pid) for sample in samples]
    by_slot = watcher.worker_restarts
    names = names or {}
    columns: dict[str, list[Any]] = {
        "pid": [sample.pid for sample in samples],
        "wid": slots,
        "name": [names.get(sample.pid) for sample in samples],
        "cpu": [round(sample.cpu, 1) for sample in samples],
        "mem": [_share(sample.hot.rss, memory) for sample in samples],
        "rss": [sample.hot.rss for sample in samples],
        "age": [round(sample.age, 1) for sample in samples],
        "restarts": [None if wid is None else by_slot.get(wid, 0) for wid in slots],
        "threads": [sample.hot.threads for sample in samples],
        "state": [state_word(sample.hot.state) for sample in samples],
        "fds": [sample.slow.fds for sample in samples],
        "read_rate": [sample.read_rate for sample in samples],
        "write_rate": [sample.write_rate for sample in samples],
        "tree_cpu": [round(sample.tree_cpu, 1) for sample in samples],
        "tree_rss": [sample.tree_rss for sample in samples],
        "tree_size": [sample.tree_size for sample in samples],
        "username": [sample.slow.username for sample in samples],
        "command": [sample.slow.command[:_COMMAND] for sample in samples],
    }
    return {
        "watcher": watcher.name,
        "status": watcher.status,
        "restarts": watcher.restarts,
        "time": wall,
        "count": len(samples),
        "columns": {name: _shortest(column) for name, column in columns.items()},
    }


def _shortest(column: list[Any]) -> Any:
    return column[0] if column and column.count(column[0]) == len(column) else column


def socket_frames(sockets: Sequence[Socket], hits: Mapping[str, Hits]) -> list[tuple[bytes, dict[str, Any]]]:
    """One frame a socket and their sum; nothing without sockets."""
    if not sockets:
        return []
    frames: list[tuple[bytes, dict[str, Any]]] = []
    total = 0
    for socket in sockets:
        hit = hits.get(socket.name, Hits(0, 0, 0))
        total += hit.reads
        body = {
            "fd": socket.fd,
            "subtopic": socket.fd,
            "reads": hit.reads,
            "address": socket.address,
            "name": socket.name,
            "queue": hit.queue,
            "connections": hit.connections,
        }
        frames.append((stat_topic("sockets", socket.fd), body))
    addresses = [socket.address for socket in sockets]
    frames.append((stat_topic("sockets"), {"addresses": addresses, "reads": total}))
    return frames


def wants(subscriptions: Iterable[bytes], topic: bytes, *, below: bool = False) -> bool:
    """Whether somebody subscribes to a topic (or, with `below`, to something that starts with it)."""
    return any(topic.startswith(prefix) or (below and prefix.startswith(topic)) for prefix in subscriptions)
