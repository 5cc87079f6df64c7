"""Answers those who look for daemons by multicast; only where ``multicast_endpoint`` is configured.

Theory: whoever sends any datagram to the group is sent ``{"endpoint": ...}``. The group is joined where commands can be
given, and nowhere else: on the address that the control endpoint is bound to; on loopback for an ipc endpoint, which
nobody on another machine could use; on every interface only for an endpoint that is itself bound to all. An interface
can be named as ``udp://INTERFACE;GROUP:PORT``, by its address or name.
"""

import asyncio
import ipaddress
import json
import logging
import socket
import struct
from dataclasses import dataclass
from typing import Final, cast, final

from circus.protocol.options import ArbiterOptions

__all__ = ["Group", "announced", "answer", "parse_group", "serve"]

log = logging.getLogger("circus")

_ALL: Final = "*"
_LOOPBACK: Final = "127.0.0.1"
_IP_MULTICAST_ALL: Final = 49
"""Linux: whether a socket is given datagrams of groups that others joined."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Where it is listened.

    Args:
        address: of the group.
        port: of the group.
        interface: an IPv4 address, the name of an interface, or ``*`` for all.
    """

    address: str
    port: int
    interface: str


def parse_group(multicast_endpoint: str, endpoint: str) -> Group:
    """The group of ``udp://[INTERFACE;]GROUP:PORT`` for a daemon that receives commands at an endpoint.

    Raises:
        ValueError: it is no such address.
    """
    scheme, _, rest = multicast_endpoint.partition("://")
    interface, semicolon, where = rest.rpartition(";")
    address, colon, port = where.rpartition(":")
    if scheme != "udp" or not colon or not port.isdecimal() or not _is_group(address):
        raise ValueError(
            f"multicast_endpoint: {multicast_endpoint!r} is not udp://[INTERFACE;]GROUP:PORT with a GROUP from"
            " 224.0.0.0 to 239.255.255.255"
        )
    return Group(address=address, port=int(port), interface=interface if semicolon else _reach(endpoint))


def _is_group(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_multicast
    except ValueError:
        return False


def _reach(endpoint: str) -> str:
    """The interface of an endpoint."""
    scheme, _, address = endpoint.partition("://")
    host = address.rpartition(":")[0]
    if scheme != "tcp":
        return _LOOPBACK
    if host in {_ALL, "0.0.0.0", "[::]"}:  # noqa: S104 - read, not bound
        return _ALL
    return _LOOPBACK if host in {"localhost", "[::1]"} else host


def announced(endpoint: str, *, asker: str) -> str:
    """The endpoint as the asker can use it: one that is bound to all addresses is told by that which faces the asker."""
    scheme, separator, address = endpoint.partition("://")
    host, _, port = address.rpartition(":")
    if scheme != "tcp" or host not in {_ALL, "0.0.0.0"}:  # noqa: S104 - read, not bound
        return endpoint
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((asker, 9))  # sends nothing
        return f"{scheme}{separator}{probe.getsockname()[0]}:{port}"


def answer(endpoint: str, *, asker: str) -> bytes:
    """What the asker is sent."""
    return json.dumps({"endpoint": announced(endpoint, asker=asker)}).encode()


def _memberships(group: Group) -> list[bytes]:
    """The requests to join: one for each interface."""
    address = socket.inet_aton(group.address)
    if group.interface == _ALL:
        return [struct.pack("=4s4si", address, bytes(4), index) for index, _ in socket.if_nameindex()]
    try:
        return [address + socket.inet_aton(group.interface)]
    except OSError:
        index = socket.if_nametoindex(group.interface)
        return [struct.pack("=4s4si", address, bytes(4), index)]


def _open(group: Group) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # other daemons on this machine answer, too
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        for membership in _memberships(group):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        sock.bind((group.address, group.port))
    except BaseException:
        sock.close()
        raise
    return sock


@final
class _Responder(asyncio.DatagramProtocol):
    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - any question will do
        assert self._transport is not None
        try:
            reply = answer(self._endpoint, asker=addr[0])
        except OSError as error:
            log.debug("discovery: no way to %s: %s", addr[0], error)
            return
        self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("discovery: %s", exc)


async def serve(options: ArbiterOptions, *, until: asyncio.Event) -> None:
    """Answer; return at once where nothing is configured, or, with a warning, where it cannot work.

    Args:
        options: the daemon's.
        until: ends it.
    """
    if options.multicast_endpoint is None:
        return
    try:
        group = parse_group(options.multicast_endpoint, options.endpoint)
        sock = _open(group)
    except (ValueError, OSError) as error:
        log.warning("discovery is off: %s", error)
        return
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(options.endpoint), sock=sock)
    log.info("discovery: answering at %s:%d on %s", group.address, group.port, group.interface)
    try:
        await until.wait()
    finally:
        transport.close()
