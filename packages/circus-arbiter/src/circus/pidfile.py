"""One daemon a pid file.

Theory. The file holds the pid and a newline, as every script expects. What proves that its writer lives is not
the number, which the system may have given to another process since, but a lock: the writer keeps the file
open and locked (``flock``), and the kernel lets go of the lock when the writer ends, however it ends. A file
that nobody has locked was left behind, or written by an old version, which locks nothing: then its pid counts
if that process is older than the file and its command line is that of a circusd.
"""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import final

__all__ = ["Pidfile", "PidfileError"]

_MODE = 0o644
_PROC = Path("/proc")


@final
class PidfileError(RuntimeError):
    """A pid file cannot be had: another daemon has it, or the file cannot be written."""


class Pidfile:
    """The pid file of a daemon. Created by one process, it is its own until `unlink` or its end.

    Args:
        fname: its path; None or empty makes a file in the folder for temporary files.
    """

    def __init__(self, fname: str | os.PathLike[str] | None) -> None:
        self.fname: str | None = os.fspath(fname) if fname else None
        self.pid = os.getpid()
        self._fd: int | None = None

    def create(self, pid: int) -> None:
        """Lock the file and write the pid into it. A left-over file is taken over.

        Args:
            pid: the daemon's; usually that of this process, which has to live as long as the daemon.

        Raises:
            PidfileError: another daemon has it (its pid is named), or the file cannot be written.
        """
        pid = int(pid)
        if self.fname is None:
            made, self.fname = tempfile.mkstemp(prefix="circus-", suffix=".pid")
            os.close(made)
        fd = self._fd
        if fd is None:
            owner = self.validate()
            if owner == pid:
                return
            if owner is not None:
                raise PidfileError(self._taken(owner))
            fd = self._open(self.fname)
        self._fd, self.pid = fd, pid
        try:
            _write(fd, pid)
        except OSError as exc:
            self.unlink()
            raise PidfileError(f"cannot write pid file {self.fname}: {_reason(exc)}") from exc

    def _open(self, fname: str) -> int:
        """Open and lock the file that has this name now."""
        while True:
            try:
                fd = os.open(fname, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            except OSError as exc:
                hint = _hint(fname)
                raise PidfileError(f"cannot write pid file {fname}: {_reason(exc)}{hint}") from exc
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_ino == os.stat(fname).st_ino:
                    return fd
            except BlockingIOError:
                owner = _read(fname)
                os.close(fd)
                raise PidfileError(self._taken(owner)) from None
            except FileNotFoundError:
                pass
            os.close(fd)  # it was unlinked or replaced between the two calls: once more

    def _taken(self, owner: int | None) -> str:
        command = " ".join(" ".join(_command(owner or 0)).split())[:60] or "?"
        who = "another process" if owner is None else f"pid {owner} ({command})"
        return f"circusd is running already: {who} has pid file {self.fname}"

    def validate(self) -> int | None:
        """The pid of the daemon that has the file; None if there is none.

        Raises:
            PidfileError: the file cannot be read.
        """
        if not self.fname:
            return None
        try:
            with open(self.fname, "rb") as file:
                if self._fd is not None:
                    return self.pid
                locked = _is_locked(file.fileno())
                written = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise PidfileError(f"cannot read pid file {self.fname}: {_reason(exc)}") from exc
        pid = _read(self.fname)
        if pid is None or locked:
            return pid
        # Without a lock of ours, our own number is that of an earlier process, as in a restarted container.
        return pid if pid != os.getpid() and _is_old_daemon(pid, written) else None

    def rename(self, path: str | os.PathLike[str]) -> None:
        """Move to another path.

        Raises:
            PidfileError: the new one cannot be had; then there is none.
        """
        self.unlink()
        self.fname = os.fspath(path)
        self.create(self.pid)

    def unlink(self) -> None:
        """Remove the file if it is ours, and let go of it. Idempotent; never raises."""
        fd, self._fd = self._fd, None
        if self.fname and _read(self.fname) == self.pid:
            with contextlib.suppress(OSError):
                Path(self.fname).unlink()
        if fd is not None:
            os.close(fd)


def _reason(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


def _hint(fname: str) -> str:
    folder = Path(fname).parent
    return "" if folder.is_dir() else f": {folder} is no folder; make it first"


def _write(fd: int, pid: int) -> None:
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{pid}\n".encode(), 0)
    os.fchmod(fd, _MODE)
    os.fsync(fd)


def _is_locked(fd: int) -> bool:
    """Whether another open file has the lock. It is tried shared, so that two who look do not see each other."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def _read(fname: str) -> int | None:
    try:
        with open(fname, "rb") as file:
            pid = int(file.read(32))  # never the whole of what may be a device
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def _command(pid: int) -> list[str]:
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0") if word]


def _is_old_daemon(pid: int, written: float) -> bool:
    """Whether a process is a daemon that wrote this file without locking it.

    Args:
        pid: what the file says.
        written: when the file was written, in seconds since the epoch.
    """
    words = [word.rpartition("/")[2] for word in _command(pid)]
    if not any(word in {"circusd", "start-circus", "circus.circusd"} for word in words):
        return False
    started = _started(pid)
    return started is None or started <= written + 2  # clock ticks, and a clock that was set a little


def _started(pid: int) -> float | None:
    """When a process started, in seconds since the epoch."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
        system = (_PROC / "stat").read_text()
        boot = next(int(line.split()[1]) for line in system.splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    return boot + int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
