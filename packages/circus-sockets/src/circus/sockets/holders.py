"""Who holds an address: a reading of Linux's ``/proc``. Where there is none, nobody is named.

The kernel lists sockets by inode, and each process's descriptors by inode. Both tables may change between
the two reads, so an answer is a hint for a person, never a reason to act.
"""

import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from circus.sockets.spec import Address, Holder

__all__ = ["holder_of"]

_PROC = Path("/proc")


def holder_of(address: Address, *, family: int, stream: bool, proc: Path = _PROC) -> Holder | None:
    """A process that has a socket bound to this address, or None if the system does not tell.

    Args:
        address: as it was given to ``bind``.
        family: AF_INET, AF_INET6 or AF_UNIX.
        stream: TCP rather than UDP; of no meaning for a path.
        proc: where the process file system is mounted.
    """
    if family == socket.AF_UNIX:
        inodes = set(_unix_inodes(str(address), proc))
    elif isinstance(address, tuple):
        inodes = set(_inet_inodes(address[1], stream=stream, proc=proc))
    else:
        return None
    return _owner(inodes, proc) if inodes else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[1:]
    except OSError:
        return []


def _inet_inodes(port: int, *, stream: bool, proc: Path) -> Iterator[str]:
    """Inodes of sockets on a port; a stream has to listen. An address of another family may hold it, too."""
    kind = "tcp" if stream else "udp"
    for line in [*_lines(proc / "net" / kind), *_lines(proc / "net" / f"{kind}6")]:
        columns = line.split()
        if len(columns) < 10:
            continue
        local, state, inode = columns[1], columns[3], columns[9]
        if int(local.rpartition(":")[2], 16) == port and (state == "0A" or not stream) and inode != "0":
            yield inode


def _unix_inodes(path: str, proc: Path) -> Iterator[str]:
    for line in _lines(proc / "net" / "unix"):
        columns = line.split(maxsplit=7)
        if len(columns) == 8 and columns[7] == path:
            yield columns[6]


def _owner(inodes: Iterable[str], proc: Path) -> Holder | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        pids = sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    except OSError:
        return None
    for pid in pids:
        folder = proc / str(pid)
        if any(link in wanted for link in _descriptors(folder / "fd")):
            return Holder(pid, _command(folder))
    return None


def _descriptors(folder: Path) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:  # gone, or not ours to look into
        return
    for name in names:
        try:
            yield os.readlink(folder / name)
        except OSError:
            continue


def _command(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"
