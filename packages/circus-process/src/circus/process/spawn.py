"""The real spawner: from a spec to a running process, or to an error that names the step and leaves nothing behind.

Theory. `subprocess.Popen` is used for its C core alone: with no ``preexec_fn`` and no ``user=`` it takes the vfork path, 0.1 ms
whatever our size, and it reports a failed ``chdir`` or ``execve`` of the child synchronously. Its object is disarmed at once (it
would otherwise warn, and reap behind our back): from then on the child belongs to a `LocalChild`. Identity, limits and closed
streams go through `circus.process.chain`, which keeps the pid.

Steps, each with its `Stage`: settle identity and limits and find the program (only where a chain hides the child's own errors),
open pipes, fork and execute, watch. Whatever fails closes what was opened before; a child that cannot be watched is killed and
reaped.

Standard streams. `Stdio.CLOSE` really closes: the first file that such a program opens becomes its descriptor 0, 1 or 2, which
surprises many; `Stdio.NULL` is what is nearly always wanted. Pipes are close-on-exec on our side, blocking, and ours until taken.

Descriptor limit. `raise_nofile` raises our soft limit and keeps the old one for the children: it is put back during the fork
itself, so that a child never sees ours. Meanwhile our own other threads live under the old limit too; therefore the descriptors
that we hold by the thousand are moved above it, and low numbers stay free for everybody (for ``select()`` as well). Where they are
used up all the same, for instance by a thousand clients, nothing is lowered, since a thread that opens something in that moment
would fail: the chain sets the limit of the child then. `keep_free` leaves descriptors to those who cannot do without.

Owns: nothing but the counters; the children own themselves, the forest knows their trees.
"""

import asyncio
import fcntl
import itertools
import os
import resource
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, final

from circus.process import chain, clock, descriptors, identity, limits, locate, procfs, reap
from circus.process.birth import Births
from circus.process.causes import told, words
from circus.process.errors import SpawnError, Stage
from circus.process.forest import Forest
from circus.process.handle import LocalChild
from circus.process.spec import ProcessSpec, Stdio
from circus.process.threads import NoThreadError
from circus.process.tree import MARK, Root

__all__ = ["LocalSpawner"]

_LIMIT_LOCK = threading.Lock()  # one limit a process, whatever the number of spawners
_OPENED_BY_A_SPAWN: Final = 8
"""Descriptors that one start may take at once: the pipes of its streams, that of the fork, a pidfd, a file."""
_ROOM_BELOW: Final = 256
"""Numbers below the children's limit that are to be free for other threads, while a fork lowers ours to it."""


