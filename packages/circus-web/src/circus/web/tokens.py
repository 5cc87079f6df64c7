"""The tokens of a console: in the run directory, for its owner's eyes only."""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from circus.web.auth import Role

__all__ = ["TokenError", "load_tokens", "run_directory"]


class TokenError(Exception):
    """The run directory or a token in it cannot be trusted or written."""


def run_directory() -> Path:
    """``$XDG_RUNTIME_DIR/circus``, ``/run/circus`` for root, or a folder of this user's under the temporary one."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return Path(base) / "circus"
    if os.geteuid() == 0:
        return Path("/run/circus")
    return Path(tempfile.gettempdir()) / f"circus-{os.geteuid()}"


def load_tokens(folder: Path, name: str) -> dict[Role, str]:
    """The token of each role, made if there is none; they outlive a restart, so that scripts go on working.

    Args:
        folder: made with mode 0700 if it is missing.
        name: tells several consoles of one user apart.

    Raises:
        TokenError: the folder is not ours, or others may write or read what they should not.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise TokenError(f"cannot keep the access token in {folder}: {error}; set XDG_RUNTIME_DIR") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise TokenError(
            f"cannot keep the access token in {folder}: it is not a folder of this user's that nobody else"
            " may write to; remove it or set XDG_RUNTIME_DIR"
        )
    return {role: _load(folder / f"{name}.{role.value}.token") for role in (Role.OPERATOR, Role.VIEWER)}


def _load(path: Path) -> str:
    try:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor) as file:
                found = os.fstat(descriptor)
                token = file.read().strip()
            if found.st_uid == os.geteuid() and not found.st_mode & 0o077 and len(token) >= 32:
                return token
            path.unlink()
        token = secrets.token_urlsafe(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise TokenError(f"cannot keep the access token in {path}: {error}") from error
    return token
