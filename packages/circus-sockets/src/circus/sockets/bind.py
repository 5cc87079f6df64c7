"""From a spec to a bound, listening socket, and the one owner of its descriptor.

Steps: resolve, create, configure, (replace a left-over file,) bind, listen. An error names the step, the
socket, the place, and who is there already. The functions that take a socket leave it to its caller;
`bind` returns a `BoundSocket`, which owns the descriptor and the file at its path until it is closed or
handed over.
"""

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path
from types import TracebackType
from typing import Self, final

from circus.sockets.holders import holder_of
from circus.sockets.spec import Address, BindError, SocketSpec, Stage

__all__ = ["BoundSocket", "bind", "bind_in_place", "configure", "listen", "resolve"]

_SO_BINDTODEVICE = 25
"""From Linux's <asm-generic/socket.h>; the socket module names it only since Python 3.13 or so."""


def _fail(stage: Stage, spec: SocketSpec, exc: OSError | OverflowError | ValueError) -> BindError:
    number = exc.errno if isinstance(exc, OSError) else None
    text = (exc.strerror or str(exc)) if isinstance(exc, OSError) else str(exc)
    return BindError(stage, spec.name, spec.location, cause=text.lower(), errno=number)


def resolve(spec: SocketSpec) -> Address:
    """The address to bind to. It may ask the system's resolver, and so block.

    Raises:
        BindError: the host has no address of the wanted family.
    """
    if spec.path is not None:
        return spec.path
    try:
        found = socket.getaddrinfo(
            spec.host or None, spec.port, family=spec.family, type=spec.type, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as exc:
        if exc.errno in {socket.EAI_SOCKTYPE, socket.EAI_SERVICE}:  # raw and other rare types have no service
            return (spec.host, spec.port)
        raise _fail(Stage.RESOLVE, spec, exc) from exc
    except (OSError, UnicodeError) as exc:
        raise _fail(Stage.RESOLVE, spec, exc) from exc
    address = found[0][4]
    if len(address) == 4:
        return (str(address[0]), int(address[1]), int(address[2]), int(address[3]))
    return (str(address[0]), int(address[1]))


def configure(sock: socket.socket, spec: SocketSpec) -> None:
    """Set what has to be set before binding.

    Raises:
        BindError: the system has no such interface, or refuses an option.
    """
    try:
        if not spec.is_unix:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spec.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if spec.interface is not None:
            device = spec.interface.encode() + b"\0"
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, device)
    except OSError as exc:
        error = _fail(Stage.CONFIGURE, spec, exc)
        if spec.interface is not None and exc.errno in {errno.ENODEV, errno.EPERM}:
            error.cause += f" (interface {spec.interface!r})"
        raise error from exc


def _is_live(spec: SocketSpec, path: str) -> bool:
    """Whether somebody answers at a socket file: nothing but a refused connection proves that nobody does."""
    with socket.socket(socket.AF_UNIX, spec.type) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:  # full queue, other type, not ours to connect to: not proven dead
            return True
    return True


