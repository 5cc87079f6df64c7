"""CURVE keys as files: the daemon's directory of them, and the one file that a client has. No ZeroMQ but to make keys.

Theory: as with ssh. The daemon has a key pair of its own and a folder with one file for each key that is let in, so that letting
somebody in or out is a file that comes or goes, at once. A client has one file with all it needs: the daemon's
public key, by which it knows that it speaks with the right one, and its own pair. What is secret is readable by its owner alone,
and a file that others can read is refused.

    server.key              the daemon's pair                        0600
    server.pub              its public key, for those who make their own file
    authorized/NAME.pub     one key that is let in: its role, its public key

Keys are ZeroMQ's text form of 40 characters (Z85), which has neither blanks nor quotes.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, final

from circus.client.security import CurveKeys
from circus.exc import CircusError

__all__ = [
    "AuthorizedKey",
    "KeyDirectory",
    "KeyFileError",
    "Role",
    "ServerKeys",
    "default_directory",
    "make_pair",
    "read_client_key",
    "write_client_key",
]

_KEY: Final = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


class KeyFileError(CircusError):
    """A key file is missing, readable by others, or not one; the text names it and the way out."""


@final
class Role(Enum):
    """What the holder of a key may do."""

    VIEWER = "viewer"
    """Look: neither change anything nor see the environment or the output of workers."""
    ADMIN = "admin"
    """Everything."""


@final
@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The daemon's pair; the secret one is never shown."""

    public_key: str
    secret_key: str = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """A key that is let in."""

    name: str
    role: Role
    public_key: str


def default_directory(environ: Mapping[str, str], *, uid: int) -> Path:
    """Where a daemon of this user has its keys, if its configuration does not say. Pure."""
    if uid == 0:
        return Path("/etc/circus/keys")
    base = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
    return Path(base) / "circus" / "keys"


def make_pair() -> tuple[str, str]:
    """A new public and secret key.

    Raises:
        KeyFileError: this ZeroMQ was built without CURVE.
    """
    import zmq  # noqa: PLC0415 - only to make keys

    if not zmq.has("curve"):
        raise KeyFileError("this ZeroMQ library was built without CURVE: install pyzmq from its wheel")
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def read_client_key(path: Path) -> CurveKeys:
    """The keys in a client's file.

    Raises:
        KeyFileError: it cannot be used.
    """
    fields = _read_secret(path)
    try:
        return CurveKeys(
            server_key=fields["server"], public_key=fields["public"], secret_key=fields["secret"]
        )
    except KeyError as error:
        raise KeyFileError(f"{path} is not the key file of a client: it has no {error.args[0]} key") from None


def write_client_key(path: Path, keys: CurveKeys) -> None:
    """Write a client's file, readable by us alone.

    Raises:
        KeyFileError: it is there already, or cannot be written.
    """
    lines = {"server": keys.server_key, "public": keys.public_key, "secret": keys.secret_key}
    _write(path, _document("a key for circusctl; keep it secret", lines), mode=0o600)


@final
class KeyDirectory:
    """The daemon's keys. Files are read when they have changed, and only then.

    Args:
        path: the folder; nothing is made of it but by `create`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[tuple[str, int, int, int], ...] | None = None
        self._keys: dict[str, AuthorizedKey] = {}

    @property
    def _folder(self) -> Path:
        return self.path / "authorized"

    def create(self) -> ServerKeys:
        """Make the folder and the daemon's pair.

        Raises:
            KeyFileError: there is one already, or it cannot be written.
        """
        try:
            for folder in (self.path, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise KeyFileError(f"cannot make {self.path}: {error.strerror}") from error
        public, secret = make_pair()
        pair = {"public": public, "secret": secret}
        _write(self.path / "server.key", _document("the key of circusd; keep it secret", pair), mode=0o600)
        _write(self.path / "server.pub", f"{public}\n", mode=0o644, replace=True)
        return ServerKeys(public, secret)

    def server(self) -> ServerKeys:
        """The daemon's pair.

        Raises:
            KeyFileError: it cannot be used.
        """
        path = self.path / "server.key"
        if not path.exists():
            raise KeyFileError(f"there are no keys in {self.path}: make them with circusctl auth init")
        fields = _read_secret(path)
        if "public" not in fields or "secret" not in fields:
            raise KeyFileError(f"{path} is not the key file of a daemon")
        return ServerKeys(fields["public"], fields["secret"])

    def add(self, key: AuthorizedKey) -> None:
        """Let a key in from now on.

        Raises:
            KeyFileError: the name is taken or cannot be one, the key cannot be one, or the file cannot be written.
        """
        _check(key.name, key.public_key)
        _write(self._folder / f"{key.name}.pub", f"{key.role.value} {key.public_key}\n", mode=0o600)

    def remove(self, name: str) -> None:
        """Let a key in no more.

        Raises:
            KeyFileError: there is none of that name.
        """
        if _NAME.fullmatch(name) is None:
            raise KeyFileError(f"{name!r} is not the name of a key")
        try:
            (self._folder / f"{name}.pub").unlink()
        except FileNotFoundError:
            raise KeyFileError(f"no key of the name {name!r} is authorised") from None
        except OSError as error:
            raise KeyFileError(f"cannot remove the key {name!r}: {error.strerror}") from error

    def authorized(self) -> list[AuthorizedKey]:
        """The keys that are let in, by name. Files that are none are left out."""
        self._renew()
        return sorted(self._keys.values(), key=lambda key: key.name)

    def find(self, public_key: str) -> AuthorizedKey | None:
        """The key, if it is let in now."""
        self._renew()
        return self._keys.get(public_key)

    def _renew(self) -> None:
        seen: list[tuple[str, int, int, int]] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".pub") and entry.is_file(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        seen.append((entry.name, facts.st_ino, facts.st_mtime_ns, facts.st_size))
        except OSError:
            seen = []
        now = tuple(sorted(seen))
        if now != self._seen:
            self._seen = now
            found = (self._read(name) for name, *_ in now)
            self._keys = {key.public_key: key for key in found if key is not None}

    def _read(self, file: str) -> AuthorizedKey | None:
        try:
            role, public = (self._folder / file).read_text().split()[:2]
            return AuthorizedKey(file.removesuffix(".pub"), Role(role), public)
        except (OSError, ValueError):
            return None


def _check(name: str, public_key: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise KeyFileError(f"{name!r} cannot name a key: letters, digits and _ . @ - only")
    if _KEY.fullmatch(public_key) is None:
        raise KeyFileError("a public key has 40 characters, as in the file server.pub")


def _document(title: str, fields: Mapping[str, str]) -> str:
    return f"# {title}\n" + "".join(f"{name} {value}\n" for name, value in fields.items())


def _read_secret(path: Path) -> dict[str, str]:
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise KeyFileError(f"others may read {path}: chmod 600 {path}")
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"cannot read the key file {path}: {error}") from error
    fields = dict(line.split(maxsplit=1) for line in lines if len(line.split()) == 2)
    for name, value in fields.items():
        if name in {"server", "public", "secret"} and _KEY.fullmatch(value) is None:
            raise KeyFileError(f"{path}: the {name} key is not one")
    return fields


def _write(path: Path, text: str, *, mode: int, replace: bool = False) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, mode), "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
    except FileExistsError:
        raise KeyFileError(f"{path} is there already; it stays as it is") from None
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from error
