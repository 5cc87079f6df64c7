"""The command socket: frames in, frames out. A thin shell; it decides nothing.

Theory: one ROUTER, read through its descriptor by the event loop. libzmq signals edges, so after every send and
every read the socket is asked again whether more is waiting; at most `BATCH` requests are taken a turn, so that a
flood delays the rest of the program by a few milliseconds, never by its own length.

Illegal states: a reply without a route; two sockets on one endpoint.
"""

import asyncio
import errno
import os
import socket as stdlib_socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from logging import DEBUG, WARNING, getLogger
from typing import final

import zmq

from circus.arbiter.errors import EndpointError
from circus.sockets.holders import holder_of
from circus.sockets.spec import Holder

__all__ = ["BATCH", "Control", "Incoming", "Route", "bind_endpoint", "ipc_path"]

log = getLogger("circus.arbiter.control")

BATCH = 64
MAX_MESSAGE = 64 * 1024 * 1024
_LINGER_MS = 1000
_REPLIES_WAITING = 10_000
"""Replies that may wait for one client that does not read them."""
_IPC_PATH_MAX = 107
"""sockaddr_un holds 108 bytes, the last one being NUL (unix(7))."""


@final
@dataclass(frozen=True, slots=True)
class Route:
    """The way back to a peer: its routing id, and whether it wants an empty delimiter (REQ)."""

    identity: bytes
    delimited: bool = False


@final
@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as it came.

    Args:
        route: where its reply goes.
        body: the last frame; None if the frames are not those of a request.
        fd: the descriptor of the connection that it came over, or -1.
        user: what the ZAP handler said about the peer, or an empty string.
    """

    route: Route
    body: bytes | None
    fd: int
    user: str


def ipc_path(endpoint: str) -> str | None:
    """The file of an ipc endpoint; None for other transports and for abstract names."""
    path = endpoint.removeprefix("ipc://")
    return None if path == endpoint or path.startswith("@") or not path else path


def _ipc_is_served(path: str) -> bool:
    with stdlib_socket.socket(stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def bind_endpoint(socket: zmq.Socket[bytes], endpoint: str, purpose: str) -> None:
    """Bind, or say which endpoint, why not, and what to do.

    libzmq removes a file that is in the way of an ipc endpoint, also the one of a living daemon: so whether
    somebody still answers there is asked first.

    Raises:
        EndpointError: it cannot be bound.
    """
    path = ipc_path(endpoint)
    if path is not None:
        if len(os.fsencode(path)) > _IPC_PATH_MAX:
            raise EndpointError(
                purpose,
                endpoint,
                f"the path is longer than the {_IPC_PATH_MAX} bytes of a unix socket; use a shorter one",
            )
        if os.path.exists(path) and _ipc_is_served(path):
            raise EndpointError(purpose, endpoint, "another process serves it")
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise EndpointError(purpose, endpoint, _explain(error, endpoint)) from error


def _explain(error: zmq.ZMQError, endpoint: str) -> str:
    if error.errno == zmq.EADDRINUSE:
        holder = _holder(endpoint)
        return "address in use" + (f" by {holder}" if holder else "")
    if error.errno in {errno.ENODEV, zmq.EADDRNOTAVAIL}:
        return "this machine has no such address"
    if error.errno in {zmq.EPROTONOSUPPORT, errno.EINVAL}:
        return f"not an endpoint ({error.strerror}); write tcp://HOST:PORT or ipc://PATH"
    return error.strerror or str(error)


def _holder(endpoint: str) -> Holder | None:
    """Who holds a TCP address; None if it cannot be told."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    host = host.strip("[]")
    if not port.isdigit():
        return None
    family = stdlib_socket.AF_INET6 if ":" in host else stdlib_socket.AF_INET
    return holder_of((host, int(port)), family=family, stream=True)


@final
class Control:
    """Owns the ROUTER socket from `open` to `close`.

    Args:
        context: the ZeroMQ context; stays the caller's.
        endpoints: where to listen.
        receive: called on the loop with each request.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoints: Sequence[str],
        receive: Callable[[Incoming], None],
    ) -> None:
        self._context = context
        self._endpoints = tuple(endpoints)
        self._receive = receive
        self._socket: zmq.Socket[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._again: asyncio.Handle | None = None

    def open(self) -> None:
        """Bind.

        Raises:
            EndpointError: an endpoint cannot be bound; nothing stays open.
        """
        socket = self._context.socket(zmq.ROUTER)
        socket.linger = _LINGER_MS
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        # Mandatory, so that a reply that cannot be delivered is an error to tell, not a silence.
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, _REPLIES_WAITING)
        # With a ZAP domain libzmq refuses peers that speak ZMTP 1 or 2, and so HTTP posts of web pages.
        socket.setsockopt(zmq.ZAP_DOMAIN, b"circus")
        try:
            for endpoint in self._endpoints:
                bind_endpoint(socket, endpoint, "commands")
        except EndpointError:
            socket.close(0)
            raise
        self._socket = socket
        self._fd = int(socket.getsockopt(zmq.FD))

    @property
    def bound(self) -> str:
        """The endpoint as it was bound, with the port that the system chose."""
        if self._socket is None:
            return self._endpoints[0]
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read requests from now on."""
        self._loop = loop
        loop.add_reader(self._fd, self._read)
        self._schedule()

    def reply(self, route: Route, body: bytes) -> None:
        """Send a reply; a peer that is gone, or has not read thousands before it, loses it."""
        if self._socket is None:
            return
        frames = [route.identity, b"", body] if route.delimited else [route.identity, body]
        try:
            self._socket.send_multipart(frames, flags=zmq.NOBLOCK, copy=True)
        except zmq.Again:
            log.warning("a client does not read its replies: one was dropped")
        except zmq.ZMQError as error:
            level = DEBUG if error.errno == zmq.EHOSTUNREACH else WARNING
            log.log(level, "a reply could not be sent: %s", error.strerror)
        self._schedule()

    def close(self) -> None:
        """Stop listening; replies that are on their way still leave. May be called any number of times."""
        socket, self._socket = self._socket, None
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            if self._again is not None:
                self._again.cancel()
            self._loop = None
        if socket is not None:
            socket.close()
            for path in filter(None, map(ipc_path, self._endpoints)):
                with suppress(OSError):
                    os.unlink(path)

    def _schedule(self) -> None:
        """Look again at the next turn: the edge may have passed while we were sending or had our fill."""
        if self._again is None and self._loop is not None:
            self._again = self._loop.call_soon(self._read_again)

    def _read_again(self) -> None:
        self._again = None
        self._read()

    def _read(self) -> None:
        for _ in range(BATCH):
            if self._socket is None:
                return
            try:
                frames = self._socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                log.warning("a request could not be read: %s", error.strerror)
                continue
            self._receive(_incoming(frames))
        self._schedule()


def _incoming(frames: Sequence[zmq.Frame]) -> Incoming:
    identity, *rest = frames
    delimited = len(rest) > 1 and not rest[0].bytes
    body = rest[-1].bytes if len(rest) == 1 or (delimited and len(rest) == 2) else None
    last = frames[-1]
    try:
        fd = last.get(zmq.SRCFD)
    except zmq.ZMQError:
        fd = -1
    try:
        user = last.get("User-Id")
    except zmq.ZMQError:
        user = ""
    return Incoming(Route(identity.bytes, delimited), body, int(fd), str(user))
