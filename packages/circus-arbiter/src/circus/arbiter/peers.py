"""Who is at the other end of a connection, and what that peer may do. Pure.

Rules: circusd's own user and root may do everything, and so may `endpoint_owner`; other local users may look, but not
at what workers were given or what they wrote; a peer from another machine may do what its key's role says, or, if
`allow_remote` says so, everything without a key; with ``auth = legacy`` everybody who can connect may do everything.
"""

import pwd
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from circus.client.keys import Role

__all__ = ["NOBODY_KNOWN", "Peer", "Right", "Rules", "right_of"]

_LOOPBACK = ("127.", "::1", "::ffff:127.")


@final
class Right(Enum):
    """What a peer may do."""

    NOTHING = "nothing"
    """Its key was taken back."""
    LOOK = "look"
    """Read, but neither environments nor output."""
    COMMAND = "command"
    """Everything."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of a connection.

    Args:
        uid: its user id; None if it is not a process of this machine or cannot be told.
        pid: its process id, where the kernel says (ipc).
        address: its network address; empty for ipc.
        key: the name of the key that it proved to have; empty without CURVE.
        role: of that key; None if it is not authorised any more.
    """

    uid: int | None = None
    pid: int | None = None
    address: str = ""
    key: str = ""
    role: Role | None = None

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return not self.address or self.address.startswith(_LOOPBACK)

    def __str__(self) -> str:
        at = f" at {self.address}" if self.address else ""
        if self.key:
            return f"key {self.key}{at}"
        if self.uid is None:
            return f"a peer{at}" if at and not self.local else f"a peer{at} whose user cannot be told"
        try:
            name = pwd.getpwuid(self.uid).pw_name
        except KeyError:
            name = f"uid {self.uid}"
        return f"{name} (pid {self.pid})" if self.pid else name + at


NOBODY_KNOWN = Peer()
"""What an unknown peer is taken for: it may look."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the decision hangs on beside the peer.

    Args:
        our_uid: circusd's own user.
        owner_uid: that of `endpoint_owner`, if there is one.
        legacy: whether everybody may do everything.
        allow_remote: whether peers from other machines may, without a key.
    """

    our_uid: int
    owner_uid: int | None = None
    legacy: bool = False
    allow_remote: bool = False


_RIGHTS: Final = {None: Right.NOTHING, Role.VIEWER: Right.LOOK, Role.ADMIN: Right.COMMAND}


def right_of(peer: Peer, rules: Rules) -> Right:
    """What a peer may do.

    >>> right_of(Peer(uid=0), Rules(our_uid=1000)), right_of(Peer(uid=7), Rules(our_uid=1000))
    (<Right.COMMAND: 'command'>, <Right.LOOK: 'look'>)
    """
    if peer.key:
        return _RIGHTS[peer.role]
    if rules.legacy:
        commands = True
    elif peer.uid is None:
        commands = rules.allow_remote and not peer.local
    else:
        commands = peer.uid in {0, rules.our_uid} or peer.uid == rules.owner_uid
    return Right.COMMAND if commands else Right.LOOK
