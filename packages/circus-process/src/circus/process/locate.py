"""Which file will be executed, and why it cannot be: the checks that ``execve`` makes, made beforehand and told in words."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from circus.process.errors import Stage

__all__ = ["Fault", "Found", "find", "why_not"]

_DEFAULT_PATH = "/bin:/usr/bin"  # what execvp searches where there is no PATH


@final
@dataclass(frozen=True, slots=True)
class Found:
    """The file to execute."""

    path: str


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """Why nothing can be executed, and at which stage it shows."""

    stage: Stage
    subject: str
    cause: str


def find(program: str, env: Mapping[str, str], cwd: str | None, *, as_us: bool = True) -> Found | Fault:
    """Find a program as the child would: in its PATH, relative to its working directory.

    Args:
        program: a path, or a name without a slash.
        env: the child's environment.
        cwd: the child's working directory; None is ours.
        as_us: check the right to execute with our own identity; else only that somebody may.
    """
    if "/" in program:
        return why_not(program, cwd, as_us=as_us) or Found(program)
    path = env.get("PATH", _DEFAULT_PATH)
    refused: Fault | None = None
    for folder in path.split(os.pathsep):
        candidate = f"{folder or '.'}/{program}"
        fault = why_not(candidate, cwd, as_us=as_us)
        if fault is None:
            return Found(candidate)
        if fault.stage is Stage.EXEC and refused is None:
            refused = fault
    return refused or Fault(Stage.FIND_EXECUTABLE, program, f"not found in PATH ({path})")


def why_not(path: str, cwd: str | None, *, as_us: bool = True) -> Fault | None:
    """Why a file cannot be executed, or None."""
    full = os.path.join(cwd or ".", path)
    try:
        mode = os.stat(full).st_mode
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return Fault(Stage.FIND_EXECUTABLE if missing else Stage.EXEC, path, _words(error))
    if not stat.S_ISREG(mode):
        return Fault(Stage.EXEC, path, "is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
    if not mode & 0o111 or (
        as_us and not os.access(full, os.X_OK, effective_ids=os.access in os.supports_effective_ids)
    ):
        return Fault(Stage.EXEC, path, "permission denied (not executable)")
    interpreter = _interpreter(full)
    if interpreter is not None and not os.path.exists(os.path.join(cwd or ".", interpreter)):
        return Fault(Stage.EXEC, path, f"its interpreter {interpreter!r} does not exist")
    return None


def _interpreter(path: str) -> str | None:
    """What the ``#!`` line names."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None  # executable but not readable is fine for a binary
    try:
        head = os.read(fd, 256)
    finally:
        os.close(fd)
    if not head.startswith(b"#!"):
        return None
    words = head[2:].split(b"\n", 1)[0].split()
    return os.fsdecode(words[0]) if words else None


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
