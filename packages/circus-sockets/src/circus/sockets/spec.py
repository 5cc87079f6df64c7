"""What socket is wanted, fully decided, and the errors of getting it. Pure.

Illegal states: no name; a unix socket without a path, or with an interface; a path that does not fit into a
socket address; a port out of range; one socket a worker (`reuse_port`) for a unix path, or for datagrams on
a port that the system chooses (nothing could reserve that port between workers).
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any, Self, final

__all__ = ["Address", "BindError", "Holder", "SocketSpec", "Stage"]

Address = tuple[str, int] | tuple[str, int, int, int] | str
"""What `socket.socket.bind` is given: (host, port), (host, port, flow, scope), or a path."""

_LONGEST_PATH = 107
"""Bytes that ``struct sockaddr_un`` holds beside its final NUL (Linux; others have 103)."""

_LISTENS = frozenset({int(socket.SOCK_STREAM), int(socket.SOCK_SEQPACKET)})


class Stage(Enum):
    """The steps from a spec to a listening socket; the value reads on in "cannot <value> socket 'web' ..."."""

    RESOLVE = "resolve the address of"
    CREATE = "create"
    CONFIGURE = "set options of"
    REPLACE = "replace the file of"
    BIND = "bind"
    LISTEN = "listen on"
    ADOPT = "adopt"


@final
@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an address.

    Args:
        pid: its process id.
        command: the name of its program, as the kernel shows it.
    """

    pid: int
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})"


@final
class BindError(OSError):
    """A socket could not be had; nothing of it is left behind.

    Args:
        stage: the step that failed.
        name: the socket's name.
        location: where it was to be: ``127.0.0.1:8080`` or a path.
        cause: what went wrong, and where there is one, the way out.
        errno: the error number beneath, if any.
        holder: who holds the address, if the system tells.
    """

    def __init__(
        self,
        stage: Stage,
        name: str,
        location: str,
        *,
        cause: str,
        errno: int | None = None,
        holder: Holder | None = None,
    ) -> None:
        super().__init__(errno, cause)
        self.stage = stage
        self.name = name
        self.location = location
        self.cause = cause
        self.holder = holder

    def __str__(self) -> str:
        where = "to" if self.stage is Stage.BIND else "at"
        return f"cannot {self.stage.value} socket {self.name!r} {where} {self.location}: {self.cause}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSpec:
    """One socket.

    Args:
        name: how it is called, in any case; ``$(circus.sockets.NAME)`` finds it whatever its case.
        host: address or name to bind to. Not for unix sockets.
        port: port to bind to; 0 lets the system choose. Not for unix sockets.
        path: path of a unix socket. It makes the family AF_UNIX.
        family: AF_INET, AF_INET6 or AF_UNIX.
        type: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, ...
        proto: protocol number.
        interface: network interface to bind to (Linux ``SO_BINDTODEVICE``).
        umask: file mode creation mask while the path is made; None keeps that of the process.
        replace: remove a left-over socket file at path first. Never a live socket, never another kind of file.
        reuse_port: every worker binds a socket of its own with SO_REUSEPORT.
        blocking: leave the socket in blocking mode.
        backlog: length of the queue of connections not yet accepted.
    """

    name: str
    host: str = "localhost"
    port: int = 8080
    path: str | None = None
    family: int = int(socket.AF_INET)
    type: int = int(socket.SOCK_STREAM)
    proto: int = 0
    interface: str | None = None
    umask: int | None = None
    replace: bool = False
    reuse_port: bool = False
    blocking: bool = False
    backlog: int = 2048

    def __post_init__(self) -> None:
        if self.path is not None:
            object.__setattr__(self, "family", int(socket.AF_UNIX))
        problem = self._problem()
        if problem:
            raise ValueError(f"socket {self.name!r}: {problem}")

    def _problem(self) -> str | None:
        if not self.name:
            return "a socket needs a name"
        if not 0 <= self.port <= 65535:
            return f"port {self.port} is not between 0 and 65535"
        if self.backlog < 0:
            return f"backlog {self.backlog} is below 0"
        if self.umask is not None and not 0 <= self.umask <= 0o777:
            return f"umask {self.umask:#o} is not between 0 and 0o777"
        if self.is_unix:
            return self._unix_problem()
        if self.reuse_port and not self.listens and self.port == 0:
            return "so_reuseport for datagrams needs a port that is not 0"
        return None

    def _unix_problem(self) -> str | None:
        if not self.path:
            return "an AF_UNIX socket needs a path"
        size = len(os.fsencode(self.path))
        if size > _LONGEST_PATH:
            return f"path is {size} bytes long, the system takes {_LONGEST_PATH}: {self.path}"
        if "\0" in self.path:
            return "path contains a NUL byte"
        if self.interface is not None:
            return "a unix socket has no interface"
        if self.reuse_port:
            return "so_reuseport is for internet sockets, not for a path"
        return None

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket."""
        return self.family == int(socket.AF_UNIX)

    @property
    def listens(self) -> bool:
        """Whether sockets of this type listen and accept connections."""
        return self.type in _LISTENS

    @property
    def key(self) -> str:
        """The name as it is looked up: in lower case."""
        return self.name.lower()

    @property
    def location(self) -> str:
        """Where it is to be: ``host:port``, ``[host]:port`` or the path."""
        if self.path is not None:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def as_dict(self) -> dict[str, Any]:
        """All fields, as JSON takes them; `from_dict` gives the spec back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The spec that `as_dict` described.

        Raises:
            ValueError: an unknown field, or an illegal state.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a socket has no {', '.join(sorted(unknown))}")
        return cls(**values)
