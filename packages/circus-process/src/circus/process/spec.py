"""What is to be run, fully decided: no expansion, look-up or default is left to do. Pure.

Illegal states: an empty argv; a relative executable without a PATH to find it (the spawner says so, with
`Stage.FIND_EXECUTABLE`); two limits for one resource (a mapping cannot hold them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import final

__all__ = ["Identity", "ProcessSpec", "Stdio"]

_EMPTY: Mapping[str, str] = MappingProxyType({})
_NO_LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType({})


class Stdio(Enum):
    """What a standard stream of the child is connected to, where it is not a descriptor of ours."""

    INHERIT = "inherit"
    """The same as ours."""
    NULL = "null"
    """/dev/null."""
    PIPE = "pipe"
    """A new pipe; the child handle holds our end and owns it until it is taken."""
    CLOSE = "close"
    """Closed: the child has no such descriptor."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the process runs as. None means unchanged; 0 is root, a value like any other.

    Args:
        uid: real, effective and saved user id.
        gid: real, effective and saved group id.
        groups: supplementary groups; None keeps ours *only* where neither uid nor gid is set.
    """

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    @property
    def changes(self) -> bool:
        """Whether anything at all is to be changed."""
        return self.uid is not None or self.gid is not None or self.groups is not None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process to spawn.

    Args:
        label: how errors and logs call it: ``web.2``.
        argv: the argument vector, at least one element; passed as it is, no shell.
        executable: the file to run instead of ``argv[0]``; searched in the child's PATH if it has no slash.
        env: the whole environment of the child.
        cwd: its working directory; None keeps ours.
        identity: user, group and supplementary groups.
        limits: resource name without ``RLIMIT_`` in lower case (``nofile``) to (soft, hard);
            ``resource.RLIM_INFINITY`` for no limit.
        umask: file mode creation mask; None keeps ours.
        stdin: standard input: a `Stdio` or a descriptor of ours, which stays ours.
        stdout: standard output, likewise.
        stderr: standard error, likewise.
        pass_fds: descriptors of ours that the child gets under the same numbers; all others are closed in it.
        new_session: start a session (and so a process group) of its own, so that the whole tree can be told apart.
        parent_death_signal: the signal that the child gets when we die (Linux ``PR_SET_PDEATHSIG``), or None.
    """

    label: str
    argv: tuple[str, ...]
    executable: str | None = None
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    cwd: str | None = None
    identity: Identity = field(default_factory=Identity)
    limits: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _NO_LIMITS)
    umask: int | None = None
    stdin: Stdio | int = Stdio.INHERIT
    stdout: Stdio | int = Stdio.INHERIT
    stderr: Stdio | int = Stdio.INHERIT
    pass_fds: tuple[int, ...] = ()
    new_session: bool = True
    parent_death_signal: int | None = None

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError(f"{self.label}: no command to run")
