"""Lets clients of an ipc endpoint in by small numbers, and only while there are descriptors for them. Owned by a door.

Theory: libzmq ends its process when a connection to an ipc endpoint finds no free descriptor (accept4 fails with EMFILE; it
forgives that for TCP), and what its thread accepts cannot be held up from here. So that thread is never given a socket to
which more can connect: a client connects to a listening socket of *ours*, whose queue is short. When somebody waits there and
there are descriptors for all who could wait, the next listening socket is renamed into its place, so that the queue of the
first one is final, and only then libzmq is given the first one to listen on (``ZMQ_USE_FD``). Until it has taken them all, its
TCP listeners take nobody in (`Pause`), so that nothing else uses up what was counted. Without descriptors nobody is called in:
clients wait in the queue, or try again by themselves.

What is called in at once is a *group*. libzmq ends its connections with its listener, so a group lives as long as one of
them, and costs one descriptor. Where descriptors are plenty, and for abstract names, which cannot be renamed, libzmq listens
by itself.

Mode, owner and group of the file stay what somebody has made them; an access list does not.

Illegal states: a listener of libzmq's at a path that clients can still look up; a group that ends before its last connection.
"""

import asyncio
import os
import select
import socket as stdlib_socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, final

import zmq

from circus.process import descriptors

__all__ = ["Porch", "is_stepwise", "queue_for"]

_LINGER: Final = 0.2
"""Seconds that a group is kept after its last known connection: news of another may be on their way."""
_UNSEEN: Final = 2.0
"""Seconds that a group is kept of which there are no news at all."""
_SOON: Final = 0.001
"""Seconds until it is looked again whether libzmq has taken a group in."""
_SUFFIX: Final = 8
"""Bytes by which a socket's path is longer before it is renamed; one may have 107 (unix(7))."""
_AGAIN: Final = 0.05
"""Seconds until it is looked again whether there are descriptors."""
_PATH_MAX: Final = 107
_SLACK: Final = 8
"""Descriptors that other threads and libraries may open while a group comes in."""


def is_stepwise(path: str | None, limit: int) -> bool:
    """Whether clients of an ipc endpoint come in by groups.

    Args:
        path: its file; None if it has none.
        limit: the soft limit of open descriptors.

    >>> is_stepwise("/run/x", 1024), is_stepwise("/run/x", 524_288), is_stepwise(None, 64)
    (True, False, False)
    """
    if path is None or not 0 <= limit < descriptors.MANY:
        return False
    return len(os.fsencode(path)) + _SUFFIX <= _PATH_MAX


def queue_for(kept: int) -> int:
    """How many may wait, so that all who come in at once, one more than that, fit into what is kept free.

    >>> queue_for(64), queue_for(20)
    (55, 11)
    """
    return kept - _SLACK - 1


@final
@dataclass(slots=True)
class _Group:
    """Those who were called in at once."""

    endpoint: str
    fd: int
    inside: set[int] = field(default_factory=set[int])
    changes: int = 0

    @property
    def somebody_waits(self) -> bool:
        return _is_readable(self.fd)


