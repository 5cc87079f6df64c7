"""Users and groups: from names to numbers, once, and whether we may become them.

Look-ups go through the system's name service and may be slow (LDAP): `resolve` belongs where a configuration is read or on a
thread, not on the loop. Its result holds all numbers and is all that a spawn needs.

0 is root, a value like any other. Whoever changes user or group without naming supplementary groups gets those of the user
(none for a number without an entry, none if only the group changes): ours are never kept by accident.
"""

import grp
import os
import pwd
import sys
from typing import Final

from circus.process.spec import Identity

__all__ = [
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SYS_RESOURCE",
    "IdentityError",
    "has_capability",
    "needed",
    "refusal",
    "resolve",
    "settle",
]

CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SYS_RESOURCE: Final = 24


class IdentityError(ValueError):
    """No such user or group; `subject` is what was asked for."""

    def __init__(self, subject: str, cause: str) -> None:
        super().__init__(cause)
        self.subject = subject
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.cause}: {self.subject!r}"


def resolve(user: str | int | None, group: str | int | None = None) -> Identity:
    """The numbers of a user and a group.

    Args:
        user: a name, a number, or a number as text; None keeps ours.
        group: likewise; None is the user's own group if there is a user with an entry.

    Raises:
        IdentityError: no such name. A number needs no entry.
    """
    entry: pwd.struct_passwd | None = None
    uid: int | None = None
    if user is not None and user != "":
        uid = _number(user)
        try:
            entry = pwd.getpwuid(uid) if uid is not None else pwd.getpwnam(str(user))
            uid = entry.pw_uid
        except (KeyError, OverflowError, ValueError):  # ValueError: no name at all, with a NUL in it
            if uid is None or not 0 <= uid < 2**32 - 1:
                raise IdentityError(str(user), "no such user") from None
    gid: int | None = None
    if group is not None and group != "":
        gid = _gid(group)
    elif entry is not None:
        gid = entry.pw_gid
    if uid is None and gid is None:
        return Identity()
    return settle(Identity(uid=uid, gid=gid), entry=entry)


def settle(identity: Identity, *, entry: pwd.struct_passwd | None = None) -> Identity:
    """Fill in the supplementary groups where they follow from the rest."""
    if identity.groups is not None or not identity.changes:
        return identity
    groups: tuple[int, ...] = ()
    if identity.uid is not None:
        try:
            entry = entry or pwd.getpwuid(identity.uid)
        except (KeyError, OverflowError):
            entry = None
        if entry is not None:
            gid = identity.gid if identity.gid is not None else entry.pw_gid
            groups = tuple(sorted(set(os.getgrouplist(entry.pw_name, gid))))
    return Identity(uid=identity.uid, gid=identity.gid, groups=groups)


def refusal(identity: Identity) -> str | None:
    """Why we may not become this identity, or None. What we already are needs no right."""
    if identity.uid is not None and _differs(identity.uid, os.getresuid()) and not has_capability(CAP_SETUID):
        return f"we run as user {os.geteuid()} and may not become user {identity.uid}"
    if identity.gid is not None and _differs(identity.gid, os.getresgid()) and not has_capability(CAP_SETGID):
        return f"we run with group {os.getegid()} and may not take group {identity.gid}"
    if identity.groups is not None and _new_groups(identity.groups) and not has_capability(CAP_SETGID):
        return f"we run as user {os.geteuid()} and may not change supplementary groups"
    return None


def needed(identity: Identity) -> Identity:
    """Without what already holds: nothing is left to do for a user who asks to be itself.

    That user, without the right to change groups, keeps the groups it has, whatever the user database says of it.
    """
    uid = identity.uid if identity.uid is not None and _differs(identity.uid, os.getresuid()) else None
    gid = identity.gid if identity.gid is not None and _differs(identity.gid, os.getresgid()) else None
    groups = identity.groups if identity.groups is not None and _new_groups(identity.groups) else None
    if identity.uid is not None and uid is None and gid is None and not has_capability(CAP_SETGID):
        groups = None
    return Identity(uid=uid, gid=gid, groups=groups)


def has_capability(number: int) -> bool:
    """Whether we hold a Linux capability; elsewhere, whether we are root."""
    if sys.platform == "linux":
        try:
            with open("/proc/self/status", "rb") as status:
                for line in status:
                    if line.startswith(b"CapEff:"):
                        return bool(int(line.split()[1], 16) >> number & 1)
        except OSError:
            pass  # hidden in a sandbox
    return os.geteuid() == 0


def _differs(wanted: int, have: tuple[int, int, int]) -> bool:
    return have != (wanted, wanted, wanted)


def _new_groups(wanted: tuple[int, ...]) -> bool:
    """Supplementary groups are a set; the primary group among them changes nothing."""
    return set(wanted) - {os.getegid()} != set(os.getgroups()) - {os.getegid()}


def _number(value: str | int) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


def _gid(group: str | int) -> int:
    number = _number(group)
    if number is not None and 0 <= number < 2**32 - 1:
        return number
    try:
        return grp.getgrnam(str(group)).gr_gid
    except (KeyError, ValueError):
        raise IdentityError(str(group), "no such group") from None
