"""Where circusd is, if nobody says: told, then the run directories, then the well-known port."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from circus.protocol.endpoints import DEFAULT_ENDPOINT

__all__ = ["control_endpoint", "run_directories"]

_NOT_CONTROL: Final = ("pubsub", "stats")


def run_directories(environ: Mapping[str, str], *, uid: int) -> list[Path]:
    """Where a daemon of this user, then of root, may have its sockets. Pure."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    own = [Path(runtime) / "circus"] if runtime else [Path(f"/run/user/{uid}/circus")] if uid else []
    return [*own, Path("/run/circus")]


def control_endpoint(told: str | None, environ: Mapping[str, str], *, uid: int | None = None) -> str:
    """The endpoint for commands.

    Args:
        told: by an option; an empty text counts as untold.
        environ: ``CIRCUSCTL_ENDPOINT`` and ``XDG_RUNTIME_DIR`` count.
        uid: whose run directory; ours by default.

    Returns:
        What was told; else the first socket in a run directory, if there is exactly one in it, since with several only
        the user can choose; else the default.
    """
    if told or environ.get("CIRCUSCTL_ENDPOINT"):
        return told or environ["CIRCUSCTL_ENDPOINT"]
    uid = os.getuid() if uid is None else uid
    for folder in run_directories(environ, uid=uid):
        found = _sockets(folder, owners={uid, 0})
        if len(found) == 1:
            return f"ipc://{found[0]}"
    return DEFAULT_ENDPOINT


def _sockets(folder: Path, *, owners: set[int]) -> list[Path]:
    """Control sockets in a folder; those of other users are not trusted."""
    found: list[Path] = []
    try:
        for path in sorted(folder.glob("*.sock")):
            facts = path.stat()
            if stat.S_ISSOCK(facts.st_mode) and facts.st_uid in owners and not _is_other(path):
                found.append(path)
    except OSError:
        return []
    return found


def _is_other(path: Path) -> bool:
    return any(word in path.stem for word in _NOT_CONTROL)
