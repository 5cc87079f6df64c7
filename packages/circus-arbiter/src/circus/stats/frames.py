"""What is published: the reference's frames, with more keys beside its own (`tables` has ours). Pure.

Topics: ``stat.<watcher>.<pid>``, ``stat.<watcher>``, ``stat.circus[.<pid>]`` and ``stat.sockets[.<fd>]``. ``<watcher>`` is
the real name, which may hold dots and blanks; the last part is a pid exactly if the frame has a `subtopic`.

Theory. The reference's subscribers miss a process whose frame does not come each second, so it comes; but of one that has
done nothing since the last tick only the age is new, and the rest of its frame is taken as it was made then.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, final

from circus.protocol.codec import encode
from circus.protocol.stats import stat_topic
from circus.stats.hits import Hits
from circus.stats.kernel import TICKS
from circus.stats.roster import Socket, Watcher
from circus.stats.sampler import Moment, Sample

__all__ = [
    "ProcessFrames",
    "SumFrames",
    "human_bytes",
    "human_cpu_time",
    "process_frame",
    "share",
    "socket_frames",
    "state_word",
    "sum_frame",
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


def share(rss: int, memory: int) -> float:
    """Of the machine's memory, in per cent."""
    return round(rss / memory * 100, 3) if memory else 0.0


def process_frame(
    sample: Sample,
    *,
    watcher: str,
    memory: int,
    moment: Moment,
    name: str | None = None,
    wid: int | None = None,
    restarts: int | None = None,
) -> dict[str, Any]:
    """One process.

    Args:
        sample: its figures.
        watcher: the real name of its watcher.
        memory: bytes of memory of the machine.
        moment: when it was looked at.
        name: what it is, for the daemon's own processes; None for workers, as in the reference.
        wid: its worker id, if the daemon tells.
        restarts: of its slot, if the daemon tells.
    """
    hot, slow, age = sample.hot, sample.slow, sample.age(moment)
    return {
        "mem_info1": human_bytes(hot.rss),
        "mem_info2": human_bytes(hot.vms),
        "cpu": round(sample.cpu, 1),
        "mem": share(hot.rss, memory),
        "ctime": human_cpu_time(hot.used),
        "pid": sample.pid,
        "username": slow.username,
        "nice": hot.nice,
        "create_time": round(moment.wall - age, 2),
        "age": round(age, 2),
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
        "tree_mem": share(sample.tree_rss, memory),
        "tree_rss": sample.tree_rss,
        "tree_size": sample.tree_size,
    }


@final
class _Made(NamedTuple):
    """A frame, but for its age, and what it was made of."""

    sample: Sample
    topic: bytes
    started: float
    rest: bytes


