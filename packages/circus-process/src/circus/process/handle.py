"""A handle to one process: its identity, its end, our ends of its pipes.

Theory. A process is named by (pid, start time) and held by a pidfd where there is one. As long as its exit has not been
reaped the pid cannot be recycled, so a signal under the lock that also guards reaping always hits this very process. The
exit is seen exactly once, by whoever polls first: the event loop's reaper, `poll` or `wait_blocking`.

Owns: the pidfd (released at the exit or by `close`) and the pipe ends that were not taken. A handle is made by a spawner or,
for a process that we did not spawn, by `adopt`; the latter's exit can be seen but not how it ended.
"""

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, final

from circus.process import clock, procfs, reap
from circus.process.errors import ProcessError, ProcessGoneError
from circus.process.exits import ExitStatus
from circus.process.tree import Root

if TYPE_CHECKING:
    from circus.process.forest import Forest
    from circus.process.seam import Child

__all__ = ["LocalChild", "adopt", "wait_readable"]


@final
class LocalChild:
    """One process of this machine; implements `circus.process.seam.Child`.

    Beside that protocol it works without an event loop: `poll` and `wait_blocking`.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_exit",
        "_exited_at",
        "_forest",
        "_is_ours",
        "_lock",
        "_loop",
        "_pidfd",
        "_reaper",
        "_stderr",
        "_stdin",
        "_stdout",
        "_waiters",
        "label",
        "pid",
        "root",
        "started_at",
    )

    def __init__(
        self,
        *,
        label: str,
        pid: int,
        pidfd: int | None,
        root: Root,
        started_at: float,
        forest: "Forest",
        is_ours: bool = True,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> None:
        self.label = label
        self.pid = pid
        self.root = root
        self.started_at = started_at
        self._pidfd = pidfd
        self._forest = forest
        self._is_ours = is_ours
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._exit: ExitStatus | None = None
        self._exited_at = float("inf")
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reaper: reap.Reaper | None = None
        self._callbacks: list[Callable[[Child], None]] = []
        self._waiters: list[asyncio.Future[ExitStatus]] = []

    def __repr__(self) -> str:
        state = "runs" if self._exit is None else self._exit.describe()
        return f"<{self.label} pid {self.pid}: {state}>"

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def start_time(self) -> int:
        """Clock ticks since boot at which it started: with the pid, its identity."""
        return self.root.start_time

    @property
    def pidfd(self) -> int | None:
        """The descriptor that names the process; it stays ours. None without pidfds, and after the exit."""
        return self._pidfd

    @property
    def exit(self) -> ExitStatus | None:
        """How it ended, as far as it has been seen; None while it runs."""
        return self._exit

    @property
    def exited_at(self) -> float:
        """Monotonic seconds at which its exit was seen; infinity while it runs."""
        return self._exited_at

    @property
    def is_ours(self) -> bool:
        """Whether it is a child of this process, whose exit status can be known."""
        return self._is_ours

    # -- its end ---------------------------------------------------------------------------------------------------

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop announce the exit; called once, on that loop. A spawner does it where a loop is running.

        Raises:
            NoThreadError: neither a descriptor nor a thread could be had.
        """
        reaper = reap.reaper_of(loop)
        reaper.watch(self)
        self._loop, self._reaper = loop, reaper

    def poll(self) -> ExitStatus | None:
        """Look, without blocking, whether it has ended; reaps it. Any thread."""
        with self._lock:
            if self._exit is None:
                status = self._look()
                if status is not None:
                    self._exit, self._exited_at = status, clock.monotonic()
                    self._forest.ended(self)
                    if self._reaper is None:
                        self._release_pidfd()
            return self._exit

    def _look(self) -> ExitStatus | None:
        if self._is_ours:
            return reap.reap(self.pid, self._pidfd)
        if self._pidfd is None:  # closed
            return None
        return ExitStatus() if wait_readable(self._pidfd, 0) else None

    def announce(self) -> None:
        """Tell the waiters and the callbacks; called by the reaper, on its loop, after `poll` saw the exit."""
        assert self._exit is not None
        self._reaper = None
        self._release_pidfd()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _resolve(waiter, self._exit)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: "Callable[[Child], None]") -> None:
        try:
            callback(self)
        except Exception as error:  # noqa: BLE001 - one owner's mistake must not cost another owner its exit
            assert self._loop is not None
            self._loop.call_exception_handler(
                {"message": f"the exit callback of {self.label} failed", "exception": error}
            )

    def on_exit(self, callback: "Callable[[Child], None]") -> None:
        """Call back on the event loop, once, when it has been reaped; at the next turn if it already was."""
        if self._exit is not None and self._reaper is None:
            loop = self._loop = self._loop or asyncio.get_running_loop()
            loop.call_soon(self._call, callback)
            return
        if self._reaper is None:
            self.watch(asyncio.get_running_loop())
        self._callbacks.append(callback)

    async def wait(self) -> ExitStatus:
        """Wait until it has been reaped; any number of waiters. Cancelling a wait changes nothing."""
        if self._exit is not None:
            return self._exit
        loop = asyncio.get_running_loop()
        if self._reaper is None:
            self.watch(loop)
        waiter: asyncio.Future[ExitStatus] = loop.create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def wait_blocking(self, timeout: float | None = None) -> ExitStatus | None:
        """Wait without an event loop, at most `timeout` seconds; None if it still runs then."""
        status = self.poll()
        if status is not None:
            return status
        if self._pidfd is not None:
            wait_readable(self._pidfd, timeout)
        else:
            sleeper = threading.Thread(target=_sleep_until_zombie, args=(self.pid,), daemon=True)
            sleeper.start()
            sleeper.join(timeout)
        return self.poll()

    # -- signals ---------------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        """Send a signal to this very process, never to a recycled pid. Any thread.

        Raises:
            ProcessGoneError: it has been reaped.
            PermissionError: it changed its identity and we may not signal it.
        """
        with self._lock:
            if self._exit is not None:
                raise ProcessGoneError(self.label, self.pid)
            try:
                if self._pidfd is not None and sys.platform == "linux":
                    signal.pidfd_send_signal(self._pidfd, number)
                elif self._is_ours:
                    os.kill(self.pid, number)  # noqa: TID251 - unreaped, hence not recycled: the lock keeps it so
                else:
                    raise ProcessGoneError(self.label, self.pid)
            except ProcessLookupError as error:
                raise ProcessGoneError(self.label, self.pid) from error

    def signal_tree(self, number: int) -> tuple[int, ...]:
        """Signal every process of its tree, itself included; see `circus.process.forest.Forest.signal_trees`."""
        return self._forest.signal_trees([self], number)[self.pid]

    def survivors(self) -> tuple[int, ...]:
        """The pids of its tree that still run, itself included; zombies do not count."""
        return self._forest.survivors_of([self])[self.pid]

    def is_gone(self) -> bool:
        """Whether nothing of its tree runs any more, for certain.

        `survivors` and `signal_tree` tell whom they found. A process that forks and exits all the time can be missed by them, also
        twice; this is true only after a look at the process table under which nothing moved that could hide one.
        """
        return not self.survivors() and self._forest.certain(self)

    # -- descriptors -----------------------------------------------------------------------------------------------

    def take_stdin(self) -> int | None:
        """Our end of that pipe, now owned by the caller; None if there is none or it was taken."""
        fd, self._stdin = self._stdin, None
        return fd

    def take_stdout(self) -> int | None:
        """Like `take_stdin`."""
        fd, self._stdout = self._stdout, None
        return fd

    def take_stderr(self) -> int | None:
        """Like `take_stdin`."""
        fd, self._stderr = self._stderr, None
        return fd

    def close(self) -> None:
        """Release the pidfd and the pipe ends that were not taken. Does not end the process.

        Its exit is not announced any more; if it is our child it is still reaped, at some later spawn.
        """
        for fd in (self.take_stdin(), self.take_stdout(), self.take_stderr()):
            if fd is not None:
                os.close(fd)
        if self._reaper is not None and (self._exit is None or self._loop is None or self._loop.is_closed()):
            self._reaper.forget(self)
            self._reaper = None
        if self._reaper is None:  # else its announcement is under way and releases the rest
            with self._lock:
                self._release_pidfd()
        self._forest.released(self)

    def _release_pidfd(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _resolve(waiter: asyncio.Future[ExitStatus], status: ExitStatus) -> None:
    def set_result() -> None:
        if not waiter.done():
            waiter.set_result(status)

    loop = waiter.get_loop()
    if loop.is_closed():
        return
    loop.call_soon_threadsafe(set_result)


def wait_readable(fd: int, timeout: float | None) -> bool:
    """Wait, at most so many seconds, until a descriptor is readable (a pidfd: until its process has ended)."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(None if timeout is None else max(0, int(timeout * 1000 + 0.999))))


