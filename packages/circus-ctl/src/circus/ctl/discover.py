"""Where circusd is, if nobody says: told, then the run directories, then the well-known port."""

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from circus.ctl.failures import Failure
from circus.protocol.endpoints import DEFAULT_ENDPOINT

__all__ = ["control_endpoint", "events_behind", "run_directories"]

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


def events_behind(endpoint: str, bound: str) -> str:
    """Where events are, as seen from here: what the daemon bound, on the machine where we reach it. Pure.

    Raises:
        Failure: it publishes nowhere for those with keys.

    >>> events_behind("tcp://box:5565", "tcp://0.0.0.0:5566")
    'tcp://box:5566'
    """
    if not bound:
        raise Failure(
            "error: this circusd publishes nothing to those with keys",
            hint="its configuration has no curve_pubsub_endpoint",
        )
    transport, _, rest = bound.partition("://")
    host, _, port = rest.rpartition(":")
    if host not in {"0.0.0.0", "*", "[::]"}:  # noqa: S104 - compared, not bound
        return bound
    return f"{transport}://{endpoint.partition('://')[2].rpartition(':')[0]}:{port}"


def _sockets(folder: Path, *, owners: set[int]) -> list[Path]:
    """Control sockets in a folder; those of other users are not trusted."""
    found: list[Path] = []
    try:
        for path in sorted(folder.glob("*.sock")):
            facts = path.stat()
            ours = stat.S_ISSOCK(facts.st_mode) and facts.st_uid in owners
            if ours and not _is_other(path) and _answers(path):
                found.append(path)
    except OSError:
        return []
    return found


def _answers(path: Path) -> bool:
    """Whether somebody listens there: a daemon that was killed leaves its file behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _is_other(path: Path) -> bool:
    return any(word in path.stem for word in _NOT_CONTROL)
