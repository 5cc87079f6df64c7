"""A socket that is connected, or tries to be, and the monitor that tells which. The one place that makes sockets.

Theory: a request must never wait inside ZeroMQ for a daemon that is not there, so that a `stop` which failed today does
not run when the daemon starts tomorrow. So it is sent only once the monitor has seen a handshake, and a socket whose
connection broke is dropped with all that it holds. (ZeroMQ's own IMMEDIATE would throw away answers that came just
before the end.) The monitor is read as raw frames; the helper that pyzmq has for it loads asyncio.
"""

import errno
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import zmq

from circus.client.errors import CallError
from circus.client.link import Link, LinkEvent, after
from circus.client.security import Security
from circus.client.ssh import Tunnel, open_tunnel

__all__ = ["Channel", "plain_context"]

_RECONNECT_MS: Final = 20
_RECONNECT_MAX_MS: Final = 250
_CAST_LINGER_MS: Final = 500
_EVENTS: Final = sum(LinkEvent)
_FRAME: Final = struct.Struct("=hi")


class Channel:
    """One connecting socket, its monitor, and the tunnel that it goes through, if any.

    Args:
        context: whose socket it is; it stays the caller's.
        kind: ``zmq.DEALER`` or ``zmq.SUB``.
        endpoint: where to connect to.
        security: what proves who we are.
        ssh_server: ``user@host:port`` to go through.
        ssh_keyfile: the private key for that.

    Raises:
        CallError: the endpoint cannot be one; `TunnelError` if ssh made no tunnel.
    """

    def __init__(
        self,
        context: "zmq.Context[Any]",
        kind: int,
        *,
        endpoint: str,
        security: Security | None = None,
        ssh_server: str | None = None,
        ssh_keyfile: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.link = Link.CONNECTING
        self._context = context
        self._kind = kind
        self._security = security
        self._linger_ms = 0
        self._tunnel: Tunnel | None = None
        self._address = endpoint
        if ssh_server is not None:
            self._tunnel = open_tunnel(endpoint, server=ssh_server, keyfile=ssh_keyfile)
            self._address = self._tunnel.endpoint
        try:
            self.open()
        except BaseException:
            self.close()
            raise

    def open(self) -> None:
        """Make the socket and start to connect; after `drop`, anew.

        Raises:
            CallError: the endpoint cannot be one.
        """
        self.link = Link.CONNECTING
        self.socket: zmq.Socket[bytes] = self._context.socket(self._kind)
        self.monitor: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        try:
            self.socket.linger = self._linger_ms
            self.socket.reconnect_ivl = _RECONNECT_MS
            self.socket.reconnect_ivl_max = _RECONNECT_MAX_MS
            if self._security is not None:
                self._security.apply(self.socket)
            address = f"inproc://circus.client.monitor.{id(self):x}.{self.socket.fd}"
            self.socket.monitor(address, _EVENTS)
            self.monitor.linger = 0
            self.monitor.connect(address)
            self.socket.connect(self._address)
        except zmq.ZMQError as error:
            self.drop()
            raise CallError(_bad_endpoint(self.endpoint, error)) from error

    @property
    def is_open(self) -> bool:
        return not self.socket.closed

    def news(self) -> Iterator[Link]:
        """The state after each event that has come; never waits."""
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            number, _value = _FRAME.unpack(frames[0][: _FRAME.size])
            try:
                event = LinkEvent(number & 0xFFFF)
            except ValueError:
                continue
            self.link = after(self.link, event)
            yield self.link

    def try_send(self, frame: bytes) -> bool:
        """Send, if a daemon was connected when the news were last read."""
        if self.link is not Link.READY:
            return False
        try:
            self.socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def try_receive(self) -> list[bytes] | None:
        """One message, if there is one."""
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    @property
    def has_more(self) -> bool:
        """Whether something waits to be read; the look may swallow the wake-up for it."""
        return any(int(socket.events) & zmq.POLLIN for socket in (self.socket, self.monitor))

    def linger(self) -> None:
        """From now on, `close` gives what was sent without an answer a moment to leave."""
        self._linger_ms = _CAST_LINGER_MS
        self.socket.linger = _CAST_LINGER_MS

    def drop(self) -> None:
        """Close the socket with all that it holds; `open` makes another. Idempotent."""
        if not self.socket.closed:
            self.socket.disable_monitor()
            self.socket.close()
        self.monitor.close()

    def close(self) -> None:
        """Close everything, the tunnel too; idempotent."""
        if hasattr(self, "socket"):
            self.drop()
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None


def plain_context(context: "zmq.Context[Any] | None") -> "zmq.Context[Any] | None":
    """The same context, making plain sockets: one of zmq.asyncio makes others, which have to be awaited."""
    return None if context is None else zmq.Context(context)


def _bad_endpoint(endpoint: str, error: zmq.ZMQError) -> str:
    match error.errno:
        case errno.EINVAL:
            why = "write it as tcp://HOST:PORT or ipc://PATH"
        case errno.EPROTONOSUPPORT | zmq.Errno.ENOCOMPATPROTO:
            why = f"{endpoint.partition(':')[0]} is not supported; use tcp or ipc"
        case errno.ENAMETOOLONG:
            length = len(str(Path(endpoint.removeprefix("ipc://")).absolute()))
            why = f"the path of a unix socket may have 107 characters, this one has {length}"
        case _:
            why = str(error)
    return f"cannot connect to {endpoint!r}: {why}"
