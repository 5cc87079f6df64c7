"""Decides for each request whether this peer may ask for that, and how much of the answer it may see."""

import os
import pwd
from typing import final

from circus.arbiter.errors import ArbiterError, ForbiddenError
from circus.arbiter.peers import Peer, Right, Rules, right_of
from circus.exc import MessageError
from circus.protocol.messages import Add, Request
from circus.protocol.options import ArbiterOptions

__all__ = ["Gate", "uid_of"]


@final
class Gate:
    """The rules of one daemon.

    Args:
        options: `auth`, `allow_remote` and `endpoint_owner` count.

    Raises:
        ArbiterError: `endpoint_owner` is not a user of this machine.
    """

    def __init__(self, options: ArbiterOptions) -> None:
        self._owner = options.endpoint_owner
        self.owner_uid = None if self._owner is None else uid_of(self._owner)
        self._legacy = options.auth == "legacy"
        self._allow_remote = options.allow_remote

    def right(self, peer: Peer) -> Right:
        """What a peer may do, as things are now."""
        rules = Rules(
            our_uid=os.getuid(),
            owner_uid=self.owner_uid,
            legacy=self._legacy,
            allow_remote=self._allow_remote,
        )
        return right_of(peer, rules)

    def permit(self, peer: Peer, request: Request) -> Right:
        """Let a request pass.

        Raises:
            ForbiddenError: this peer may not ask for that; the text says who it is taken for and what helps.
            MessageError: `endpoint_owner` may add watchers that run as itself, and this one would not.
        """
        right = self.right(peer)
        if right is Right.NOTHING:
            raise ForbiddenError(f"{peer} may do nothing")
        if right is Right.LOOK and not request.open_to_all:
            raise ForbiddenError(
                f"{peer} may look, but not {request.command}: only circusd's own user, root and endpoint_owner may,"
                " and over CURVE keys with the role admin"
            )
        if isinstance(request, Add) and self.owner_uid is not None and peer.uid not in {0, os.getuid()}:
            self._check_owner(request)
        return right

    def _check_owner(self, request: Add) -> None:
        given = request.options.get("uid")
        if given is None or str(given) not in {str(self._owner), str(self.owner_uid)}:
            raise MessageError("uid does not match endpoint_owner")


def uid_of(name: str) -> int:
    """The number of a user, by name or number.

    Raises:
        ArbiterError: there is no such user.
    """
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ArbiterError(f"endpoint_owner: there is no user {name!r} on this machine") from None
