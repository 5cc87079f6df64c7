"""How busy the listening sockets are, out of the kernel's tables of connections. Pure, but for two small readers.

Theory. No counter of the kernel tells how many connections one listening socket has accepted (``TCP_INFO`` of a
listener stays zero, ``PassiveOpens`` counts the whole machine), and to be woken for each costs the watcher as much as
the watched. But the tables can be read once a tick, and a connection that is in one now and was not at the last tick
has arrived meanwhile: that is a *read*. What was closed since then is still seen, for a minute, by the side that
closed first (TIME_WAIT, whose timer tells when). So what is missed is only

- a TCP connection from another machine that came and was closed by its client within one tick,
- a connection that was reset within one tick, and
- a unix connection that came and went within one tick (those leave nothing behind).

`reads` is therefore a lower bound of the connections since the last tick, exact for what lives for a second, for what
the server closes first (HTTP without keep-alive), and for clients on this machine. `queue` is how many wait to be accepted
now, `connections` how many are open. Reading costs some 1.5 µs a connection of the machine, once a tick, and only
while circusd has sockets.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from circus.stats.roster import Socket

__all__ = ["Hits", "Meter", "parse_tcp", "parse_unix", "read_tables"]

_ESTABLISHED, _TIME_WAIT, _LISTEN, _SYN_RECV = b"01", b"06", b"0A", b"03"
_TIME_WAIT_SECONDS = 60.0
_TICKS = 100.0
"""The timers in these tables are in USER_HZ, which is 100 wherever Python runs on Linux."""
_LOOPBACK = re.compile(rb"^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$")


@final
@dataclass(frozen=True, slots=True)
class Hits:
    """One listening socket at one tick."""

    reads: int
    queue: int
    connections: int


@final
@dataclass(frozen=True, slots=True)
class Table:
    """The connections of some listeners at one moment.

    Args:
        alive: by listener, what identifies each connection.
        closed: by listener, connections that were closed, and seconds since then.
        queue: by listener, how many wait to be accepted.
    """

    alive: dict[str, set[bytes]]
    closed: dict[str, dict[bytes, float]]
    queue: dict[str, int]

    @classmethod
    def empty(cls, listeners: Iterable[str]) -> "Table":
        """A table without connections."""
        names = list(listeners)
        return cls({n: set() for n in names}, {n: {} for n in names}, dict.fromkeys(names, 0))


def parse_tcp(raw: bytes, ports: dict[int, str], table: Table) -> None:
    """Enter the lines of ``/proc/net/tcp`` or ``tcp6`` that concern these ports (port -> listener) into the table."""
    if not ports:
        return
    by_hex = {b"%04X" % port: name for port, name in ports.items()}
    for line in re.findall(rb"^.*:(?:" + b"|".join(by_hex) + rb") .*$", raw, re.MULTILINE):
        field = line.split(None, 6)
        if len(field) < 7 or b":" not in field[1]:
            continue
        local, remote, state = field[1], field[2], field[3]
        host, _, port = remote.rpartition(b":")
        name = by_hex.get(local.rpartition(b":")[2])
        if name is not None:
            if state == _LISTEN:
                table.queue[name] += int(field[4].rpartition(b":")[2], 16)
            elif state == _TIME_WAIT:
                table.closed[name][remote] = _since_closed(field[5])
            elif state != _SYN_RECV:
                table.alive[name].add(remote)
            continue
        # The client's end, on this machine, of a connection that it closed first.
        name = by_hex.get(port)
        if name is not None and state == _TIME_WAIT and _LOOPBACK.match(host):
            table.closed[name][local] = _since_closed(field[5])


def _since_closed(timer: bytes) -> float:
    return max(0.0, _TIME_WAIT_SECONDS - int(timer.partition(b":")[2], 16) / _TICKS)


def parse_unix(raw: bytes, paths: dict[str, str], table: Table) -> None:
    """Enter the lines of ``/proc/net/unix`` with these paths (path -> listener) into the table."""
    if not paths:
        return
    for line in raw.splitlines():
        field = line.split(None, 7)
        if len(field) < 8:
            continue
        name = paths.get(field[7].decode("utf-8", "surrogateescape"))
        if name is None:
            continue
        accepts, state, inode = int(field[3], 16) & 0x10000, field[5], field[6]
        if not accepts and state in {b"02", b"03"}:
            table.alive[name].add(inode)


@final
class Meter:
    """Remembers the last tick."""

    def __init__(self) -> None:
        self._seen: dict[str, set[bytes]] = {}
        self._at: float | None = None

    def count(self, table: Table, *, now: float) -> dict[str, Hits]:
        """What has arrived since the last tick, by listener; nothing at a listener's first tick.

        Args:
            table: the connections now.
            now: monotonic seconds.
        """
        elapsed = 0.0 if self._at is None else now - self._at
        self._at = now
        result: dict[str, Hits] = {}
        for name, alive in table.alive.items():
            before = self._seen.get(name)
            reads = 0
            if before is not None:
                closed = {who for who, since in table.closed[name].items() if since < elapsed}
                reads = len((alive | closed) - before)
            result[name] = Hits(reads, table.queue[name], len(alive))
        self._seen = table.alive
        return result


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # no such protocol in this kernel, or hidden from us
        return b""


def read_tables(sockets: Iterable[Socket]) -> Table:
    """Read what concerns these sockets; empty where there is no procfs."""
    sockets = list(sockets)
    table = Table.empty(socket.name for socket in sockets)
    if sys.platform != "linux":
        return table
    ports = {socket.port: socket.name for socket in sockets if not socket.is_unix and socket.port}
    paths = {socket.address: socket.name for socket in sockets if socket.is_unix}
    if ports:
        parse_tcp(_read("/proc/net/tcp"), ports, table)
        parse_tcp(_read("/proc/net/tcp6"), ports, table)
    if paths:
        parse_unix(_read("/proc/net/unix"), paths, table)
    return table
