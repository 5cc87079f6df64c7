"""A plugin that kills workers which send no heartbeat.

Theory: every worker of the watchers that match has to send a datagram now and then; its text names its pid. Who has
been silent for ``loop_rate * max_count`` seconds is told to circusd to be killed, which replaces it. Plugins and other
helpers of the daemon send none, and are left alone.
"""

import asyncio
import logging
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from circus.plugins.base import CircusPlugin
from circus.plugins.events import WatcherEvent, is_helper
from circus.plugins.periodic import PeriodicCallback
from circus.util import to_signum

__all__ = ["Heartbeats", "WatchDog"]

log = logging.getLogger("circus")


@final
@dataclass(slots=True)
class _Monitored:
    watcher: str
    heard_at: float


@final
class Heartbeats:
    """Who was heard, and when. Time is an argument, monotonic, in seconds."""

    def __init__(self) -> None:
        self._by_pid: dict[int, _Monitored] = {}

    def __contains__(self, pid: int) -> bool:
        return pid in self._by_pid

    def watch(self, pid: int, *, watcher: str, now: float) -> bool:
        """Expect heartbeats of a worker from now on; False if they were expected before."""
        if pid in self._by_pid:
            return False
        self._by_pid[pid] = _Monitored(watcher, now)
        return True

    def heard(self, pid: int, *, now: float) -> bool:
        """A heartbeat came; False if none was expected from there."""
        one = self._by_pid.get(pid)
        if one is None:
            return False
        one.heard_at = now
        return True

    def forget(self, pid: int) -> None:
        """Expect nothing any more; harmless if nothing was expected."""
        self._by_pid.pop(pid, None)

    def take_silent(self, *, longer_than: float, now: float) -> list[tuple[int, str]]:
        """Pids and watchers of those that have been silent for longer; they are forgotten."""
        silent = [(pid, one.watcher) for pid, one in self._by_pid.items() if now - one.heard_at > longer_than]
        for pid, _ in silent:
            del self._by_pid[pid]
        return silent


class WatchDog(CircusPlugin):
    """Kills workers that send no heartbeat.

    Options:
        loop_rate: seconds between two looks (60).
        max_count: looks without a heartbeat before a worker is killed (3).
        watchers_regex: watchers whose workers are expected to send heartbeats, in any case (``.*``).
        msg_regex: how a heartbeat is read; has a group ``pid`` (``^(?P<pid>.*);(?P<timestamp>.*)$``).
        ip, port: where heartbeats are received, over UDP (127.0.0.1 and 1664).
        watchers_stop_signal, watchers_graceful_timeout: in place of the watcher's own.
    """

    name = "watchdog"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.loop_rate = float(config.get("loop_rate", 60))
        self.max_count = int(config.get("max_count", 3))
        # Some replies have names in lower case, events have the real ones.
        self.watchers_regex = re.compile(config.get("watchers_regex", ".*"), re.IGNORECASE)
        self.msg_regex = re.compile(config.get("msg_regex", "^(?P<pid>.*);(?P<timestamp>.*)$"))
        if "pid" not in self.msg_regex.groupindex:
            raise ValueError("msg_regex must have a group named pid: (?P<pid>...)")
        self.watchdog_ip = str(config.get("ip", "127.0.0.1"))
        self.watchdog_port = int(config.get("port", 1664))
        self.how: dict[str, Any] = {}
        if signum := config.get("watchers_stop_signal"):
            self.how["signum"] = to_signum(signum)
        if grace := config.get("watchers_graceful_timeout"):
            self.how["graceful_timeout"] = float(grace)
        self.heartbeats = Heartbeats()
        self.period = PeriodicCallback(self.look_after, self.loop_rate * 1000)
        self.sock: socket.socket | None = None

    def handle_init(self) -> Any:
        """Listen for heartbeats, then see who is there.

        Raises:
            OSError: the address cannot be bound. Without it everybody would be silent.
        """
        family = socket.AF_INET6 if ":" in self.watchdog_ip else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        try:
            self.sock.bind((self.watchdog_ip, self.watchdog_port))
        except OSError as error:
            self.sock.close()
            where = f"{self.watchdog_ip}:{self.watchdog_port}"
            raise OSError(
                error.errno, f"cannot listen for heartbeats at {where}: {error.strerror}"
            ) from error
        asyncio.get_running_loop().add_reader(self.sock, self.receive_udp_socket)
        log.info("listening for heartbeats at %s:%s", *self.sock.getsockname()[:2])
        self.loop.add_callback(self.discover)  # after the subscription, so that nobody is missed
        self.period.start()

    def handle_stop(self) -> None:
        """Listen no more."""
        self.period.stop()
        if self.sock is not None:
            self.loop.remove_handler(self.sock)
            self.sock.close()

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Follow the workers that come and go."""
        event = WatcherEvent.read(data)
        if event.pid is None or not self.is_watched(event.watcher):
            return
        if event.name == "spawn":
            self._watch(event.pid, event.watcher)
        elif event.name == "reap":
            self.heartbeats.forget(event.pid)

    def discover(self) -> None:
        """Expect heartbeats of the workers that run already."""
        for watcher in filter(self.is_watched, self.call("list")["watchers"]):
            for pid in self.call("list", name=watcher).get("pids", ()):
                self._watch(pid, watcher)

    def is_watched(self, watcher: str) -> bool:
        """Whether the workers of a watcher have to send heartbeats."""
        return not is_helper(watcher) and self.watchers_regex.match(watcher) is not None

    def receive_udp_socket(self) -> None:
        """Take in the heartbeats that have come."""
        assert self.sock is not None
        while True:
            try:
                data, _ = self.sock.recvfrom(1024)
            except BlockingIOError:
                return
            match = self.msg_regex.match(data.decode("utf-8", "replace"))
            pid = "" if match is None else match["pid"].strip()
            if not pid.isdecimal() or not self.heartbeats.heard(int(pid), now=time.monotonic()):
                log.warning("a heartbeat from nobody that we know: %r", data[:100])

    def look_after(self) -> None:
        """Have those killed that have been silent for too long."""
        limit = self.loop_rate * self.max_count
        for pid, watcher in self.heartbeats.take_silent(longer_than=limit, now=time.monotonic()):
            log.info("%s: worker %d is silent: killing it", watcher, pid)
            self.cast("kill", name=watcher, pid=pid, **self.how)

    def _watch(self, pid: int, watcher: str) -> None:
        if self.heartbeats.watch(pid, watcher=watcher, now=time.monotonic()):
            log.info("%s: expecting heartbeats of %d", watcher, pid)
