"""A socket that is connected, or tries to be, and the monitor that tells which. The one place that makes sockets.

Theory: requests are never queued for a daemon that is not there (`IMMEDIATE`), so that a `stop` which failed today does
not run when the daemon starts tomorrow. The monitor is read as raw frames; the helper that pyzmq has for it loads
asyncio.
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

__all__ = ["Channel"]

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
        self._tunnel: Tunnel | None = None
        self.socket: zmq.Socket[bytes] = context.socket(kind)
        self.monitor: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        try:
            self.socket.linger = 0
            self.socket.reconnect_ivl = _RECONNECT_MS
            self.socket.reconnect_ivl_max = _RECONNECT_MAX_MS
            if kind == zmq.DEALER:
                self.socket.immediate = True
            if security is not None:
                security.apply(self.socket)
            address = f"inproc://circus.client.monitor.{id(self):x}.{self.socket.fd}"
            self.socket.monitor(address, _EVENTS)
            self.monitor.linger = 0
            self.monitor.connect(address)
            if ssh_server is not None:
                self._tunnel = open_tunnel(endpoint, server=ssh_server, keyfile=ssh_keyfile)
            self.socket.connect(self._tunnel.endpoint if self._tunnel else endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise CallError(_bad_endpoint(endpoint, error)) from error
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        return self.socket.closed

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
        """Send, if a daemon is connected."""
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

    def linger(self) -> None:
        """From now on, `close` gives what was sent without an answer a moment to leave."""
        self.socket.linger = _CAST_LINGER_MS

    def close(self) -> None:
        """Close everything; idempotent."""
        if not self.socket.closed:
            self.socket.disable_monitor()
            self.socket.close()
        self.monitor.close()
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None


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
