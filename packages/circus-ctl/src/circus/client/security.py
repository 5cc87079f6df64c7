"""How a client proves who it is: a seam, and its plain case."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import zmq

__all__ = ["CurveKeys", "Security"]


class Security(Protocol):
    """What is set on a socket before it connects."""

    def apply(self, socket: "zmq.Socket[Any]") -> None:
        """Set keys, or whatever else the daemon asks for, on a socket that is not connected yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveKeys:
    """CURVE keys in ZeroMQ's text form of 40 characters.

    Args:
        server_key: the daemon's public key.
        public_key: the client's public key.
        secret_key: the client's secret key; never shown.
    """

    server_key: str
    public_key: str
    secret_key: str = field(repr=False)

    def apply(self, socket: "zmq.Socket[Any]") -> None:
        socket.curve_serverkey = self.server_key.encode()
        socket.curve_publickey = self.public_key.encode()
        socket.curve_secretkey = self.secret_key.encode()
