"""`Process`: one process for a plain script, without an event loop, with the signature that users of Circus know.

A thin adapter: it expands the command, builds a `ProcessSpec`, and asks a `LocalSpawner` of its own. What differs from the older
`Process` of the same signature: ``stop`` ends the whole tree and returns when nothing of it runs; user and group 0 are values; a
shell gets the command as it is written, so pipes work; a start that fails is a `SpawnError` that names the step.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from functools import cache
from io import BufferedReader
from typing import Any, Final, Self, final

from circus.process import clock, expand, procfs
from circus.process.errors import ProcessGoneError, SpawnError, Stage
from circus.process.facts import GONE, Facts, Observer
from circus.process.handle import LocalChild, wait_readable
from circus.process.hunt import signal_process
from circus.process.identity import resolve
from circus.process.reap import open_pidfd
from circus.process.spawn import LocalSpawner
from circus.process.spec import Identity, ProcessSpec, Stdio

__all__ = ["DEAD_OR_ZOMBIE", "OTHER", "RUNNING", "UNEXISTING", "Process"]

RUNNING: Final = 0
DEAD_OR_ZOMBIE: Final = 1
UNEXISTING: Final = 2
OTHER: Final = 3

_LAST_WAIT: Final = 5.0  # seconds that SIGKILL is given; what still runs is stuck in the kernel


@cache
def _spawner() -> LocalSpawner:
    return LocalSpawner()


@final
class Process:
    """Run and control one process.

    Args:
        name: what it is called in errors, together with ``wid``.
        wid: the worker's number; replaces ``$(circus.wid)``.
        cmd: the command; ``$(circus.env.X)`` and its like are replaced. Text is split as a shell would.
        args: further arguments, as text or as a list.
        working_dir: where to run; ours by default.
        shell: give the command to ``/bin/sh -c``.
        uid: user name or number to run as, with its groups.
        gid: group name or number; the user's own by default.
        env: the whole environment; empty by default. Pass ``os.environ`` to hand ours on.
        rlimits: limit name (``nofile``) to a value for both soft and hard; -1 for none.
        executable: the file to run in place of the command's first word, which stays its displayed name.
        use_fds: let it have our inheritable descriptors (sockets).
        watcher: an object whose ``sockets`` (name to something with ``fileno()``) and ``optnames`` feed the expansion.
        spawn: start at once; else call `spawn`.
        pipe_stdout: read its standard output through `stdout`; else it has ours.
        pipe_stderr: likewise through `stderr`.
        close_child_stdin: give it /dev/null as standard input; else it has ours.
        close_child_stdout: give it /dev/null as standard output, whatever ``pipe_stdout`` says.
        close_child_stderr: likewise.

    Raises:
        ValueError: no such user or group.
        SpawnError: it could not be started.

    Owns its pipes and its handle until `close`, which `stop` calls; also a context manager that stops.
    """

    def __init__(
        self,
        name: str,
        wid: int | str,
        cmd: str | Sequence[str],
        args: str | Sequence[str] | None = None,
        working_dir: str | None = None,
        shell: bool = False,
        uid: str | int | None = None,
        gid: str | int | None = None,
        env: Mapping[str, str] | None = None,
        rlimits: Mapping[str, int] | None = None,
        executable: str | None = None,
        use_fds: bool = False,
        watcher: Any = None,
        spawn: bool = True,
        pipe_stdout: bool = True,
        pipe_stderr: bool = True,
        close_child_stdin: bool = True,
        close_child_stdout: bool = False,
        close_child_stderr: bool = False,
    ) -> None:
        self.name = name
        self.wid = wid
        self.cmd = cmd
        self.args = args
        self.working_dir = working_dir or os.getcwd()
        self.shell = shell
        identity = resolve(uid, gid)
        self.uid, self.gid = identity.uid, identity.gid
        self._identity = identity
        self.env: dict[str, str] = dict(env or {})
        self.rlimits: dict[str, int] = dict(rlimits or {})
        self.executable = executable
        self.use_fds = use_fds
        self.watcher = watcher
        self.pipe_stdout = pipe_stdout
        self.pipe_stderr = pipe_stderr
        self.close_child_stdin = close_child_stdin
        self.close_child_stdout = close_child_stdout
        self.close_child_stderr = close_child_stderr
        self.stopping = False
        self.started: float = 0.0
        self._child: LocalChild | None = None
        self._observer = Observer()
        self._stdout: BufferedReader | None = None
        self._stderr: BufferedReader | None = None
        if spawn:
            self.spawn()

    def __repr__(self) -> str:
        return f"<Process {self.name}.{self.wid}: {self._child!r}>"

    def __lt__(self, other: "Process") -> bool:
        return self.started < other.started

    def __gt__(self, other: "Process") -> bool:
        return self.started > other.started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- starting --------------------------------------------------------------------------------------------------

    def spawn(self) -> None:
        """Start it; again, once it has ended.

        Raises:
            SpawnError: it could not be started.
        """
        if self._child is not None:
            if self._child.poll() is None:
                raise SpawnError(
                    self._label, Stage.FORK, str(self.cmd), cause=f"it runs already (pid {self.pid})"
                )
            self.close()
        spec = self._spec()
        self.started = clock.wall()
        child = _spawner().spawn(spec, watch=False)
        self._child = child
        self._stdout, self._stderr = _reader(child.take_stdout()), _reader(child.take_stderr())

    @property
    def _label(self) -> str:
        return f"{self.name}.{self.wid}"

    def _spec(self) -> ProcessSpec:
        argv = self.format_args(self._socket_fds())
        executable = None if self.shell else self.executable
        return ProcessSpec(
            label=self._label,
            argv=tuple(argv),
            executable=executable,
            env=self.env,
            cwd=self.working_dir,
            identity=self._identity if self._identity.changes else Identity(),
            limits={limit.lower(): (value, value) for limit, value in self.rlimits.items()},
            stdin=Stdio.NULL if self.close_child_stdin else Stdio.INHERIT,
            stdout=_stream(null=self.close_child_stdout, pipe=self.pipe_stdout),
            stderr=_stream(null=self.close_child_stderr, pipe=self.pipe_stderr),
            pass_fds=_inheritable() if self.use_fds else (),
        )

    def _socket_fds(self) -> dict[str, int]:
        sockets: Mapping[str, Any] = getattr(self.watcher, "sockets", None) or {}
        return {name: int(socket.fileno()) for name, socket in sockets.items()}

    def format_args(self, sockets_fds: Mapping[str, int] | None = None) -> list[str]:
        """The argument vector, expanded and split.

        Raises:
            SpawnError: the command cannot be split, or is empty.
        """
        options: dict[str, object] = {
            name: getattr(self.watcher, name)
            for name in getattr(self.watcher, "optnames", ())
            if hasattr(self.watcher, name)
        }
        options |= {
            "wid": self.wid,
            "shell": self.shell,
            "args": self.args,
            "env": self.env,
            "working_dir": self.working_dir,
            "uid": self.uid,
            "gid": self.gid,
            "rlimits": self.rlimits,
            "executable": self.executable,
            "use_fds": self.use_fds,
        }
        if sockets_fds is not None:
            options["sockets"] = sockets_fds
        return list(
            expand.command(
                self.cmd,
                self.args,
                label=self._label,
                table=expand.variables(options),
                shell=self.shell,
                shell_args=getattr(self.watcher, "shell_args", None),
                shell_path=self.executable or expand.SHELL,
            )
        )

    # -- its state -------------------------------------------------------------------------------------------------

    @property
    def child(self) -> LocalChild:
        """Its handle.

        Raises:
            ProcessGoneError: it was never started.
        """
        if self._child is None:
            raise ProcessGoneError(self._label, 0)
        return self._child

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.child.pid

    @property
    def stdout(self) -> BufferedReader | None:
        """The stream of its standard output, if piped."""
        return self._stdout

    @property
    def stderr(self) -> BufferedReader | None:
        """The stream of its standard error, if piped."""
        return self._stderr

    def poll(self) -> int | None:
        """Its exit code (minus the signal that ended it), or None while it runs."""
        status = self.child.poll()
        return None if status is None else status.returncode

    def returncode(self) -> int | None:
        """What the last `poll` or `wait` found."""
        return None if self._child is None or self._child.exit is None else self._child.exit.returncode

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.child.poll() is None

    @property
    def status(self) -> int:
        """`RUNNING`, `DEAD_OR_ZOMBIE` (ended, not yet polled), `UNEXISTING` or `OTHER`."""
        if self._child is None or self._child.exit is not None:
            return UNEXISTING
        row = procfs.read_stat(self.pid)
        if row is None or row.start_time != self._child.start_time:
            return OTHER
        return DEAD_OR_ZOMBIE if row.zombie else RUNNING

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it ends.

        Args:
            timeout: seconds; None waits for ever.

        Returns:
            The exit code, or minus the signal.

        Raises:
            psutil.TimeoutExpired: it still runs.
        """
        status = self.child.wait_blocking(timeout)
        if status is None:
            import psutil  # noqa: PLC0415 - only where it is raised

            raise psutil.TimeoutExpired(timeout or 0.0, self.pid, self.name)
        return status.returncode

    def age(self) -> float:
        """Seconds since it was started."""
        return clock.monotonic() - self.child.started_at

    def info(self) -> Facts | str:
        """What `stats` shows of it and of its direct children; a sentence if it is gone."""
        facts = None if self._child is None else self._observer.info(self.pid, children=True)
        if facts is None or self._child is None or self._child.poll() is not None:
            return GONE
        facts["age"], facts["started"] = self.age(), self.started
        facts["wid"] = self.wid
        return facts

    # -- signals ---------------------------------------------------------------------------------------------------

    def send_signal(self, sig: int) -> None:
        """Signal it; nothing happens once it has ended."""
        if self.is_alive():
            try:
                self.child.signal(sig)
            except ProcessGoneError:
                return

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def stop(self, graceful_timeout: float = 1.0) -> tuple[int, ...]:
        """End the whole tree: SIGTERM, and SIGKILL to what still runs after ``graceful_timeout`` seconds. Closes the pipes.

        Returns:
            The pids of what could not be ended (stuck in the kernel); usually none.
        """
        self.stopping = True
        try:
            if self.child.signal_tree(signal.SIGTERM):
                self.child.wait_blocking(graceful_timeout)
            return self._kill_rest(self.child)
        finally:
            self.close_output_channels()

    def _kill_rest(self, child: LocalChild) -> tuple[int, ...]:
        deadline = clock.monotonic() + _LAST_WAIT
        while clock.monotonic() < deadline and not child.is_gone():
            child.signal_tree(signal.SIGKILL)
            for pid in child.survivors():
                if pid == child.pid:
                    child.wait_blocking(deadline - clock.monotonic())
                else:
                    _await_end(pid, 0.05)
        return child.survivors()

    def close_output_channels(self) -> None:
        """Close our ends of its pipes."""
        for stream in (self._stdout, self._stderr):
            if stream is not None:
                stream.close()

    def close(self) -> None:
        """Close the pipes and let go of the handle, without ending the process."""
        self.close_output_channels()
        if self._child is not None:
            self._child.close()

    # -- children --------------------------------------------------------------------------------------------------

    def _below(self, *, recursive: bool) -> list[procfs.Stat]:
        below: dict[int, list[procfs.Stat]] = {}
        for pid in procfs.pids():
            row = procfs.read_stat(pid)
            if row is not None:
                below.setdefault(row.ppid, []).append(row)
        found = list(below.get(self.pid, ()))
        for row in found if recursive else ():
            found += below.get(row.pid, ())
        return found

    def children(self, recursive: bool = False) -> list[int]:
        """The pids of its children; of all descendants if ``recursive``."""
        return [row.pid for row in self._below(recursive=recursive)]

    def is_child(self, pid: int) -> bool:
        """Whether that pid is a direct child of it."""
        return pid in self.children()

    def send_signal_child(self, pid: int, signum: int) -> None:
        """Signal one direct child.

        Raises:
            psutil.NoSuchProcess: it has no such child.
        """
        for row in self._below(recursive=False):
            if row.pid == pid and signal_process(row, signum):
                return
        import psutil  # noqa: PLC0415 - only where it is raised

        raise psutil.NoSuchProcess(pid)

    def send_signal_children(self, signum: int, recursive: bool = False) -> None:
        """Signal all direct children; all descendants if ``recursive``."""
        for row in self._below(recursive=recursive):
            signal_process(row, signum)


def _stream(*, null: bool, pipe: bool) -> Stdio:
    if null:
        return Stdio.NULL
    return Stdio.PIPE if pipe else Stdio.INHERIT


def _reader(fd: int | None) -> BufferedReader | None:
    return None if fd is None else os.fdopen(fd, "rb")


def _inheritable() -> tuple[int, ...]:
    """Our descriptors beyond the standard ones that a child may have."""
    found: list[int] = []
    for name in os.listdir("/dev/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # the listing's own descriptor
    return tuple(found)


def _await_end(pid: int, timeout: float) -> None:
    """Wait, at most so many seconds, for a process that is no child of ours."""
    try:
        fd = open_pidfd(pid)
    except ProcessLookupError:
        return
    if fd is None:
        return
    try:
        wait_readable(fd, timeout)
    finally:
        os.close(fd)