@final
class ProcessFrames:
    """Makes the frames of processes.

    Args:
        memory: bytes of memory of the machine.
    """

    def __init__(self, *, memory: int) -> None:
        self._memory = memory
        self._made: dict[int, _Made] = {}
        self._slots: dict[str, tuple[dict[int, int | None], dict[int, int]]] = {}
        """By group: worker ids and restarts that stand in the frames that were made."""
        self._created: dict[tuple[int, int], float] = {}

    def encode(
        self,
        samples: Iterable[Sample],
        *,
        group: str,
        moment: Moment,
        watcher: Watcher | None = None,
        names: Mapping[int, str] | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Topic and frame of each.

        Args:
            samples: the processes.
            group: their watcher's real name, or ``circus``.
            moment: when they were looked at.
            watcher: whose workers they are; None for the daemon's own processes.
            names: pid -> what it is, for the daemon's own.
        """
        workers = watcher.workers if watcher is not None else {}
        restarts = watcher.worker_restarts if watcher is not None else {}
        if self._slots.get(group) != (workers, restarts):
            self._reassign(group, workers, restarts)
        known, uptime = self._made, moment.uptime
        for sample in samples:  # this runs for each worker at each tick
            made = known.get(sample.pid)
            if made is None or made.sample is not sample:
                wid = workers.get(sample.pid)
                its_restarts = None if wid is None else restarts.get(wid, 0)
                name = names.get(sample.pid) if names else None
                made = self._make(sample, group, moment, name, wid, its_restarts)
            _, topic, started, rest = made
            yield topic, b'{"age":%.2f,%b' % (uptime - started, rest)

    def _reassign(self, group: str, workers: Mapping[int, int | None], restarts: Mapping[int, int]) -> None:
        """Forget the frames in which another worker id, or another number of restarts, stands."""
        before, its_restarts = self._slots.get(group, ({}, {}))
        for pid, wid in workers.items():
            is_same = before.get(pid, wid) == wid
            if not is_same or (wid is not None and its_restarts.get(wid, 0) != restarts.get(wid, 0)):
                self._made.pop(pid, None)
        self._slots[group] = dict(workers), dict(restarts)

    def _make(
        self,
        sample: Sample,
        group: str,
        moment: Moment,
        name: str | None,
        wid: int | None,
        restarts: int | None,
    ) -> _Made:
        frame = process_frame(
            sample, watcher=group, memory=self._memory, moment=moment, name=name, wid=wid, restarts=restarts
        )
        del frame["age"]
        frame["create_time"] = self._created.setdefault((sample.pid, sample.hot.start), frame["create_time"])
        started = min(sample.started, moment.uptime)
        made = _Made(sample, stat_topic(group, sample.pid), started, encode(frame)[1:])
        self._made[sample.pid] = made
        return made

    def keep(self, pids: Collection[int], groups: Collection[str]) -> None:
        """Forget the others."""
        if len(self._slots) > len(groups) + 1:
            self._slots = {group: slots for group, slots in self._slots.items() if group in groups}
        if len(self._made) > len(pids):
            self._made = {pid: made for pid, made in self._made.items() if pid in pids}
            self._created = {key: at for key, at in self._created.items() if key[0] in pids}


def sum_frame(samples: Sequence[Sample], *, watcher: Watcher, memory: int, moment: Moment) -> dict[str, Any]:
    """The sum over a watcher: `cpu` is the average, `mem` the sum, `age` the oldest, as in the reference."""
    rss = sum(sample.hot.rss for sample in samples)
    cpu = sum(sample.cpu for sample in samples)
    tree_rss = sum(sample.tree_rss for sample in samples)
    return {
        "pid": [sample.pid for sample in samples],
        "cpu": cpu / len(samples) if samples else 0.0,
        "mem": sum(share(sample.hot.rss, memory) for sample in samples),
        "age": max((round(sample.age(moment), 2) for sample in samples), default="N/A"),
        "watcher": watcher.name,
        "status": watcher.status,
        "restarts": watcher.restarts,
        "cpu_sum": round(cpu, 1),
        "rss": rss,
        "tree_cpu": round(sum(sample.tree_cpu for sample in samples), 1),
        "tree_mem": share(tree_rss, memory),
        "tree_rss": tree_rss,
        "tree_size": sum(sample.tree_size for sample in samples),
    }


@final
class SumFrames:
    """Makes the sums of watchers.

    Args:
        memory: bytes of memory of the machine.
    """

    def __init__(self, *, memory: int) -> None:
        self._memory = memory
        self._made: dict[str, tuple[list[Sample], str, int, float, bytes]] = {}

    def encode(self, samples: list[Sample], *, watcher: Watcher, moment: Moment) -> bytes:
        """The frame; arguments are those of `sum_frame`."""
        made = self._made.get(watcher.name)
        if made is None or made[:3] != (samples, watcher.status, watcher.restarts) or not samples:
            frame = sum_frame(samples, watcher=watcher, memory=self._memory, moment=moment)
            if not samples:
                return encode(frame)
            del frame["age"]
            oldest = min(sample.started for sample in samples)
            made = (samples, watcher.status, watcher.restarts, oldest, encode(frame)[1:])
            self._made[watcher.name] = made
        return b'{"age":%.2f,%b' % (max(moment.uptime - made[3], 0.0), made[4])

    def keep(self, names: Collection[str]) -> None:
        """Forget the others."""
        if len(self._made) > len(names):
            self._made = {name: made for name, made in self._made.items() if name in names}


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
