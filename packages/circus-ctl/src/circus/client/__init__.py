"""The control client of Circus, as a library: blocking, and on asyncio.

Theory: a DEALER sends one JSON frame with an id and gets one back. Answers are matched by id, so that a late one is
nobody's; each call has a deadline; and a monitor on the socket tells in milliseconds what ZeroMQ never says by itself:
that nobody listens, that access is denied, that the daemon left. Names resolve on first use: the blocking client
loads neither pydantic nor asyncio.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circus.client.aio import AsyncCircusClient
    from circus.client.blocking import CircusClient
    from circus.client.errors import AccessDenied, CallError, NotRunning, TimedOut, TunnelError, WentAway
    from circus.client.security import CurveKeys, Security
    from circus.client.wire import cast_message, make_json, make_message

__all__ = [
    "AccessDenied",
    "AsyncCircusClient",
    "CallError",
    "CircusClient",
    "CurveKeys",
    "NotRunning",
    "Security",
    "TimedOut",
    "TunnelError",
    "WentAway",
    "cast_message",
    "make_json",
    "make_message",
]

_HOME_OF = {
    "AsyncCircusClient": "aio",
    "CircusClient": "blocking",
    "CurveKeys": "security",
    "Security": "security",
    "cast_message": "wire",
    "make_json": "wire",
    "make_message": "wire",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'errors')}"), name)
