"""The same figures as gauges for a statsd, over UDP: nothing waits for it, and nothing is told when it is not there."""

import re
import socket
from collections.abc import Iterable, Iterator
from typing import final

from circus.stats.metrics import Picture

__all__ = ["StatsdEmitter", "datagrams", "statsd_lines"]

_DATAGRAM = 1432
"""Bytes that fit one Ethernet frame."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


def _part(name: str) -> str:
    """A name as one part of a dotted name."""
    return _NOT_IN_NAMES.sub("_", name).strip("_") or "_"


def statsd_lines(picture: Picture, prefix: str) -> Iterator[str]:
    """One gauge a line: ``PREFIX.WATCHER.processes``, ``.cpu``, ``.mem``, ``.rss``, ``.restarts``, and sockets."""
    for watcher in picture.watchers:
        samples = [picture.samples[pid] for pid in watcher.workers if pid in picture.samples]
        name = f"{prefix}.{_part(watcher.name)}"
        rss = sum(sample.tree_rss for sample in samples)
        yield f"{name}.processes:{len(samples)}|g"
        yield f"{name}.cpu:{sum(sample.tree_cpu for sample in samples):.1f}|g"
        yield f"{name}.rss:{rss}|g"
        if picture.memory:
            yield f"{name}.mem:{rss / picture.memory * 100:.3f}|g"
        yield f"{name}.restarts:{watcher.restarts}|g"
    for listener in picture.sockets:
        hit = picture.hits.get(listener.name)
        if hit is not None:
            name = f"{prefix}.sockets.{_part(listener.name)}"
            yield f"{name}.reads:{hit.reads}|g"
            yield f"{name}.connections:{hit.connections}|g"
            yield f"{name}.queue:{hit.queue}|g"


def datagrams(lines: Iterable[str]) -> Iterator[bytes]:
    """As many lines a datagram as fit."""
    block = b""
    for line in lines:
        raw = line.encode("ascii", "replace")
        if block and len(block) + 1 + len(raw) > _DATAGRAM:
            yield block
            block = b""
        block = block + b"\n" + raw if block else raw
    if block:
        yield block


@final
class StatsdEmitter:
    """Sends gauges.

    Args:
        address: host and port; the host is looked up once, now.
        prefix: first part of all names.

    Raises:
        OSError: there is no such host.
    """

    def __init__(self, address: tuple[str, int], prefix: str) -> None:
        host, port = address
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._prefix = prefix
        self._where = where
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)

    def emit(self, picture: Picture) -> None:
        """Send all gauges; what cannot be sent at once is lost, as UDP is."""
        for block in datagrams(statsd_lines(picture, self._prefix)):
            try:
                self._socket.sendto(block, self._where)
            except OSError:
                return

    def close(self) -> None:
        self._socket.close()
