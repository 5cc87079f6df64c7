"""Going into the background, and telling the one who waits how it went. POSIX only.

Theory: the parent of ``circusd --daemon`` holds the reading end of a pipe until the daemon says ``ready`` or why it
could not start; a pipe that closes without a word means that the daemon died. So a script can trust the exit code.
"""

import os
import resource
import sys
from collections.abc import Callable
from typing import NoReturn

__all__ = ["daemonize", "fork_and_wait_until_ready"]

_READY = b"ready"
_MAX_TEXT = 64 * 1024


def _leave_terminal() -> None:
    """Become a session leader's child, so that no terminal can be acquired again."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)


def _close_all_but(keep: frozenset[int]) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        fds = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        fds = list(range(min(limit, 65536) if limit != resource.RLIM_INFINITY else 65536))
    for fd in fds:
        if fd not in keep:
            try:
                os.close(fd)
            except OSError:
                continue
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        if fd not in keep:
            os.dup2(null, fd)
    if null > 2:
        os.close(null)


def daemonize() -> None:
    """Go into the background: a new session, no terminal, standard streams on /dev/null, all descriptors closed.

    The calling process ends with code 0; what returns is its grandchild.
    """
    if os.fork() != 0:
        os._exit(0)
    _leave_terminal()
    _close_all_but(frozenset())


def fork_and_wait_until_ready() -> Callable[[str | None], None]:
    """Go into the background; the parent stays until it is told how the start went, and exits accordingly.

    Returns:
        In the daemon only: to be called once, with None when it is ready, or with the reason of a failure. The
        parent then exits with 0, or prints the reason to standard error and exits with 1.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(writing)
        _wait_as_parent(reading)
    os.close(reading)
    _leave_terminal()
    _close_all_but(frozenset({writing}))

    def report(failure: str | None) -> None:
        os.write(
            writing, _READY if failure is None else failure.encode("utf-8", "backslashreplace")[:_MAX_TEXT]
        )
        os.close(writing)

    return report


def _wait_as_parent(reading: int) -> NoReturn:
    told = b""
    while chunk := os.read(reading, 4096):
        told += chunk
    if told == _READY:
        os._exit(0)
    reason = told.decode("utf-8", "replace") or "circusd died while it was starting; its log may say why"
    sys.stderr.write(f"{reason.rstrip()}\n")
    sys.stderr.flush()
    os._exit(1)