@final
class Porch:
    """One ipc endpoint, from `open` to `close`.

    Args:
        socket: the ZeroMQ socket that clients shall reach.
        path: the file that they connect to.
        kept: how many descriptors must be free for a group to be called in.
        queue: how many may wait.
        pause: called with True before a group comes in, and says whether it may: one at a time; with False when all are in.
        relieve: called with somebody waiting and no descriptors: may end connections that can be done without.
        owner_uid: whom the file belongs to; None: us.
    """

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        path: str,
        *,
        kept: Callable[[], int],
        queue: int,
        pause: Callable[[bool], bool],
        relieve: Callable[[], None],
        owner_uid: int | None = None,
    ) -> None:
        self._socket = socket
        self._path = path
        self._kept = kept
        self._queue = queue
        self._pause = pause
        self._relieve = relieve
        self.owner_uid = owner_uid
        self._count = 0
        self._next: stdlib_socket.socket | None = None
        self._next_endpoint = ""
        self._groups: dict[str, _Group] = {}
        self._seats: dict[int, _Group] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    def open(self) -> None:
        """Let clients connect, and wait.

        Raises:
            OSError: it cannot be listened there.
        """
        self._count += 1
        aside = f"{self._path}.{self._count}"
        listening = stdlib_socket.socket(
            stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM | getattr(stdlib_socket, "SOCK_NONBLOCK", 0)
        )
        try:
            listening.setblocking(False)
            with suppress(FileNotFoundError):
                os.unlink(aside)
            listening.bind(aside)
            self._dress(aside)
            listening.listen(self._queue)
            os.rename(aside, self._path)
        except BaseException:
            listening.close()
            with suppress(OSError):
                os.unlink(aside)
            raise
        self._next, self._next_endpoint = listening, f"ipc://{aside}"

    def _dress(self, aside: str) -> None:
        """Make the file that of whom it belongs to: as wanted at first, and then as the one before it is now."""
        if self._next is None:
            if self.owner_uid is not None:
                os.chown(aside, self.owner_uid, -1)
            return
        with suppress(FileNotFoundError, PermissionError):
            before, now = os.stat(self._path), os.stat(aside)
            if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                os.chown(aside, before.st_uid, before.st_gid)
            if before.st_mode != now.st_mode:
                os.chmod(aside, stat.S_IMODE(before.st_mode))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call in who waits, from now on."""
        self._loop = loop
        self._listen()

    def _listen(self) -> None:
        if self._loop is not None and self._next is not None:
            self._loop.add_reader(self._next.fileno(), self._somebody_waits)

    def _somebody_waits(self) -> None:
        loop, first, endpoint = self._loop, self._next, self._next_endpoint
        assert loop is not None
        assert first is not None
        loop.remove_reader(first.fileno())
        if not self._pause(True):
            self._after(_SOON, self._listen)
            return
        if descriptors.free() < self._kept():
            self._pause(False)
            self._relieve()
            self._after(_AGAIN, self._listen)
            return
        try:
            self.open()
        except OSError:  # the folder is gone, or full: who waits goes on waiting
            self._pause(False)
            self._after(_AGAIN, self._listen)
            return
        self._call_in(first, endpoint)

    def _call_in(self, waiting: stdlib_socket.socket, endpoint: str) -> None:
        fd = waiting.detach()  # it is libzmq's from here on, and closed with the group
        self._groups[endpoint] = _Group(endpoint, fd)
        self._socket.setsockopt(zmq.USE_FD, fd)
        try:
            self._socket.bind(endpoint)
        finally:
            self._socket.setsockopt(zmq.USE_FD, -1)
        self._after(_UNSEEN, lambda: self._end_if_empty(endpoint, 0))
        self._settle(self._groups[endpoint])

    def _settle(self, group: _Group) -> None:
        """Let everybody else go on when nobody of a group waits any more; only then the next one may come in."""
        if group.somebody_waits:
            self._after(_SOON, lambda: self._settle(group))
            return
        self._pause(False)
        self._listen()

    def came(self, endpoint: str, fd: int) -> None:
        """A connection was accepted: where, and its descriptor."""
        group = self._groups.get(endpoint)
        if group is not None:
            group.inside.add(fd)
            group.changes += 1
            self._seats[fd] = group

    def left(self, fd: int) -> None:
        """A connection was closed."""
        group = self._seats.pop(fd, None)
        if group is None:
            return
        group.inside.discard(fd)
        group.changes += 1
        if not group.inside:
            changes, endpoint = group.changes, group.endpoint
            self._after(_LINGER, lambda: self._end_if_empty(endpoint, changes))

    def _end_if_empty(self, endpoint: str, changes: int) -> None:
        """End a group in which nothing has happened since; another timer follows whatever did happen."""
        group = self._groups.get(endpoint)
        if group is None or group.inside or group.changes != changes:
            return
        if group.somebody_waits:
            self._after(_LINGER, lambda: self._end_if_empty(endpoint, changes))
            return
        del self._groups[endpoint]
        self._socket.unbind(endpoint)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None:
            return

        def due() -> None:
            self._timers.discard(timer)
            do()

        timer = loop.call_later(seconds, due)
        self._timers.add(timer)

    def close(self) -> None:
        """Let nobody wait any more; before the ZeroMQ socket is closed. May be called any number of times."""
        loop, self._loop = self._loop, None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        first, self._next = self._next, None
        if first is not None:
            if loop is not None:
                loop.remove_reader(first.fileno())
            first.close()


def _is_readable(fd: int) -> bool:
    look = select.poll()
    look.register(fd, select.POLLIN)
    return bool(look.poll(0))
