"""Who is at the other end of a connection, and what that peer may ask for.

Theory: the kernel knows. For ipc it says so by SO_PEERCRED (unix(7)); for TCP over loopback the other end of the connection is
a socket on this machine, and its entry in the kernel's socket table names its owner. A peer from elsewhere has no uid here.
The decision is a pure function of that answer, of our own uid and of the options.

Rules: circusd's own user and root may do everything, and so may `endpoint_owner`; other local users may look; a peer from
another machine may do what `allow_remote` says; with ``auth = legacy`` everybody who can connect may do everything.
"""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import final

from circus.arbiter.control import Incoming
from circus.arbiter.errors import ForbiddenError
from circus.protocol.codec import Call, Malformed
from circus.protocol.options import ArbiterOptions

__all__ = ["Gate", "Peer", "identify", "may_command"]

_UCRED = struct.Struct("3i")
_TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
_LOOPBACK = ("127.", "::1", "::ffff:127.")


@final
@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection.

    Args:
        uid: its user id; None if it is not a process of this machine or cannot be told.
        pid: its process id, where the kernel says (ipc).
        address: its network address; empty for ipc.
    """

    uid: int | None = None
    pid: int | None = None
    address: str = ""

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return not self.address or self.address.startswith(_LOOPBACK)

    def __str__(self) -> str:
        if self.uid is None:
            return f"a peer at {self.address}" if self.address else "an unknown peer"
        try:
            name = pwd.getpwuid(self.uid).pw_name
        except KeyError:
            name = f"uid {self.uid}"
        return (
            f"{name} (pid {self.pid})" if self.pid else f"{name} at {self.address}" if self.address else name
        )


def identify(fd: int) -> Peer:
    """Ask the kernel who is at the other end of a connection. Unknown rather than wrong where it does not say."""
    try:
        connection = socket.socket(fileno=os.dup(fd))
    except OSError:
        return Peer()
    with connection:
        try:
            if connection.family == socket.AF_UNIX:
                pid, uid, _gid = _UCRED.unpack(
                    connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
                )
                return Peer(uid=uid, pid=pid)
            theirs, ours = connection.getpeername(), connection.getsockname()
        except OSError:
            return Peer()
        address = str(theirs[0])
        return Peer(uid=_owner(connection.family, theirs, ours), address=address)


def _owner(family: int, theirs: tuple[str, int], ours: tuple[str, int]) -> int | None:
    """The uid of the socket whose local end is `theirs` and whose remote end is `ours` (proc_net_tcp(5))."""
    table = _TABLES.get(socket.AddressFamily(family))
    if table is None:
        return None
    wanted = f"{_hex(family, theirs)} {_hex(family, ours)}".encode()
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return None
    for line in lines:
        if wanted in line:
            return int(line.split()[7])
    return None


def _hex(family: int, address: tuple[str, int]) -> str:
    """An address as the kernel's table writes it: 32-bit words in the machine's byte order."""
    packed = socket.inet_pton(family, address[0].split("%", 1)[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"


def may_command(peer: Peer, *, our_uid: int, owner_uid: int | None, legacy: bool, allow_remote: bool) -> bool:
    """Whether a peer may change things. Pure."""
    if legacy:
        return True
    if peer.uid is None:
        return allow_remote and not peer.local
    return peer.uid in {0, our_uid} or (owner_uid is not None and peer.uid == owner_uid)


_LOOKING = Peer()


@final
class Gate:
    """Decides for each request.

    Nothing is remembered: descriptors and routing ids are used again, the latter as the client likes.
    """

    def __init__(self, options: ArbiterOptions) -> None:
        self._legacy = options.auth == "legacy"
        self._allow_remote = options.allow_remote
        self._owner = _uid_of(options.endpoint_owner)

    def permit(self, incoming: Incoming, call: Call) -> Peer:
        """Let a request pass.

        Raises:
            ForbiddenError: this peer may not ask for that; the text says who it is taken for and what helps.
        """
        assert not isinstance(call.request, Malformed)
        if call.request.reads_only:
            return _LOOKING
        peer = identify(incoming.fd)
        if may_command(
            peer,
            our_uid=os.getuid(),
            owner_uid=self._owner,
            legacy=self._legacy,
            allow_remote=self._allow_remote,
        ):
            return peer
        raise ForbiddenError(
            f"{peer} may look, but not {call.command}: only circusd's own user, root and endpoint_owner may"
        )


def _uid_of(name: str | None) -> int | None:
    if name is None:
        return None
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ForbiddenError(f"endpoint_owner: there is no user {name!r} on this machine") from None
