"""How sockets get into processes: markers in command lines, and the ``LISTEN_FDS`` protocol of systemd.

A worker is told a descriptor's number by ``$(circus.sockets.NAME)`` or ``((circus.sockets.NAME))``, in any
case, in its command or its arguments. With ``LISTEN_FDS``, descriptors are 3, 4, ... and the process is told
how many, whom they are for (``LISTEN_PID``) and their names (``LISTEN_FDNAMES``). circusd receives sockets
that way when it is socket-activated; `give_argv` builds the command that gives them.
"""

import os
import re
import socket
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from circus.sockets.bind import BoundSocket, listen, resolve
from circus.sockets.spec import BindError, SocketSpec, Stage

__all__ = ["HandDown", "Received", "adopt", "give_argv", "hand_down", "markers", "take_listen_fds"]

_MARKER = re.compile(r"\$\(circus\.sockets\.([\w.\-]+)\)|\(\(circus\.sockets\.([\w.\-]+)\)\)", re.IGNORECASE)
FIRST_FD = 3


def markers(*texts: str | Iterable[str] | None) -> frozenset[str]:
    """The names of sockets that command lines refer to, in lower case.

    >>> sorted(markers("serve --fd $(circus.sockets.Web)", ["((CIRCUS.SOCKETS.admin))"]))
    ['admin', 'web']
    """
    found: set[str] = set()
    for text in texts:
        parts: Iterable[str] = [text] if isinstance(text, str) else text or ()
        for part in parts:
            found.update((match[1] or match[2]).lower() for match in _MARKER.finditer(part))
    return frozenset(found)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HandDown:
    """What one worker gets.

    Args:
        fds: descriptors to pass on under the same numbers.
        values: name in lower case to the text that replaces ``$(circus.sockets.NAME)``.
    """

    fds: tuple[int, ...]
    values: Mapping[str, str]


def hand_down(descriptors: Mapping[str, int], names: Iterable[str] | None = None) -> HandDown:
    """Decide which descriptors a worker gets.

    Args:
        descriptors: name of each socket to its descriptor, as far as they are bound. Descriptors of the
            worker's own (`SocketSpec.reuse_port`) take the place of the shared ones here.
        names: the sockets that it may use, in any case; None for all.

    Raises:
        ValueError: there is no socket of such a name.
    """
    known = {name.lower(): fd for name, fd in descriptors.items()}
    chosen = list(known) if names is None else list(dict.fromkeys(name.lower() for name in names))
    for name in chosen:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ValueError(f"there is no socket {name!r}; sockets are: {there}")
    picked = {name: known[name] for name in chosen}
    return HandDown(
        fds=tuple(sorted(set(picked.values()))), values={name: str(fd) for name, fd in picked.items()}
    )


@final
@dataclass(frozen=True, slots=True)
class Received:
    """A descriptor that whoever started us passed on. It is ours.

    Args:
        fd: its number.
        name: its name in ``LISTEN_FDNAMES``; ``unknown`` where none was told, as systemd does.
    """

    fd: int
    name: str


def take_listen_fds(environ: MutableMapping[str, str], *, pid: int | None = None) -> tuple[Received, ...]:
    """Take the sockets that we were started with.

    The three variables are removed, so that no child takes them for its own, and the descriptors are made
    close-on-exec. Nothing is taken where the variables are for another process or make no sense.

    Args:
        environ: the environment, usually ``os.environ``.
        pid: who we are; default: this process.
    """
    told = {key: environ.pop(key, "") for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(os.getpid() if pid is None else pid) or not told["LISTEN_FDS"].isdecimal():
        return ()
    names = told["LISTEN_FDNAMES"].split(":") if told["LISTEN_FDNAMES"] else []
    taken: list[Received] = []
    for index in range(min(int(told["LISTEN_FDS"]), 4096)):
        fd = FIRST_FD + index
        try:
            os.set_inheritable(fd, False)
        except OSError:  # told of more than there are
            continue
        taken.append(Received(fd, names[index] if index < len(names) else "unknown"))
    return tuple(taken)


def adopt(spec: SocketSpec, received: Iterable[Received]) -> tuple[BoundSocket, Received] | None:
    """Make one of the received descriptors the socket of a spec: that of its name, else that of its address.

    Returns:
        The socket, which owns the descriptor now, and what it was taken from; None where none fits.

    Raises:
        BindError: the one of its name is of another family or type.
    """
    candidates = list(received)
    named = [item for item in candidates if item.name.lower() == spec.key]
    for item in named or candidates:
        try:
            sock = socket.socket(fileno=item.fd)
        except OSError:  # a descriptor that is no socket can be passed on, too
            continue
        fits = (sock.family, sock.type) == (spec.family, spec.type)
        if fits and (named or _same_address(sock, spec)):
            listen(sock, spec)
            return BoundSocket(spec, sock, owns_path=False), item
        found = f"{sock.family!s}, {sock.type!s}"
        sock.detach()
        if named:
            cause = f"the descriptor {item.fd} passed on under this name is {found}"
            raise BindError(Stage.ADOPT, spec.name, spec.location, cause=cause)
    return None


def _same_address(sock: socket.socket, spec: SocketSpec) -> bool:
    wanted = resolve(spec)
    bound = sock.getsockname()
    return bound == wanted if isinstance(wanted, str) else tuple(bound[:2]) == tuple(wanted[:2])


def give_argv(argv: Sequence[str], sockets: Mapping[str, int]) -> tuple[str, ...]:
    """The command that runs another with ``LISTEN_FDS``: it renumbers, sets the variables and becomes it.

    ``LISTEN_PID`` has to be the pid of the process that gets the sockets, and descriptors have to be 3 and
    up; both are known only after the fork. So a small program is run first, which keeps the pid (some
    10 ms a start). Pass the same descriptors on to it.

    Args:
        argv: the command, its executable findable in PATH.
        sockets: name to descriptor, in the order wanted.
    """
    helper = str(Path(__file__).with_name("give.py"))
    pairs = [f"{fd}={name}" for name, fd in sockets.items()]
    return (sys.executable, "-I", "-S", helper, *pairs, "--", *argv)
