"""Ask the kernel who is at the other end of a connection.

Theory: over ipc the kernel says it by SO_PEERCRED (unix(7)). For TCP the other end of a connection is, if it is on this
machine, a socket in the kernel's table, and its entry names its owner: one exact question over netlink (sock_diag(7)),
whatever the number of connections; where that is not to be had, a look through /proc/net/tcp (proc_net_tcp(5)).

Systems without either are asked which of the processes that we can see holds the other end; those of our own user at least.

Trap: a socket whose process has closed it stays in the table for a while, as nobody's, and then its owner reads as
root. It is told from root's own sockets by having no inode, and counts as unknown. Only exact entries count: asked for a
connection that is gone, the kernel answers with a socket that listens on its port.
"""

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple

from circus.arbiter.peers import NOBODY_KNOWN, Peer

__all__ = ["Connection", "identify", "owner_by_netlink", "owner_by_processes", "owner_by_table", "owner_of"]

_UCRED = struct.Struct("3i")
_TABLES: Final = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBxI")
_ID = struct.Struct("=2s2s16s16sI8s")
_ANSWER_HEAD = struct.Struct("=BBBB")
_ANSWER_TAIL = struct.Struct("=IIIII")
_NO_COOKIE: Final = b"\xff" * 8
_ANY_STATE: Final = 0xFFFFFFFF


class Connection(NamedTuple):
    """A TCP connection as one of its ends sees it; addresses without a scope."""

    family: int
    here: tuple[str, int]
    there: tuple[str, int]


def identify(fd: int) -> Peer:
    """Who is at the other end of a descriptor. Unknown rather than wrong where the kernel does not say."""
    try:
        mine = os.dup(fd)
    except OSError:
        return NOBODY_KNOWN
    try:
        connection = socket.socket(fileno=mine)
    except OSError:
        os.close(mine)
        return NOBODY_KNOWN
    with connection:
        try:
            if connection.family == socket.AF_UNIX:
                raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
                pid, uid, _gid = _UCRED.unpack(raw)
                return Peer(uid=uid, pid=pid)
            theirs, ours = connection.getpeername(), connection.getsockname()
        except (OSError, AttributeError):
            return NOBODY_KNOWN
    family = int(connection.family)
    there = Connection(family, _plain(theirs), _plain(ours))
    return Peer(uid=owner_of(there), address=there.here[0])


def _plain(address: tuple[str, int]) -> tuple[str, int]:
    return address[0].split("%", 1)[0], address[1]


def owner_of(connection: Connection) -> int | None:
    """The uid of the process that holds the near end of a connection; None if there is none, or nobody says."""
    if sys.platform != "linux":
        return owner_by_processes(connection)
    uid = owner_by_netlink(connection)
    return uid if uid is not None else owner_by_table(connection)


def owner_by_netlink(connection: Connection) -> int | None:
    """Ask for one connection. Costs the same with any number of them."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    ports = struct.pack(">H", connection.here[1]), struct.pack(">H", connection.there[1])
    addresses = (
        _padded(connection.family, connection.here[0]),
        _padded(connection.family, connection.there[0]),
    )
    wanted = (*ports, *addresses)
    body = _QUESTION.pack(connection.family, socket.IPPROTO_TCP, 0, _ANY_STATE) + _ID.pack(
        *wanted, 0, _NO_COOKIE
    )
    head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
            netlink.sendto(head + body, (0, 0))
            # The kernel has put its answer in place by now.
            answer = netlink.recv(8192, socket.MSG_DONTWAIT)
    except OSError:
        return None
    return _read_answer(answer, wanted)


def _read_answer(answer: bytes, wanted: tuple[bytes, bytes, bytes, bytes]) -> int | None:
    if len(answer) < _HEADER.size + _ANSWER_HEAD.size + _ID.size + _ANSWER_TAIL.size:
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    at = _HEADER.size + _ANSWER_HEAD.size
    found = _ID.unpack_from(answer, at)
    _expires, _received, _waiting, uid, inode = _ANSWER_TAIL.unpack_from(answer, at + _ID.size)
    return int(uid) if inode and found[:4] == wanted else None


def _padded(family: int, address: str) -> bytes:
    return socket.inet_pton(family, address).ljust(16, b"\0")


def owner_by_table(connection: Connection) -> int | None:
    """Look through the table of all connections."""
    first = _look_through(connection)
    if first is None or first[0]:
        return None if first is None else first[0]
    # Owner and inode of an entry are not read at one moment: what root holds is still there at a second look.
    return first[0] if _look_through(connection) == first else None


def _look_through(connection: Connection) -> tuple[int, int] | None:
    table = _TABLES.get(socket.AddressFamily(connection.family))
    if table is None:
        return None
    here, there = (_hex(connection.family, end) for end in (connection.here, connection.there))
    wanted = f" {here} {there} ".encode()
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return None
    for line in lines:
        if wanted in line:
            words = line.split()
            uid, inode = int(words[7]), int(words[9])
            return (uid, inode) if inode else None
    return None


def _hex(family: int, address: tuple[str, int]) -> str:
    """An address as the kernel's table writes it: 32-bit words in the machine's byte order."""
    packed = socket.inet_pton(family, address[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"


def owner_by_processes(connection: Connection) -> int | None:
    """Look through the connections of all processes that let us; without being root, those of our own user."""
    import psutil  # noqa: PLC0415 - 15 ms that Linux never pays here

    for process in psutil.process_iter():
        try:
            # Renamed in psutil 6.
            held = getattr(
                process, "net_connections" if hasattr(process, "net_connections") else "connections"
            )
            ends = [(tuple(one.laddr), tuple(one.raddr)) for one in held(kind="tcp")]
            if (connection.here, connection.there) in ends:
                return int(process.uids().effective)
        except (psutil.Error, OSError):
            continue
    return None
