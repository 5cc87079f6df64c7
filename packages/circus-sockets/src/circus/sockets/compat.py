"""`CircusSocket` and `CircusSockets` with the signatures of old programs: thin adapters over spec and bind."""

import socket
from collections.abc import Iterable, Mapping
from typing import Any, Self

from circus.sockets.bind import BoundSocket, bind_in_place, configure, listen, resolve
from circus.sockets.spec import SocketSpec

__all__ = ["CONFIGURED_UMASK", "CircusSocket", "CircusSockets", "protocol_number"]

CONFIGURED_UMASK = 0o010
"""The mask of a unix socket that is configured without one: as with a port of loopback, who is local may connect.

It is what configurations written for old versions got; a web server of another user depends on it.
"""

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0", "none", ""})


def _bool(value: object) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{value!r} is not a boolean; write true or false")
    return word in _TRUE


def _constant(value: object, prefix: str) -> int:
    if isinstance(value, int):
        return int(value)
    word = str(value).strip().upper()
    number = getattr(socket, word, None)
    if not word.startswith(prefix) or not isinstance(number, int):
        raise ValueError(f"{value!r} is not known here; write a name that starts with {prefix}")
    return int(number)


def _octal(value: object) -> int:
    return int(value) if isinstance(value, int) else int(str(value).strip(), 8)


def protocol_number(value: object) -> int:
    """The number of a protocol: ``"tcp"``, ``"6"`` and 6 are all 6.

    Raises:
        ValueError: the system knows no such protocol.
    """
    if isinstance(value, int):
        return value
    word = str(value).strip()
    if word.isdecimal():
        return int(word)
    try:
        return socket.getprotobyname(word.lower())
    except OSError:
        raise ValueError(f"{value!r} is not a protocol; write a name such as tcp, or its number") from None


class CircusSocket(socket.socket):
    """A socket that knows its name and place. It binds and listens only when asked to.

    The arguments are those of `SocketSpec` (`so_reuseport` is its `reuse_port`), in the order of old programs.
    The descriptor is inheritable.

    Raises:
        ValueError: the arguments contradict one another.
        BindError: the host cannot be resolved, or an option cannot be set. It is an OSError.
    """

    def __init__(
        self,
        name: str = "",
        host: str = "localhost",
        port: int = 8080,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 - an old keyword
        proto: int = 0,
        backlog: int = 2048,
        path: str | None = None,
        umask: int | None = None,
        replace: bool = False,
        interface: str | None = None,
        so_reuseport: bool = False,
        blocking: bool = False,
    ) -> None:
        self.spec = SocketSpec(
            name=name or "unnamed",
            host=host,
            port=int(port),
            path=path,
            family=int(family),
            type=int(type),
            proto=proto,
            interface=interface,
            umask=umask,
            replace=replace,
            reuse_port=so_reuseport,
            blocking=blocking,
            backlog=backlog,
        )
        self._address = resolve(self.spec)
        super().__init__(self.spec.family, self.spec.type, proto)
        try:
            configure(self, self.spec)
        except BaseException:
            super().close()
            raise
        self.set_inheritable(True)
        self.name, self.path, self.umask, self.replace = name, path, umask, replace
        self.socktype, self.interface, self.backlog = self.spec.type, interface, backlog
        self.so_reuseport, self.blocking, self.is_unix = so_reuseport, blocking, self.spec.is_unix
        self.host: str | None = None
        self.port: int | None = None
        if not isinstance(self._address, str):
            self.host, self.port = self._address[:2]
        self._owner: BoundSocket | None = None

    @property
    def location(self) -> str:
        """``host:port``, or the path in quotes."""
        return repr(self.path) if self.is_unix else f"{self.host}:{self.port}"

    @property
    def use_reuseport(self) -> bool:
        """Whether each worker binds a socket of its own."""
        return self.so_reuseport

    def __str__(self) -> str:
        return f"socket {self.name!r} at {self.location}"

    def bind_and_listen(self) -> None:
        """Bind, and listen where the type does.

        Raises:
            BindError: who holds the address is named if the system tells. It is an OSError.
        """
        bind_in_place(self, self.spec, self._address)
        self._owner = BoundSocket(self.spec, self)
        listen(self, self.spec)
        if not self.is_unix:
            self.host, self.port = self.getsockname()[:2]

    @property
    def bound(self) -> BoundSocket | None:
        """What owns the descriptor since `bind_and_listen`, to be handed over; None before."""
        return self._owner

    def close(self) -> None:
        """Close, and remove the file of a unix socket if it is the one that we made."""
        owner, self._owner = self._owner, None
        if owner is not None and not owner.closed:
            owner.close()  # comes back here without an owner
        else:
            super().close()

    @classmethod
    def load_from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make one from a section of a configuration, whose values may be text.

        Raises:
            KeyError: it has no name.
            ValueError: a value makes no sense.
        """
        get = config.get
        path = get("path")
        made = cls(
            name=config["name"],
            host=get("host", "localhost"),
            port=int(get("port", 8080)),
            family=_constant(get("family", "AF_INET"), "AF_"),
            type=_constant(get("type", "SOCK_STREAM"), "SOCK_"),
            proto=protocol_number(get("proto") or 0),
            backlog=int(get("backlog", 2048)),
            path=path,
            umask=_octal(config["umask"]) if get("umask") is not None else CONFIGURED_UMASK,
            replace=_bool(get("replace", False)),
            interface=get("interface"),
            so_reuseport=_bool(get("so_reuseport", False)) and path is None,
            blocking=_bool(get("blocking", False)),
        )
        made._cfg = dict(config)
        return made

    _cfg: dict[str, Any]
    """The section that it was made from, if it was."""


class CircusSockets(dict[str, CircusSocket]):
    """Sockets by name.

    Args:
        sockets: those to begin with.
        backlog: for those that `add` makes.
    """

    def __init__(self, sockets: Iterable[CircusSocket] | None = None, backlog: int = 2048) -> None:
        super().__init__()
        self.backlog = backlog
        for sock in sockets or ():
            self[sock.name] = sock

    def add(
        self,
        name: str,
        host: str = "localhost",
        port: int = 8080,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 - an old keyword
        proto: int = 0,
        backlog: int | None = None,
        path: str | None = None,
        umask: int | None = None,
        interface: str | None = None,
    ) -> CircusSocket:
        """Make one more. It is not bound yet.

        Raises:
            ValueError: there is one of that name.
        """
        if name in self:
            raise ValueError(f"there is a socket of that name already: {self[name]}")
        made = CircusSocket(
            name,
            host,
            port,
            family,
            type,
            proto,
            self.backlog if backlog is None else backlog,
            path,
            umask,
            interface=interface,
        )
        self[name] = made
        return made

    def close_all(self) -> None:
        """Close all of them."""
        for sock in self.values():
            sock.close()

    def bind_and_listen_all(self) -> None:
        """Bind those that workers share; those with `so_reuseport` are bound for each worker.

        Raises:
            BindError: one cannot be bound; those before it stay bound.
        """
        for sock in self.values():
            if not sock.so_reuseport:
                sock.bind_and_listen()
