"""Who is there, and what they may do. Pure but for `secrets`: time is given in.

Properties: a token or password is compared in constant time; a sign-in link works once; a session ends when it is
idle or old, whatever happens; each failure from an address makes the next try wait longer.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Gate", "Person", "Role", "Session", "hash_password", "parse_users"]

IDLE = 8 * 3600.0
ABSOLUTE = 24 * 3600.0
FREE_FAILURES = 3
LONGEST_WAIT = 60.0
MOST_SESSIONS = 1000


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """Look."""
    OPERATOR = "operator"
    """Look and act."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: a name for the audit list, and a role."""

    name: str
    role: Role


@dataclass(slots=True)
class Session:
    """A signed-in browser."""

    person: Person
    started: float
    used: float

    def over(self, now: float) -> bool:
        """Whether it has ended."""
        return now - self.used > IDLE or now - self.started > ABSOLUTE


@dataclass(frozen=True, slots=True)
class _User:
    role: Role
    salt: bytes
    key: bytes


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def hash_password(password: str) -> str:
    """How a password is stored: ``scrypt:SALT:KEY``, base64."""
    salt = secrets.token_bytes(16)
    parts = (base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))
    return ":".join(("scrypt", *parts))


def parse_users(text: str) -> dict[str, _User]:
    """Lines of ``NAME:ROLE:scrypt:SALT:KEY``; blank lines and those after ``#`` do not count.

    Raises:
        ValueError: says which line is wrong, and how one looks.
    """
    users: dict[str, _User] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, role, method, salt, key = line.strip().split(":")
            users[name] = _User(Role(role), base64.b64decode(salt, validate=True), base64.b64decode(key))
            good = method == "scrypt" and bool(name)
        except ValueError:
            good = False
        if not good:
            raise ValueError(
                f"line {number}: write NAME:viewer:HASH or NAME:operator:HASH,"
                " with a hash from `circushttpd --hash-password`"
            )
    return users


class Gate:
    """Tokens, passwords, sessions and failures.

    Args:
        tokens: the lasting token of each role.
        link: the token of the printed link; it signs in once.
        users: stored passwords.
    """

    def __init__(
        self, *, tokens: Mapping[Role, str], link: str | None = None, users: Mapping[str, _User] | None = None
    ) -> None:
        self._tokens = dict(tokens)
        self._link = link
        self._users = dict(users or {})
        self._sessions: dict[str, Session] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._nobody = _User(Role.VIEWER, secrets.token_bytes(16), secrets.token_bytes(32))

    @property
    def has_users(self) -> bool:
        """Whether a name and a password can be given."""
        return bool(self._users)

    def wait(self, address: str, *, now: float) -> float:
        """Seconds that this address has to wait before its next try; 0 for none."""
        _, until = self._failures.get(address, (0, 0.0))
        return max(0.0, until - now)

    def by_token(self, token: str, *, address: str, now: float, link: bool = False) -> Person | None:
        """Whose token it is; with `link`, the one of the printed link counts, too, and is used up."""
        given = token.encode()
        found: Person | None = None
        for role, known in self._tokens.items():
            if hmac.compare_digest(given, known.encode()):
                found = Person(f"token ({role.value})", role)
        if link and self._link is not None and hmac.compare_digest(given, self._link.encode()):
            self._link = None
            found = Person("sign-in link", Role.OPERATOR)
        self._note(address, good=found is not None, now=now)
        return found

    def by_password(self, name: str, password: str, *, address: str, now: float) -> Person | None:
        """Who it is. Takes as long for a name that does not exist."""
        user = self._users.get(name, self._nobody)
        good = hmac.compare_digest(_scrypt(password, user.salt), user.key) and name in self._users
        self._note(address, good=good, now=now)
        return Person(name, user.role) if good else None

    def _note(self, address: str, *, good: bool, now: float) -> None:
        if good:
            self._failures.pop(address, None)
            return
        if len(self._failures) > MOST_SESSIONS:
            self._failures = {key: value for key, value in self._failures.items() if value[1] > now}
        count = self._failures.get(address, (0, 0.0))[0] + 1
        wait = 0.0 if count < FREE_FAILURES else min(2.0 ** (count - FREE_FAILURES), LONGEST_WAIT)
        self._failures[address] = (count, now + wait)

    def open(self, person: Person, *, now: float) -> str:
        """A new session; its 256-bit id goes into the cookie."""
        self._sessions = {key: one for key, one in self._sessions.items() if not one.over(now)}
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used)]
        session_id = secrets.token_urlsafe(32)
        self._sessions[_key(session_id)] = Session(person, now, now)
        return session_id

    def session(self, session_id: str, *, now: float) -> Person | None:
        """Whose session it is; using it keeps it from being idle."""
        session = self._sessions.get(_key(session_id))
        if session is None:
            return None
        if session.over(now):
            del self._sessions[_key(session_id)]
            return None
        session.used = now
        return session.person

    def close(self, session_id: str) -> None:
        """Sign out."""
        self._sessions.pop(_key(session_id), None)


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
