"""How many descriptors this process may still open, and how many of them are kept free.

Theory. The kernel gives out the lowest free number below the soft limit, to every thread alike; who comes last gets EMFILE. Most
code survives that; some libraries end the process (libzmq does, for a connection to one of its unix sockets). So what can wait
keeps away from the end: it asks here first. Linux 6.2 and newer tell the number of open descriptors as the size of
``/proc/self/fd`` (one look, some microseconds); elsewhere the folder is listed.

Clients and workers must not lock each other out: many clients leave more than the start of a process asks for, so that who crashes
is replaced; workers leave more than the first few clients ask for, so that somebody can come and end them.
"""

import os
import resource
from typing import Final

__all__ = [
    "HOW_TO_RAISE",
    "MANY",
    "free",
    "kept_for_a_group",
    "kept_for_clients",
    "kept_from_spawns",
    "lowest_free",
]

MANY: Final = 16_384
"""From this limit on descriptors are plenty: nobody uses up a quarter of them between two looks."""
HOW_TO_RAISE: Final = (
    "raise the hard limit of open files: LimitNOFILE= in a unit of systemd, ulimit -Hn in a shell"
)

_FOLDERS: Final = ("/proc/self/fd", "/dev/fd")
_FEW: Final = 256
_MANY_KEPT: Final = 1024


def free() -> int:
    """How many descriptors can be opened until the soft limit is reached; never negative."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return MANY
    return max(0, limit - _in_use())


def lowest_free() -> int:
    """The number that the next descriptor gets; the soft limit where there is none left."""
    try:
        fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(fd)
    return fd


def _in_use() -> int:
    for folder in _FOLDERS:
        try:
            # A folder of an older kernel has no size.
            return os.stat(folder).st_size if _tells_number() else len(os.listdir(folder)) - 1
        except OSError:
            continue
    return 0  # nobody tells: the kernel's own EMFILE is all there is


def _tells_number() -> bool:
    release = os.uname()
    words = release.release.split(".")
    return release.sysname == "Linux" and [int(word) for word in words[:2] if word.isdecimal()] >= [6, 2]


def kept_for_a_group(limit: int) -> int:
    """How many descriptors those who are let in at once may need at a limit.

    >>> [kept_for_a_group(limit) for limit in (64, 256, 1024)]
    [20, 64, 64]
    """
    return 20 if limit < _FEW else 64


def kept_from_spawns(limit: int) -> int:
    """How many descriptors the start of a process leaves free at a limit: more than a group, so that workers lock nobody out.

    >>> [kept_from_spawns(limit) for limit in (64, 256, 1024, 524_288)]
    [22, 76, 76, 1024]
    """
    if limit == resource.RLIM_INFINITY or limit >= MANY:
        return _MANY_KEPT
    return kept_for_a_group(limit) + (2 if limit < _FEW else 12)


def kept_for_clients(limit: int) -> int:
    """How many descriptors shall be free at a limit before one client more is let in than a few: more than for a process.

    >>> [kept_for_clients(limit) for limit in (64, 256, 1024, 524_288)]
    [32, 96, 96, 131072]
    """
    if limit == resource.RLIM_INFINITY:
        return MANY // 4
    return limit // 4 if limit >= MANY else kept_for_a_group(limit) + (12 if limit < _FEW else 32)
