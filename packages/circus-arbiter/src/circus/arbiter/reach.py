"""Which endpoints other machines can reach, and what is not bound for that. Decides; asks the name service once, at start."""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from circus.arbiter.errors import EndpointError
from circus.protocol.endpoints import (
    DEFAULT_ENDPOINT,
    DEFAULT_PUBSUB_ENDPOINT,
    DEFAULT_STATS_ENDPOINT,
)
from circus.protocol.options import ArbiterOptions

__all__ = ["Refusal", "addresses_of", "check_reach", "host_of", "reaches_out", "refusals", "warnings_of"]

_LOCAL_TRANSPORTS: Final = frozenset({"ipc", "inproc"})
_LOCAL_NAMES: Final = frozenset({"localhost", "lo", "localhost.localdomain"})

_WITH_KEYS: Final = {"endpoint": "curve_endpoint", "pubsub_endpoint": "curve_pubsub_endpoint"}
_DEFAULTS: Final = {
    "endpoint": DEFAULT_ENDPOINT,
    "pubsub_endpoint": DEFAULT_PUBSUB_ENDPOINT,
    "stats_endpoint": DEFAULT_STATS_ENDPOINT,
}

Resolve = Callable[[str], Sequence[str]]


def addresses_of(host: str) -> Sequence[str]:
    """The addresses of a name; none if it has none."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def host_of(endpoint: str) -> str | None:
    """The host or interface that an endpoint listens on; None for one within this machine.

    >>> host_of("tcp://127.0.0.1:5555"), host_of("tcp://[::1]:5555"), host_of("ipc:///run/x")
    ('127.0.0.1', '::1', None)
    """
    transport, _, rest = endpoint.partition("://")
    if transport in _LOCAL_TRANSPORTS:
        return None
    return rest.rpartition(":")[0].strip("[]")


def reaches_out(endpoint: str, resolve: Resolve = addresses_of) -> bool:
    """Whether a machine other than this one can connect to an endpoint. In doubt, yes.

    >>> [reaches_out(f"tcp://{host}:1", lambda _: []) for host in ("127.0.0.9", "[::1]", "*", "10.0.0.1", "eth0")]
    [False, False, True, True, True]
    """
    host = host_of(endpoint)
    if host is None or host in _LOCAL_NAMES:
        return False
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        found = () if host == "*" else resolve(host)
    return not found or not all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An endpoint that is not bound.

    Args:
        purpose: what it is for: commands, events, statistics.
        option: of ``[circus]``, that says where it is.
        endpoint: its address.
        cause: why not, with the ways out.
    """

    purpose: str
    option: str
    endpoint: str
    cause: str


def refusals(options: ArbiterOptions, resolve: Resolve = addresses_of) -> Iterator[Refusal]:
    """Where other machines could connect without a key, unless that is wanted in so many words."""
    if options.allow_remote or options.auth == "legacy":
        return
    doors = (
        ("commands", "endpoint", options.endpoint),
        ("events", "pubsub_endpoint", options.pubsub_endpoint),
        ("statistics", "stats_endpoint", options.stats_endpoint if options.statsd else None),
    )
    for purpose, option, endpoint in doors:
        if endpoint is None or not reaches_out(endpoint, resolve):
            continue
        with_keys = _WITH_KEYS.get(option)
        keys = (
            f"; for other machines make keys with circusctl auth init and set {with_keys}"
            if with_keys
            else ""
        )
        cause = (
            "other machines could connect, and nothing would tell them from you."
            f" Set {option} to an address of this machine alone, such as {_DEFAULTS[option]}"
            f"{keys}; or say allow_remote = True to obey everybody who can connect"
        )
        yield Refusal(purpose=purpose, option=option, endpoint=endpoint, cause=cause)


def check_reach(options: ArbiterOptions, resolve: Resolve = addresses_of) -> None:
    """Refuse to listen where other machines could connect without a key, unless that is wanted in so many words.

    Raises:
        EndpointError: for the first such endpoint, with the ways out.
    """
    for refusal in refusals(options, resolve):
        raise EndpointError(refusal.purpose, refusal.endpoint, refusal.cause)


def warnings_of(options: ArbiterOptions) -> Iterator[tuple[str, str]]:
    """What is to be said of doors that are open because somebody wanted it so: the option that says it, and the text."""
    where = options.endpoint
    if options.auth == "legacy":
        yield "auth", f"everybody who can connect to {where} may run any program as our user"
    elif options.allow_remote:
        yield (
            "allow_remote",
            f"whoever can connect to {where} from another machine may run any program as our user",
        )