def _sleep_until_zombie(pid: int) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        return


def adopt(
    *, label: str, pid: int, start_time: int, forest: "Forest", mark: str = "", sid: int | None = None
) -> LocalChild:
    """A handle for a process that we did not spawn (or spawned before an upgrade by re-exec).

    Args:
        label: how errors call it.
        pid: its pid.
        start_time: its start in clock ticks since boot, as noted earlier: a recycled pid is refused.
        forest: whose trees it belongs to.
        mark: the mark that its tree carries in the environment, if known.
        sid: the session that is its own, if it leads one.

    Raises:
        ProcessGoneError: there is no such process any more.
        ProcessError: this system has no pidfds, or no descriptor is left: a stranger cannot be watched without.
    """
    try:
        pidfd = reap.open_pidfd(pid)
    except ProcessLookupError as error:
        raise ProcessGoneError(label, pid) from error
    if pidfd is None:
        raise ProcessError(f"cannot adopt {label} (pid {pid}): no pidfd to be had")
    row = procfs.read_stat(pid)
    if row is None or row.start_time != start_time:
        os.close(pidfd)
        raise ProcessGoneError(label, pid)
    root = Root(
        pid=pid,
        start_time=start_time,
        sid=sid if sid is not None else (pid if row.sid == pid else 0),
        mark=mark,
    )
    child = LocalChild(
        label=label,
        pid=pid,
        pidfd=pidfd,
        root=root,
        started_at=clock.monotonic(),
        forest=forest,
        is_ours=row.ppid == os.getpid(),
    )
    forest.add(child)
    return child
