"""What the events of a socket's monitor say about the other side. Pure.

Theory: libzmq connects in the background and never says that it fails: a request to nobody just waits. Its monitor
does say so. A failed attempt ends in CONNECT_RETRIED (nobody listens), a refusal in HANDSHAKE_FAILED_*, a good one in
HANDSHAKE_SUCCEEDED, and the end of that in DISCONNECTED. `after` folds these into one of six states, `failure` turns
a state into the error that a caller gets. A state that is not `READY` may be old news; only an event that comes while
a call waits counts against it.
"""

from enum import Enum, IntEnum
from typing import assert_never

from circus.client.errors import AccessDenied, CallError, NotRunning, WentAway

__all__ = ["Link", "LinkEvent", "after", "failure"]


class LinkEvent(IntEnum):
    """Those events of libzmq's monitor that tell something."""

    CONNECT_RETRIED = 0x0004
    DISCONNECTED = 0x0200
    HANDSHAKE_FAILED_NO_DETAIL = 0x0800
    HANDSHAKE_SUCCEEDED = 0x1000
    HANDSHAKE_FAILED_PROTOCOL = 0x2000
    HANDSHAKE_FAILED_AUTH = 0x4000


class Link(Enum):
    """Where a connection stands."""

    CONNECTING = "connecting"
    READY = "ready"
    NOBODY = "nobody"
    """An attempt to connect failed."""
    GONE = "gone"
    """It was ready, and the other side closed it."""
    CUT = "cut"
    """The other side took the connection and closed it before the handshake was over."""
    DENIED = "denied"
    FOREIGN = "foreign"
    """The other side speaks another protocol, or wants keys."""

    @property
    def failed(self) -> bool:
        return self not in {Link.CONNECTING, Link.READY}


def after(link: Link, event: LinkEvent) -> Link:
    """The state after an event."""
    match event:
        case LinkEvent.HANDSHAKE_SUCCEEDED:
            return Link.READY
        case LinkEvent.CONNECT_RETRIED:
            # The first one after a break only announces the attempt. After a refusal, that is the better reason.
            if link is Link.GONE:
                return Link.CONNECTING
            return Link.NOBODY if link is Link.CONNECTING else link
        case LinkEvent.DISCONNECTED:
            return Link.GONE if link is Link.READY else link
        case LinkEvent.HANDSHAKE_FAILED_NO_DETAIL:
            return Link.CUT
        case LinkEvent.HANDSHAKE_FAILED_PROTOCOL:
            return Link.FOREIGN
        case LinkEvent.HANDSHAKE_FAILED_AUTH:
            return Link.DENIED
        case _:
            assert_never(event)


def failure(link: Link, endpoint: str, *, sent: bool) -> CallError | None:
    """What a call that waits is told, or None if it may go on waiting.

    Args:
        link: the state.
        endpoint: where to, for the text.
        sent: whether the request has left.
    """
    match link:
        case Link.CONNECTING | Link.READY:
            return None
        case Link.NOBODY:
            if sent:
                return WentAway(f"circusd at {endpoint} went away before it answered")
            return NotRunning(f"circusd is not running: nobody listens at {endpoint}")
        case Link.GONE:
            return WentAway(f"circusd at {endpoint} went away before it answered") if sent else None
        case Link.CUT:
            return NotRunning(f"no circusd answers at {endpoint}: the connection was closed at once")
        case Link.DENIED:
            return AccessDenied(f"access denied by circusd at {endpoint}: this user or key is not authorised")
        case Link.FOREIGN:
            return AccessDenied(
                f"access denied at {endpoint}: it wants CURVE keys, or other ones, or it is not circusd at all"
            )
        case _:
            assert_never(link)
