"""The publishing socket: who subscribes to what, and frames to them. Never waits."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, final

import zmq

from circus.exc import CircusError
from circus.protocol.codec import encode
from circus.protocol.stats import stat_topic, table_topic
from circus.stats import frames
from circus.stats.hits import Hits
from circus.stats.roster import Roster, Watcher
from circus.stats.sampler import Moment, Sample
from circus.stats.tables import Tables

__all__ = ["About", "Publisher"]

_NOBLOCK: Final = int(zmq.NOBLOCK)
_FIRST_PART: Final = int(zmq.SNDMORE) | _NOBLOCK
_HIGH_WATER: Final = 20_000
"""Frames that wait for one subscriber, some 10 MB; a slower one loses those past it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the frame ``stat.circus`` tells of the daemon beside its figures."""

    is_up: bool
    version: str | None
    endpoint: str
    pubsub_endpoint: str


@final
class Publisher:
    """An XPUB that knows what is subscribed to.

    Args:
        context: a ZeroMQ context; it stays the caller's.
        endpoint: where to publish.
        memory: bytes of memory of the machine.

    Raises:
        CircusError: the endpoint is taken, or cannot be one.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str, *, memory: int) -> None:
        self.subscriptions: set[bytes] = set()
        """Prefixes of topics."""
        self.socket = context.socket(zmq.XPUB)
        self._memory = memory
        self._processes = frames.ProcessFrames(memory=memory)
        self._sums = frames.SumFrames(memory=memory)
        self._tables = Tables(memory=memory)
        self.socket.linger = 0
        self.socket.sndhwm = _HIGH_WATER
        self.socket.zap_domain = b"circus"  # refuses the old framing that a web page could speak
        try:
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.socket.close()
            raise CircusError(
                f"cannot publish stats on {endpoint}: {error}; is another circusd-stats running, or the endpoint wrong?"
            ) from error

    def close(self) -> None:
        self.socket.close()

    def hear(self) -> None:
        """Take who subscribed, and who left."""
        while True:
            try:
                frame = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if frame.startswith(b"\x01"):
                self.subscriptions.add(frame[1:])
            elif frame.startswith(b"\x00"):
                self.subscriptions.discard(frame[1:])

    def wants(self, group: str) -> bool:
        """Whether somebody wants anything of a group: a watcher, ``circus`` or ``sockets``."""
        return frames.wants(self.subscriptions, stat_topic(group), below=True) or frames.wants(
            self.subscriptions, table_topic(group)
        )

    def publish(
        self,
        roster: Roster,
        samples: Mapping[int, Sample],
        hits: Mapping[str, Hits],
        *,
        about: About,
        moment: Moment,
    ) -> None:
        """Send one tick: the daemon's own processes first, which tell whose figures they are, and their sum last.

        Args:
            roster: who runs.
            samples: what they use.
            hits: of the sockets.
            about: the daemon.
            moment: when they were looked at.
        """
        own = [samples[pid] for pid in roster.daemon if pid in samples]
        wanted = self._wanted(stat_topic("circus"), own)
        self._put_all(self._processes.encode(wanted, group="circus", moment=moment, names=roster.daemon))
        for watcher in roster.watchers.values():
            self._watcher(watcher, samples, moment)
        for topic, body in frames.socket_frames(roster.sockets, hits):
            self._send(topic, body)
        self._daemon(own, about, moment)
        self._processes.keep(samples.keys(), roster.watchers)
        self._sums.keep(roster.watchers)
        self._tables.keep(roster.watchers)

    def _watcher(self, watcher: Watcher, known: Mapping[int, Sample], moment: Moment) -> None:
        name = watcher.name
        samples = [known[pid] for pid in watcher.workers if pid in known]
        if frames.wants(self.subscriptions, table_topic(name)):
            self._put(table_topic(name), self._tables.encode(samples, watcher=watcher, moment=moment))
        topic = stat_topic(name)
        if not frames.wants(self.subscriptions, topic, below=True):
            return
        wanted = self._wanted(topic, samples)
        self._put_all(self._processes.encode(wanted, group=name, moment=moment, watcher=watcher))
        if frames.wants(self.subscriptions, topic):
            self._put(topic, self._sums.encode(samples, watcher=watcher, moment=moment))

    def _daemon(self, samples: list[Sample], about: About, moment: Moment) -> None:
        topic = stat_topic("circus")
        if not frames.wants(self.subscriptions, topic):
            return
        body = frames.sum_frame(samples, watcher=Watcher("circus"), memory=self._memory, moment=moment)
        body |= asdict(about) | {"memory": self._memory, "cpus": os.cpu_count(), "tables": True}
        self._send(topic, body)

    def _wanted(self, group: bytes, samples: list[Sample]) -> list[Sample]:
        """Those whose own topics somebody subscribes to."""
        if frames.wants(self.subscriptions, group + b"."):
            return samples
        return [
            sample for sample in samples if frames.wants(self.subscriptions, b"%b.%d" % (group, sample.pid))
        ]

    def _send(self, topic: bytes, body: Mapping[str, Any]) -> None:
        if frames.wants(self.subscriptions, topic):
            self._put(topic, encode(body))

    def _put(self, topic: bytes, body: bytes) -> None:
        self._put_all(((topic, body),))

    def _put_all(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        send = super(
            zmq.Socket, self.socket
        ).send  # without a wrapper that only draft sockets need: half the time
        for topic, body in messages:
            send(topic, _FIRST_PART)
            send(body, _NOBLOCK)
