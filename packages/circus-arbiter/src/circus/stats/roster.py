"""Who runs, by circusd's word: watchers and their workers, kept up to date by events. Pure.

Theory. A snapshot (what `list`, `status` and `describe` answer) is the truth; events change it until the next one. Both
may be applied twice, or late, without harm. Whatever an event does not tell, or a gap between events hides, asks for a
new snapshot.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, final

from circus.protocol.topics import topic_name

__all__ = ["HELPERS", "Need", "Roster", "Socket", "Watcher"]

HELPERS = frozenset({"circusd", "circusd-stats", "circushttpd"})
"""Watchers that are shown with the daemon, under ``circus``, as the reference does."""


class Need(Enum):
    """What an event leaves open."""

    NOTHING = "nothing"
    STATUS = "status"
    """The words that tell how the watchers are."""
    SNAPSHOT = "snapshot"


@final
@dataclass(slots=True)
class Watcher:
    """One watcher.

    Args:
        name: its real name.
        status: in a word: active, starting, stopping, stopped, backoff, failed.
        workers: pid -> worker id, which older daemons do not tell.
        restarts: exits that nobody asked for.
        worker_restarts: the same by worker id, where the daemon tells.
    """

    name: str
    status: str = "active"
    workers: dict[int, int | None] = field(default_factory=dict[int, "int | None"])
    restarts: int = 0
    worker_restarts: dict[int, int] = field(default_factory=dict[int, int])


@final
@dataclass(frozen=True, slots=True)
class Socket:
    """One listening socket of the daemon."""

    name: str
    fd: int
    address: str
    """``HOST:PORT``, or a path."""
    is_unix: bool
    port: int = 0


@final
class Roster:
    """The watchers, their workers, the daemon's own processes and sockets."""

    def __init__(self) -> None:
        self.watchers: dict[str, Watcher] = {}
        self.daemon: dict[int, str] = {}
        """Pid -> ``circusd`` or the name of a helper."""
        self.sockets: list[Socket] = []
        self.version = 0
        """Grows whenever somebody came or went."""
        self._by_topic: dict[str, str] = {}
        self._asked_to_end: set[int] = set()
        self._seq: int | None = None

    def replace(
        self, watchers: Mapping[str, Watcher], daemon: Mapping[int, str], sockets: list[Socket]
    ) -> None:
        """Take a snapshot. Restarts that were counted here go on counting where the snapshot does not know them."""
        for name, watcher in watchers.items():
            before = self.watchers.get(name)
            if before is not None:
                watcher.restarts = max(watcher.restarts, before.restarts)
        self.watchers = dict(watchers)
        self.daemon = dict(daemon)
        self.sockets = sockets
        self.version += 1
        self._by_topic = {topic_name(name): name for name in watchers}

    def restarted(self) -> None:
        """Another daemon answers from now on: its events count from anew."""
        self._seq = None
        for watcher in self.watchers.values():
            watcher.restarts = 0

    def alone(self) -> None:
        """Nobody tells who runs: there is this process at least."""
        self.daemon.setdefault(os.getpid(), "circusd-stats")
        self.version += 1

    def drop(self, pids: Iterable[int]) -> None:
        """Forget processes that are gone; the event that says so may come later, or never."""
        for pid in pids:
            self.version += 1
            self.daemon.pop(pid, None)
            for watcher in self.watchers.values():
                watcher.workers.pop(pid, None)

    def apply(self, topic: str, body: Mapping[str, Any]) -> Need:
        """Take an event."""
        need = Need.SNAPSHOT if self._has_gap(body) else Need.NOTHING
        head, _, rest = topic.partition(".")
        in_topic, dot, event = rest.rpartition(".")
        if head != "watcher" or not dot:
            return need
        name = body.get("watcher")
        if not isinstance(name, str):
            name = self._by_topic.get(in_topic, in_topic)
        watcher = self.watchers.get(name)
        if watcher is None:
            return Need.NOTHING if event in {"remove", "reap", "kill"} else Need.SNAPSHOT
        self.version += 1
        return max(need, self._change(watcher, event, body), key=list(Need).index)

    def _has_gap(self, body: Mapping[str, Any]) -> bool:
        seq = body.get("seq")
        if not isinstance(seq, int):
            return False
        before, self._seq = self._seq, seq
        return before is not None and seq != before + 1

    def _change(self, watcher: Watcher, event: str, body: Mapping[str, Any]) -> Need:
        pid, wid = body.get("process_pid"), body.get("wid")
        match event:
            case "spawn" if isinstance(pid, int):
                if watcher.name in HELPERS:
                    self.daemon[pid] = watcher.name
                else:
                    watcher.workers[pid] = wid if isinstance(wid, int) else None
                return Need.NOTHING if watcher.status == "active" else Need.STATUS
            case "kill" if isinstance(pid, int):
                self._asked_to_end.add(pid)
                return Need.NOTHING
            case "reap" if isinstance(pid, int):
                self._reaped(watcher, pid, body)
                return Need.NOTHING
            case "start" | "stop" | "backoff" | "failed" | "stuck" | "reload":
                return Need.STATUS
            case "remove":
                self.watchers.pop(watcher.name, None)
                return Need.NOTHING
            case "add":
                return Need.SNAPSHOT
            case _:
                return Need.NOTHING

    def _reaped(self, watcher: Watcher, pid: int, body: Mapping[str, Any]) -> None:
        watcher.workers.pop(pid, None)
        self.daemon.pop(pid, None)
        why, wid = body.get("why"), body.get("wid")
        asked = pid in self._asked_to_end
        self._asked_to_end.discard(pid)
        unasked = why in {"crash", "exit"} if isinstance(why, str) else not asked
        if unasked:
            watcher.restarts += 1
            if isinstance(wid, int):
                watcher.worker_restarts[wid] = watcher.worker_restarts.get(wid, 0) + 1