@final
class LocalSpawner:
    """Starts processes on this machine; implements `circus.process.seam.Spawner`.

    Args:
        forest: whose trees the children belong to; None makes one of its own.
        pipe_size: bytes that each new pipe shall hold (Linux ``F_SETPIPE_SZ``); None keeps the system's 64 KiB. Where the
            system refuses (pipe-user-pages-soft) the pipe stays as it is.

    Usable from any thread; each child is watched by the loop that runs where `spawn` is called.
    """

    def __init__(self, *, forest: Forest | None = None, pipe_size: int | None = None) -> None:
        self.forest = Forest() if forest is None else forest
        self._pipe_size = pipe_size
        self._original_nofile: tuple[int, int] | None = None
        self._kept_free: Callable[[int], int] = _nothing_kept
        self._births = Births()
        self._marks = itertools.count(1)
        self._prefix = secrets.token_hex(6)

    # -- the descriptor limit --------------------------------------------------------------------------------------

    def raise_nofile(self, soft: int | None = None) -> int:
        """Raise our own soft limit of open descriptors; children keep the limit that we had before.

        Args:
            soft: the wish; None is the hard limit, which also bounds any wish. Never lowers.

        Returns:
            The soft limit that holds now.
        """
        with _LIMIT_LOCK:
            have, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            wish = hard if soft is None or (hard != resource.RLIM_INFINITY and soft > hard) else soft
            if have == resource.RLIM_INFINITY or (wish != resource.RLIM_INFINITY and wish <= have):
                return have
            resource.setrlimit(resource.RLIMIT_NOFILE, (wish, hard))
            if self._original_nofile is None:
                self._original_nofile = (have, hard)
            return wish

    def keep_free(self, kept: Callable[[int], int]) -> None:
        """Refuse to start processes, with a `SpawnError` that may be tried again, while too few descriptors are free.

        Args:
            kept: how many are to stay free at a soft limit; see `circus.process.descriptors`.
        """
        self._kept_free = kept

    def _check_descriptors(self, label: str) -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        kept = self._kept_free(limit)
        if kept and (free := descriptors.free()) < kept + _OPENED_BY_A_SPAWN:
            cause = (
                f"too many open files: {free} of {limit} are left, of which {kept} are kept for clients;"
                f" {descriptors.HOW_TO_RAISE}"
            )
            raise SpawnError(label, Stage.OPEN_PIPES, "descriptors", cause=cause)

    def _is_crowded(self) -> bool:
        """Whether so few numbers are free below the children's limit that ours must not be lowered to it."""
        soft = None if self._original_nofile is None else self._original_nofile[0]
        return soft is not None and descriptors.lowest_free() + min(_ROOM_BELOW, soft // 4) > soft

    @contextmanager
    def _limit_of_children(self, *, crowded: bool) -> Generator[None]:
        if self._original_nofile is None or crowded:
            yield
            return
        with _LIMIT_LOCK:
            ours = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._original_nofile[0], ours[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, ours)

    def _high(self, fd: int) -> int:
        """Move a descriptor of ours above the children's limit; unchanged where there is no room."""
        if self._original_nofile is None or fd >= self._original_nofile[0]:
            return fd
        try:
            moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, self._original_nofile[0])
        except OSError:
            return fd
        os.close(fd)
        return moved

    # -- spawning --------------------------------------------------------------------------------------------------

    def spawn(self, spec: ProcessSpec, *, watch: bool = True) -> LocalChild:
        """Start a process; returns after a successful exec (with a chain: of its first link, everything else being checked).

        Args:
            spec: what to run.
            watch: have the event loop that runs in this thread watch the exit. Without, or where no loop runs, use
                `LocalChild.poll` and `LocalChild.wait_blocking`; an `await` of `LocalChild.wait` begins to watch.

        Raises:
            SpawnError: it could not be started; it names the stage, and nothing is left behind.
        """
        self._check_descriptors(spec.label)
        crowded = self._is_crowded()
        argv, executable = self._command(spec, crowded=crowded)
        mark = f"{self._prefix}.{next(self._marks)}"
        env = dict(spec.env)
        outer = env.get(MARK)
        env[MARK] = f"{outer}:{mark}" if outer else mark
        pipes = _Pipes(spec, self._pipe_size)
        try:
            pipes.open()
            before = procfs.ticks_now()
            with self._limit_of_children(crowded=crowded):
                pid = self._fork(spec, argv, executable, env, pipes)
        except BaseException:
            pipes.close_ours()
            raise
        finally:
            pipes.close_theirs()
        started = 0
        with suppress(OSError):  # no descriptor left for a look: its tree is known without its start
            started = self._births.of(pid, before)
        return self._take_over(spec, pid, started, mark, pipes, watch=watch)

    def _command(self, spec: ProcessSpec, *, crowded: bool) -> tuple[list[str], str | None]:
        """What to hand to exec: the argument vector, and the file where it differs from its first element."""
        wishes = self._wishes(spec, crowded=crowded)
        if not wishes.any:
            return list(spec.argv), spec.executable
        if spec.cwd is not None and not os.path.isdir(spec.cwd):
            try:
                os.stat(spec.cwd)
                cause = "not a directory"
            except OSError as error:
                cause = words(error)
            raise SpawnError(spec.label, Stage.SET_CWD, spec.cwd, cause=cause)
        program = spec.executable or spec.argv[0]
        found = locate.find(program, spec.env, spec.cwd, as_us=wishes.identity.uid is None)
        if isinstance(found, locate.Fault):
            raise SpawnError(spec.label, found.stage, found.subject, cause=found.cause)
        return chain.argv_for(
            wishes, label=spec.label, program=found.path, argv=spec.argv, env=spec.env
        ), None

    def _wishes(self, spec: ProcessSpec, *, crowded: bool) -> chain.Wishes:
        wanted = identity.settle(spec.identity) if spec.identity.changes else spec.identity
        if wanted.changes:
            wanted = identity.needed(wanted)
            refusal = identity.refusal(wanted)
            if refusal is not None:
                subject = str(
                    wanted.uid
                    if wanted.uid is not None
                    else wanted.gid
                    if wanted.gid is not None
                    else wanted.groups
                )
                raise SpawnError(spec.label, Stage.SET_IDENTITY, subject, cause=refusal, retryable=False)
        todo: Mapping[str, tuple[int, int]] = {}
        wanted_limits = dict(spec.limits)
        if crowded:
            wanted_limits.setdefault("nofile", self._limit("nofile"))
        if wanted_limits:
            try:
                todo = limits.plan(
                    wanted_limits,
                    ours=limits.current if crowded else self._limit,
                    may_raise=identity.has_capability(identity.CAP_SYS_RESOURCE),
                )
            except limits.LimitError as error:
                raise SpawnError(
                    spec.label, Stage.SET_LIMITS, error.subject, cause=str(error), retryable=False
                ) from error
        closed = tuple(
            fd for fd, stream in enumerate((spec.stdin, spec.stdout, spec.stderr)) if stream is Stdio.CLOSE
        )
        return chain.Wishes(
            identity=wanted, limits=todo, death_signal=spec.parent_death_signal, closed=closed
        )

    def _limit(self, name: str) -> tuple[int, int]:
        """The limit that a child has from us."""
        soft, hard = limits.current(name)
        if name == "nofile" and self._original_nofile is not None:
            soft = self._original_nofile[0]
        return soft, hard

    def _fork(
        self, spec: ProcessSpec, argv: list[str], executable: str | None, env: dict[str, str], pipes: "_Pipes"
    ) -> int:
        try:
            process = subprocess.Popen(  # noqa: TID251 - this is the owner of the ban
                argv,
                executable=executable,
                env=env,
                cwd=spec.cwd,
                stdin=pipes.theirs[0],
                stdout=pipes.theirs[1],
                stderr=pipes.theirs[2],
                close_fds=True,
                pass_fds=spec.pass_fds,
                start_new_session=spec.new_session,
                umask=-1 if spec.umask is None else spec.umask,
            )
        except ValueError as error:
            raise SpawnError(
                spec.label, Stage.EXEC, executable or argv[0], cause=str(error), retryable=False
            ) from error
        except OSError as error:
            raise told(spec, error) from error
        process.returncode = 0  # disarmed: it shall neither warn nor reap
        return process.pid

    def _take_over(
        self, spec: ProcessSpec, pid: int, started: int, mark: str, pipes: "_Pipes", *, watch: bool
    ) -> LocalChild:
        """Make the handle; on failure kill and reap what was started."""
        pidfd = None
        with suppress(ProcessLookupError):  # reaped by somebody else already: its exit will be unknown
            pidfd = reap.open_pidfd(pid)
        if self._original_nofile is not None:
            pidfd = None if pidfd is None else self._high(pidfd)
            pipes.ours = [None if fd is None else self._high(fd) for fd in pipes.ours]
        stdin, stdout, stderr = pipes.ours
        child = LocalChild(
            label=spec.label,
            pid=pid,
            pidfd=pidfd,
            root=Root(pid=pid, start_time=started, sid=pid if spec.new_session else 0, mark=mark),
            started_at=clock.monotonic(),
            forest=self.forest,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        self.forest.add(child)
        loop = _running_loop() if watch else None
        if loop is not None:
            try:
                child.watch(loop)
            except NoThreadError as error:
                child.signal(9)
                child.wait_blocking()
                child.close()
                raise SpawnError(spec.label, Stage.WATCH, str(pid), cause=words(error)) from error
        return child


@final
class _Pipes:
    """The standard streams of one spawn: the child's ends, and ours."""

    def __init__(self, spec: ProcessSpec, size: int | None) -> None:
        self._spec = spec
        self._size = size
        self._opened: list[int] = []
        self.theirs: list[int | None] = [None, None, None]
        self.ours: list[int | None] = [None, None, None]

    def open(self) -> None:
        """Open what the spec asks for.

        Raises:
            SpawnError: out of descriptors.
        """
        for number, (name, stream) in enumerate(
            (("stdin", self._spec.stdin), ("stdout", self._spec.stdout), ("stderr", self._spec.stderr))
        ):
            try:
                self._open(number, stream)
            except OSError as error:
                raise SpawnError(self._spec.label, Stage.OPEN_PIPES, name, cause=words(error)) from error

    def _open(self, number: int, stream: Stdio | int) -> None:
        match stream:
            case Stdio.INHERIT | Stdio.CLOSE:
                pass
            case Stdio.NULL:
                self.theirs[number] = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                self._opened.append(self.theirs[number] or 0)
            case Stdio.PIPE:
                reading, writing = os.pipe()
                self.theirs[number], self.ours[number] = (
                    (reading, writing) if number == 0 else (writing, reading)
                )
                self._opened.append(reading if number == 0 else writing)
                if self._size is not None and sys.platform == "linux":
                    _enlarge(writing, self._size)
            case int():
                self.theirs[number] = stream

    def close_theirs(self) -> None:
        """The child has its own copies."""
        for fd in self._opened:
            os.close(fd)
        self._opened.clear()

    def close_ours(self) -> None:
        """Nothing was started."""
        for fd in self.ours:
            if fd is not None:
                os.close(fd)


def _nothing_kept(_limit: int) -> int:
    return 0


def _enlarge(fd: int, size: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)
    except OSError:
        return  # beyond what one user may have: the usual size is right, only slower


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