def _clear_path(spec: SocketSpec, path: str) -> None:
    """Make way for a socket file, or say why not."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as exc:
        raise _fail(Stage.REPLACE if spec.replace else Stage.BIND, spec, exc) from exc
    if not stat.S_ISSOCK(mode):
        cause = "there is a file that is no socket; it is left alone: choose another path or remove it"
        raise BindError(Stage.BIND, spec.name, spec.location, cause=cause, errno=errno.EEXIST)
    if _is_live(spec, path):
        holder = holder_of(path, family=socket.AF_UNIX, stream=spec.listens)
        cause = f"address in use by {holder}" if holder else "address in use: somebody answers there"
        raise BindError(
            Stage.BIND, spec.name, spec.location, cause=cause, errno=errno.EADDRINUSE, holder=holder
        )
    if not spec.replace:
        cause = "a socket file is left over and nobody listens there: remove it, or set replace = true"
        raise BindError(Stage.BIND, spec.name, spec.location, cause=cause, errno=errno.EADDRINUSE)
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as exc:
        raise _fail(Stage.REPLACE, spec, exc) from exc


def _bind_path(sock: socket.socket, spec: SocketSpec, path: str) -> None:
    _clear_path(spec, path)
    if spec.umask is None:
        sock.bind(path)
        return
    before = os.umask(spec.umask)
    try:
        sock.bind(path)
    finally:
        os.umask(before)


def bind_in_place(sock: socket.socket, spec: SocketSpec, address: Address) -> None:
    """Bind a socket that is the caller's, after `configure` and before `listen`.

    Raises:
        BindError: the address is taken (it says by whom, if the system tells), forbidden, or not ours.
    """
    try:
        if isinstance(address, str):
            _bind_path(sock, spec, address)
        else:
            sock.bind(address)
    except BindError:
        raise
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise _fail(Stage.BIND, spec, exc) from exc
        holder = holder_of(address, family=spec.family, stream=spec.listens)
        cause = f"address in use by {holder}" if holder else "address in use"
        raise BindError(
            Stage.BIND, spec.name, spec.location, cause=cause, errno=exc.errno, holder=holder
        ) from exc


def listen(sock: socket.socket, spec: SocketSpec) -> None:
    """Set the blocking mode, and listen where the type does. It may be repeated to change the backlog.

    Raises:
        BindError: the system refuses; with `reuse_port` and others, an address may be taken only here.
    """
    sock.setblocking(spec.blocking)
    if spec.listens:
        try:
            sock.listen(spec.backlog)
        except OSError as exc:
            raise _fail(Stage.LISTEN, spec, exc) from exc


@final
class BoundSocket:
    """A bound socket and its one owner: of the descriptor, and of the file if it is a unix socket.

    Args:
        spec: what it was made from.
        sock: the socket, which is ours from now on. It is closed by `close`.
        owns_path: whether `close` removes the file at the path (if it is still this socket's file).
    """

    def __init__(self, spec: SocketSpec, sock: socket.socket, *, owns_path: bool = True) -> None:
        self.spec = spec
        self.sock = sock
        self._file = _identity(spec.path) if spec.path is not None and owns_path else None

    def __repr__(self) -> str:
        state = f"fd {self.fileno()}" if not self.closed else "closed"
        return f"<BoundSocket {self.spec.name!r} at {self.location}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The socket's name, as it was given."""
        return self.spec.name

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its descriptor handed over."""
        return self.sock.fileno() < 0

    @property
    def port(self) -> int | None:
        """The port that it is bound to (the real one where 0 was asked for); None for a unix socket."""
        return None if self.spec.is_unix or self.closed else int(self.sock.getsockname()[1])

    @property
    def location(self) -> str:
        """``host:port`` as bound, or the path."""
        if self.spec.is_unix or self.closed:
            return self.spec.location
        host, port = self.sock.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def fileno(self) -> int:
        """The descriptor, which stays ours; -1 when closed."""
        return self.sock.fileno()

    def close(self) -> None:
        """Close the descriptor and remove our file. Idempotent."""
        if self.closed:
            return
        self.sock.close()
        if self._file is not None and self.spec.path is not None and _identity(self.spec.path) == self._file:
            with contextlib.suppress(FileNotFoundError):
                Path(self.spec.path).unlink()

    def detach(self) -> int:
        """Give the descriptor away: it is the caller's now, and the file stays where it is."""
        self._file = None
        return self.sock.detach()

    def adjust(self, spec: SocketSpec) -> None:
        """Take over a spec that differs in backlog and blocking alone, keeping the descriptor.

        Raises:
            BindError: the system refuses the backlog; the old spec stays.
        """
        listen(self.sock, spec)
        self.spec = spec


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def bind(spec: SocketSpec, *, listening: bool = True) -> BoundSocket:
    """Make the socket: resolve, create, configure, bind, listen.

    Its descriptor is close-on-exec; whoever spawns passes it on by number.

    Args:
        spec: what is wanted.
        listening: False binds only, to hold the port for sockets of the workers' own.

    Raises:
        BindError: a step failed; nothing is left behind.
    """
    address = resolve(spec)
    try:
        sock = socket.socket(spec.family, spec.type, spec.proto)
    except OSError as exc:
        raise _fail(Stage.CREATE, spec, exc) from exc
    try:
        configure(sock, spec)
        bind_in_place(sock, spec, address)
    except BaseException:
        sock.close()
        raise
    bound = BoundSocket(spec, sock)
    try:
        if listening:
            listen(sock, spec)
        else:
            sock.setblocking(spec.blocking)
    except BaseException:
        bound.close()
        raise
    return bound
