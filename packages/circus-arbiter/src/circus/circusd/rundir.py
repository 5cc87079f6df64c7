"""The socket in the user's run directory, by which circusctl finds a daemon without being told.

Theory: the directory is ours alone (0700), so that nobody else can reach a socket in it, or put one there. A daemon's file is
named by its pid, so that several never meet; what a killed one left behind is recognised by nobody answering, and swept away
by the next.
"""

import socket
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["is_stale", "local_endpoint", "run_directory"]


def run_directory(environ: Mapping[str, str], *, uid: int) -> Path:
    """Where a daemon of this user has its socket. Pure."""
    if uid == 0:
        return Path("/run/circus")
    return Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}") / "circus"


def local_endpoint(folder: Path, *, uid: int, pid: int) -> str:
    """The endpoint for a daemon in its run directory, which is made, and what others left there swept away.

    Raises:
        OSError: there is no such directory, it cannot be made, or it is not ours alone.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != uid:
        raise PermissionError(f"{folder} is not a directory of ours")
    if stat.S_IMODE(facts.st_mode) != 0o700:
        folder.chmod(0o700)
    for path in folder.glob("*.sock"):
        if is_stale(path):
            path.unlink(missing_ok=True)
    return f"ipc://{folder / f'{pid}.sock'}"


def is_stale(path: Path) -> bool:
    """Whether nobody listens at a socket's file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
