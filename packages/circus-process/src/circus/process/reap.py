"""Seeing a child's end: once, at once, for thousands at once, and for nobody else's children.

Theory. With pidfds (Linux >= 5.3) each event loop gets one epoll set of its own that holds the pidfds of its children, and
the loop watches that one descriptor. When it becomes readable, at most `REAP_BATCH` children are reaped by
``waitid(P_PIDFD)`` and at most `CALL_BATCH` owners are called back a turn of the loop, so that 5,000 simultaneous deaths
never hold the loop for long. It works in any thread, on any loop, on several loops at once.

Without pidfd, or where descriptors have run out, a thread a child sleeps in ``waitid(P_PID, WNOWAIT)``: it leaves the zombie
in place, so that the pid cannot be recycled, and wakes the loop, which reaps. No signal handler is installed: SIGCHLD
belongs to the embedding program. ``waitpid(-1)`` and its like are never used, so foreign children are left alone.

A child is known here only as something that can be reaped without blocking and that announces its end.
"""

import asyncio
import os
import select
import sys
from collections import deque
from contextlib import suppress
from typing import Protocol, final

from circus.process import threads
from circus.process.exits import ExitStatus

__all__ = ["CALL_BATCH", "REAP_BATCH", "Reapable", "Reaper", "exit_of", "open_pidfd", "reap", "reaper_of"]

REAP_BATCH = 64
CALL_BATCH = 64


class Reapable(Protocol):
    """What the reaper needs to know of a child."""

    @property
    def pid(self) -> int: ...
    @property
    def pidfd(self) -> int | None: ...
    def poll(self) -> ExitStatus | None: ...
    def announce(self) -> None: ...


def open_pidfd(pid: int) -> int | None:
    """A pidfd of a process that exists (a zombie does); None where this system has none or we are out of descriptors.

    Raises:
        ProcessLookupError: there is no such process.
    """
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:  # ENOSYS, EPERM in a sandbox, EMFILE, ENFILE: the thread does it
        return None


def exit_of(result: os.waitid_result) -> ExitStatus:
    """What ``waitid`` said, as a value."""
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status, core_dumped=result.si_code == os.CLD_DUMPED)


def reap(pid: int, pidfd: int | None) -> ExitStatus | None:
    """Reap one child of ours without blocking; None while it runs.

    A child that somebody else reaped (or that the kernel did, with SIGCHLD ignored) has an unknown exit.
    """
    try:
        if pidfd is not None and sys.platform == "linux":
            result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
        else:
            result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return ExitStatus()
    return None if result is None else exit_of(result)


@final
class Reaper:
    """Watches the children of one event loop; made by `reaper_of`. All methods run on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll: select.epoll | None = None
        self._by_fd: dict[int, Reapable] = {}
        self._due: deque[Reapable] = deque()
        self._calling = False
        self._asleep: set[Reapable] = set()  # those that have a thread

    def watch(self, child: Reapable) -> None:
        """Announce the child's end on the loop, once.

        Raises:
            NoThreadError: neither a descriptor nor a thread could be had.
        """
        fd = child.pidfd
        if fd is not None and self._register(fd):
            self._by_fd[fd] = child
            return
        try:
            threads.start(self._sleep, child, name=f"reap-{child.pid}")
        except threads.NoThreadError:
            self._retire()
            raise
        self._asleep.add(child)

    def forget(self, child: Reapable) -> None:
        """Stop watching; its end will not be announced."""
        fd = child.pidfd
        if fd is not None and self._by_fd.get(fd) is child:
            self._unregister(fd)
            self._close_if_idle()
        self._asleep.discard(child)
        self._retire()

    def _register(self, fd: int) -> bool:
        try:
            if self._epoll is None:
                self._epoll = select.epoll()
                self._loop.add_reader(self._epoll.fileno(), self._readable)
            self._epoll.register(fd, select.EPOLLIN)
        except OSError:  # EMFILE, ENFILE, ENOSPC (max_user_watches): the thread does it
            self._close_if_idle()
            return False
        return True

    def _unregister(self, fd: int) -> None:
        del self._by_fd[fd]
        if self._epoll is not None:
            self._epoll.unregister(fd)

    def _close_if_idle(self) -> None:
        """An idle reaper holds no descriptor: an embedding program sees none that it did not cause."""
        if self._epoll is not None and not self._by_fd:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _readable(self) -> None:
        if self._epoll is None:
            return
        for fd, _ in self._epoll.poll(0, REAP_BATCH):
            child = self._by_fd[fd]
            if child.poll() is not None:
                self._unregister(fd)
                self._due.append(child)
        self._close_if_idle()
        self._call_soon()

    def _sleep(self, child: Reapable) -> None:
        """The thread of the fall-back: sleep until the child has ended, then wake the loop."""
        fd = child.pidfd
        if fd is not None:  # there is one, but no room to watch it from the loop
            poller = select.poll()
            poller.register(fd, select.POLLIN)
            poller.poll()
        else:
            with suppress(
                ChildProcessError
            ):  # reaped already, by poll() or by somebody else: announced all the same
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        try:
            self._loop.call_soon_threadsafe(self._collect, child)
        except RuntimeError:
            return  # the loop has been closed: nobody listens any more

    def _collect(self, child: Reapable) -> None:
        if child in self._asleep and child.poll() is not None:
            self._asleep.discard(child)
            self._due.append(child)
            self._call_soon()

    def _call_soon(self) -> None:
        if self._due and not self._calling:
            self._calling = True
            self._loop.call_soon(self._call)

    def _call(self) -> None:
        self._calling = False
        for _ in range(min(CALL_BATCH, len(self._due))):
            self._due.popleft().announce()
        self._call_soon()
        self._retire()

    def _retire(self) -> None:
        if not self._by_fd and not self._asleep and not self._due and _REAPERS.get(self._loop) is self:
            del _REAPERS[self._loop]


_REAPERS: dict[asyncio.AbstractEventLoop, Reaper] = {}  # those with something to watch


def reaper_of(loop: asyncio.AbstractEventLoop) -> Reaper:
    """The one reaper of a loop."""
    reaper = _REAPERS.get(loop)
    if reaper is None:
        reaper = _REAPERS[loop] = Reaper(loop)
    return reaper
