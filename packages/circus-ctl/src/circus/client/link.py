"""What the events of a socket's monitor say about the other side. Pure.

Theory: libzmq connects in the background and never says that it fails: a request to nobody just waits. Its monitor
does say so. A failed attempt ends in CONNECT_RETRIED (nobody listens), a refusal in HANDSHAKE_FAILED_*, a good one in
HANDSHAKE_SUCCEEDED, and the end of that in DISCONNECTED. After a break or a cut, the first CONNECT_RETRIED announces
an attempt, the second tells that it failed. A daemon that stops cuts a handshake once and is gone; one that refuses
keys cuts it each time: so a cut counts when it comes twice. `after` folds events into a state, `failure` turns a state
into the error that a caller gets. A state may be old news; only one that comes while a call waits counts against it.
"""

from enum import Enum, IntEnum
from typing import Final, assert_never

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
    CUT_RETRYING = "cut, retrying"
    REFUSED = "refused"
    """Cut twice."""
    DENIED = "denied"
    FOREIGN = "foreign"
    """The other side speaks another protocol, or wants keys."""

    @property
    def failed(self) -> bool:
        return failure(self, "", sent=True) is not None


_AFTER_RETRY: Final = {
    Link.CONNECTING: Link.NOBODY,
    Link.GONE: Link.CONNECTING,
    Link.CUT: Link.CUT_RETRYING,
    Link.CUT_RETRYING: Link.NOBODY,
}


def after(link: Link, event: LinkEvent) -> Link:
    """The state after an event."""
    match event:
        case LinkEvent.HANDSHAKE_SUCCEEDED:
            return Link.READY
        case LinkEvent.CONNECT_RETRIED:
            return _AFTER_RETRY.get(link, link)
        case LinkEvent.DISCONNECTED:
            return Link.GONE if link is Link.READY else link
        case LinkEvent.HANDSHAKE_FAILED_NO_DETAIL:
            return Link.REFUSED if link in {Link.CUT, Link.CUT_RETRYING, Link.REFUSED} else Link.CUT
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
        case Link.CONNECTING | Link.READY | Link.CUT | Link.CUT_RETRYING:
            return None
        case Link.NOBODY:
            if sent:
                return WentAway(f"circusd at {endpoint} went away before it answered")
            return NotRunning(f"circusd is not running: nobody listens at {endpoint}")
        case Link.GONE:
            return WentAway(f"circusd at {endpoint} went away before it answered") if sent else None
        case Link.REFUSED:
            return AccessDenied(
                f"access denied at {endpoint}: each connection is closed at once; it may want CURVE keys"
            )
        case Link.DENIED:
            return AccessDenied(f"access denied by circusd at {endpoint}: this user or key is not authorised")
        case Link.FOREIGN:
            return AccessDenied(
                f"access denied at {endpoint}: it wants CURVE keys, or other ones, or it is not circusd at all"
            )
        case _:
            assert_never(link)
