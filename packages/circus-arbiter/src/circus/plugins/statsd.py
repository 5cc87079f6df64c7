"""Plugins that tell a statsd server: `StatsdEmitter` of each event, `FullStats` of what workers use."""

import logging
import random
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from circus.plugins.base import CircusPlugin
from circus.plugins.events import WatcherEvent, is_helper
from circus.plugins.periodic import PeriodicCallback
from circus.util import human2bytes

__all__ = ["BaseObserver", "FullStats", "StatsdClient", "StatsdEmitter", "bucket_name", "gauges", "numbers"]

log = logging.getLogger("circus")

_NOT_IN_BUCKETS = re.compile(r"[:|@\s]")


def bucket_name(name: str) -> str:
    """A name as part of a bucket: what has a meaning in statsd's lines becomes an underscore."""
    return _NOT_IN_BUCKETS.sub("_", name)


class StatsdClient:
    """Sends metrics to statsd over UDP. What cannot be sent is lost, as with any UDP; it never raises for that.

    Args:
        host: of the server; looked up at the first metric.
        port: of the server.
        prefix: in front of all buckets.
        sample_rate: the part of counts and times that is sent, from 0 to 1; the server multiplies.
        chance: numbers in [0, 1) that decide which.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        prefix: str | None = None,
        sample_rate: float = 1.0,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.host = host or "localhost"
        self.port = port or 8125
        self.prefix = prefix
        self.sample_rate = sample_rate
        self.socket: socket.socket | None = None
        self._chance = chance
        self._address: Any = None
        self._stopped = False

    def send(self, bucket: str, value: str, sample_rate: float | None = None) -> None:
        """Send one metric, or, by the sample rate, leave it."""
        rate = self.sample_rate if sample_rate is None else sample_rate
        if rate < 1:
            if self._chance() >= rate:
                return
            value = f"{value}|@{rate:g}"
        name = bucket_name(bucket if not self.prefix else f"{self.prefix}.{bucket}")
        self._send(f"{name}:{value}".encode())

    def increment(self, bucket: str, delta: int = 1) -> None:
        """Count."""
        self.send(bucket, f"{delta:d}|c")

    def decrement(self, bucket: str, delta: int = 1) -> None:
        """Count down."""
        self.increment(bucket, -abs(delta))

    def gauge(self, bucket: str, value: float | str) -> None:
        """Say how much there is."""
        self.send(bucket, f"{value}|g", 1.0)  # a part of the gauges would just be gauges missing

    def timed(self, bucket: str, value: float) -> None:
        """Say how long something took, in milliseconds."""
        self.send(bucket, f"{value}|ms")

    def stop(self) -> None:
        """Close; idempotent. What is sent afterwards is lost."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self._stopped = None, True

    def _send(self, line: bytes) -> None:
        if self._stopped:
            return
        try:
            if self.socket is None:
                found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
                family, kind, protocol, _, self._address = found[0]
                self.socket = socket.socket(family, kind, protocol)
            self.socket.sendto(line, self._address)
        except OSError as error:
            log.debug("statsd at %s:%s: %s", self.host, self.port, error)


class StatsdEmitter(CircusPlugin):
    """Counts each event in statsd, as ``circus.<application_name>.watcher.<watcher>.<event>``.

    Options: ``application_name`` (app), ``host`` (localhost), ``port`` (8125), ``sample_rate`` (1.0).
    """

    name = "statsd"
    default_app_name = "app"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.app = config.get("application_name", self.default_app_name)
        self.prefix = f"circus.{self.app}.watcher"
        self.statsd = StatsdClient(
            host=config.get("host", "localhost"),
            port=int(config.get("port", 8125)),
            prefix=self.prefix,
            sample_rate=float(config.get("sample_rate", 1.0)),
        )

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Count the event."""
        event = WatcherEvent.read(data)
        self.statsd.increment(f"{event.watcher}.{event.name}")

    def stop(self) -> None:
        """Stop, and close the connection to statsd."""
        super().stop()
        self.statsd.stop()


class BaseObserver(StatsdEmitter):
    """Base class of plugins that look at something each ``loop_rate`` seconds (60) and tell statsd of it."""

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.loop_rate = float(config.get("loop_rate", 60))
        self.period: PeriodicCallback | None = None

    def handle_init(self) -> Any:
        """Begin to look."""
        self.period = PeriodicCallback(self.look_after, self.loop_rate * 1000)
        self.period.start()

    def handle_stop(self) -> None:
        """Look no more."""
        if self.period is not None:
            self.period.stop()

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Events do not matter."""

    def look_after(self) -> Any:
        """To override: look, and tell. May be a coroutine function."""
        raise NotImplementedError


class FullStats(BaseObserver):
    """Tells statsd what the workers of each watcher use: see `gauges`. Options: those of `BaseObserver`."""

    name = "full_stats"

    def look_after(self) -> Any:
        """Ask circusd and tell statsd."""
        reply = self.call("stats")
        if reply["status"] == "error":
            self.statsd.increment("_stats.error")
            return
        for watcher, stats in reply["infos"].items():
            if not is_helper(watcher):
                for bucket, value in gauges(stats):
                    self.statsd.gauge(f"_stats.{watcher}.{bucket}", value)


def gauges(stats: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """What is told of a watcher: how many workers it has, and the largest and the sum of what they use.

    Args:
        stats: facts by pid; a text stands for a worker that is gone. ``spawn_count``, if it is there, is told, too.
    """
    if "spawn_count" in stats:
        yield "spawn_count", stats["spawn_count"]
    workers = [cast("dict[str, Any]", facts) for facts in stats.values() if isinstance(facts, dict)]
    yield "watchers_num", len(workers)
    figures = {
        "cpu": numbers(facts.get("cpu") for facts in workers),
        "mem_pct": numbers(facts.get("mem") for facts in workers),
        "mem": numbers(memory(facts) for facts in workers),
    }
    for key, values in figures.items():
        if values:
            yield f"{key}_max", max(values)
            yield f"{key}_sum", sum(values)


def numbers(values: Iterator[Any]) -> list[float]:
    """Those that are numbers: what may not be read is a text."""
    return [value for value in values if isinstance(value, (int, float))]


def memory(facts: Mapping[str, Any]) -> int | None:
    """Resident memory in bytes, as precise as it is shown; None where it could not be read."""
    try:
        return human2bytes(str(facts["mem_info1"]))
    except (KeyError, ValueError):
        return None
