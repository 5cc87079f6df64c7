"""Bind, listen, and hand sockets down to processes. Depends on the standard library alone.

A `SocketSpec` says what is wanted; `bind` makes a `BoundSocket`, which owns its descriptor; a `SocketSet`
owns those of a daemon, changes them all or nothing and can hand them over. `hand_down` and `markers` decide
what a worker gets, `take_listen_fds` and `adopt` take what systemd passed on. `CircusSocket` and
`CircusSockets` keep programs running that were written for old versions.
"""

from circus.sockets.bind import BoundSocket, bind, resolve
from circus.sockets.compat import CONFIGURED_UMASK, CircusSocket, CircusSockets, protocol_number
from circus.sockets.inherit import (
    HandDown,
    Received,
    adopt,
    give_argv,
    hand_down,
    markers,
    take_listen_fds,
)
from circus.sockets.manager import Handed, Rebinding, SocketSet, rebinding
from circus.sockets.spec import Address, BindError, Holder, SocketSpec, Stage

__all__ = [
    "CONFIGURED_UMASK",
    "Address",
    "BindError",
    "BoundSocket",
    "CircusSocket",
    "CircusSockets",
    "HandDown",
    "Handed",
    "Holder",
    "Rebinding",
    "Received",
    "SocketSet",
    "SocketSpec",
    "Stage",
    "adopt",
    "bind",
    "give_argv",
    "hand_down",
    "markers",
    "protocol_number",
    "rebinding",
    "resolve",
    "take_listen_fds",
]
