"""The shared schema of Circus: what is configured, asked, answered and published. No I/O.

Theory: text and bytes become values here, once, at the edge; everything inside works with these frozen models.
Names resolve on first use, so that a client that only needs an endpoint or an error number does not pay for
pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circus.protocol.codec import Call, Malformed, encode, encode_call, parse_request
    from circus.protocol.endpoints import (
        DEFAULT_ENDPOINT,
        DEFAULT_MULTICAST_ENDPOINT,
        DEFAULT_PUBSUB_ENDPOINT,
        DEFAULT_STATS_ENDPOINT,
    )
    from circus.protocol.errors import ErrorNumber
    from circus.protocol.events import EVENTS
    from circus.protocol.messages import REQUESTS, Request
    from circus.protocol.options import ArbiterOptions, PluginOptions, SocketOptions, WatcherOptions
    from circus.protocol.replies import REPLIES, ErrorReply, OkReply, Reply
    from circus.protocol.schema import json_schema

__all__ = [
    "DEFAULT_ENDPOINT",
    "DEFAULT_MULTICAST_ENDPOINT",
    "DEFAULT_PUBSUB_ENDPOINT",
    "DEFAULT_STATS_ENDPOINT",
    "EVENTS",
    "REPLIES",
    "REQUESTS",
    "ArbiterOptions",
    "Call",
    "ErrorNumber",
    "ErrorReply",
    "Malformed",
    "OkReply",
    "PluginOptions",
    "Reply",
    "Request",
    "SocketOptions",
    "WatcherOptions",
    "encode",
    "encode_call",
    "json_schema",
    "parse_request",
]

_HOMES = {
    "codec": ("Call", "Malformed", "encode", "encode_call", "parse_request"),
    "endpoints": (
        "DEFAULT_ENDPOINT",
        "DEFAULT_MULTICAST_ENDPOINT",
        "DEFAULT_PUBSUB_ENDPOINT",
        "DEFAULT_STATS_ENDPOINT",
    ),
    "errors": ("ErrorNumber",),
    "events": ("EVENTS",),
    "messages": ("REQUESTS", "Request"),
    "options": ("ArbiterOptions", "PluginOptions", "SocketOptions", "WatcherOptions"),
    "replies": ("REPLIES", "ErrorReply", "OkReply", "Reply"),
    "schema": ("json_schema",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
