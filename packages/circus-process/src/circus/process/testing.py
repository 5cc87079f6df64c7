"""For tests, ours and yours: processes that are not there, and time that passes by itself. Public and typed.

`FakeSpawner` stands behind the same seam as the real one and passes the same conformance tests. What a fake process does is its
`Script`. On a `VirtualLoop` an hour of back-off takes a millisecond: whenever nothing is ready, the clock jumps to the next timer.
Never mix that loop with real processes, which live in real time.

    async def test_backoff() -> None:
        spawner = FakeSpawner(Script(lifetime=0.5, exit=ExitStatus(code=1)))
        ...
        assert spawner.times == [0.0, 1.5, 3.5]

    run_virtual(test_backoff())
"""

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from signal import SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH
from typing import Any, Final, TypeVar, final

from circus.process.errors import ProcessGoneError, SpawnError, Stage
from circus.process.exits import ExitStatus
from circus.process.seam import Child
from circus.process.spec import ProcessSpec, Stdio

__all__ = ["FakeChild", "FakeSpawner", "Script", "VirtualLoop", "run_virtual"]

T = TypeVar("T")
_HARMLESS: Final = frozenset({0, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a fake process does.

    Args:
        lifetime: seconds after which it ends by itself; None runs until it is signalled.
        exit: how it ends then.
        on_signal: seconds from a terminating signal (other than SIGKILL) to its end; None ignores such signals.
        exit_on_signal: how it ends then; None is *killed by that signal*.
        strays: how many processes of its tree outlive it; they ignore everything but SIGKILL.
        stuck: not even SIGKILL ends it (uninterruptible sleep), until `FakeChild.end` is called.
        output: what it writes to a piped standard output as it starts (at most a pipe's capacity).
        fails: the stage at which it cannot be started; it then raises and nothing runs.
        cause: the cause of that failure.
    """

    lifetime: float | None = None
    exit: ExitStatus = field(default_factory=lambda: ExitStatus(code=0))
    on_signal: float | None = 0.0
    exit_on_signal: ExitStatus | None = None
    strays: int = 0
    stuck: bool = False
    output: bytes = b""
    fails: Stage | None = None
    cause: str = "so it was scripted"


@final
class FakeChild:
    """A process that is not there. Beside the seam: `signals` it got, and `end` to end it from outside."""

    def __init__(
        self, spec: ProcessSpec, script: Script, *, pid: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.spec = spec
        self.script = script
        self.label = spec.label
        self.pid = pid
        self.start_time = pid * 10
        self.started_at = loop.time()
        self.signals: list[int] = []
        self.exit: ExitStatus | None = None
        self._strays = list(range(pid + 1, pid + 1 + script.strays))
        self._loop = loop
        self._announced = False
        self._callbacks: list[Callable[[Child], None]] = []
        self._waiters: list[asyncio.Future[ExitStatus]] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._theirs: list[int] = []
        self._ours: list[int | None] = [None, None, None]
        for number, stream in enumerate((spec.stdin, spec.stdout, spec.stderr)):
            if stream is Stdio.PIPE:
                self._open(number)
        if script.lifetime is not None:
            self._timers.append(loop.call_later(script.lifetime, self.end, script.exit))

    def __repr__(self) -> str:
        return f"<fake {self.label} pid {self.pid}: {'runs' if self.exit is None else self.exit.describe()}>"

    def _open(self, number: int) -> None:
        reading, writing = os.pipe()
        self._ours[number], theirs = (writing, reading) if number == 0 else (reading, writing)
        if number == 1 and self.script.output:
            os.write(writing, self.script.output)
        self._theirs.append(theirs)

    def end(self, status: ExitStatus | None = None) -> None:
        """End it now, for instance with a crash; `on_exit` and `wait` hear of it at the next turn of the loop."""
        if self.exit is not None:
            return
        self.exit = status if status is not None else ExitStatus(code=0)
        for timer in self._timers:
            timer.cancel()
        self._close_theirs()
        if not self._loop.is_closed():  # a test that is over: nobody waits any more
            self._loop.call_soon(self._announce)

    def _announce(self) -> None:
        assert self.exit is not None
        self._announced = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(self.exit)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._loop.call_soon(callback, self)

    def signal(self, number: int) -> None:
        """Note the signal and act by the script."""
        if self.exit is not None:
            raise ProcessGoneError(self.label, self.pid)
        self.signals.append(number)
        if number in _HARMLESS or self.script.stuck:
            return
        if number == SIGKILL:
            self.end(ExitStatus(signal=SIGKILL))
        elif self.script.on_signal is not None:
            status = self.script.exit_on_signal or ExitStatus(signal=number)
            self._timers.append(self._loop.call_later(self.script.on_signal, self.end, status))

    def signal_tree(self, number: int) -> tuple[int, ...]:
        """Signal it and its strays; only SIGKILL impresses these."""
        struck = self.survivors()
        if self.exit is None:
            self.signal(number)
        if number == SIGKILL:
            self._strays.clear()
        return struck

    def survivors(self) -> tuple[int, ...]:
        """Itself, while it runs, and its strays."""
        return (*((self.pid,) if self.exit is None else ()), *self._strays)

    def on_exit(self, callback: Callable[[Child], None]) -> None:
        """Call back once, at a later turn than the exit."""
        if self._announced:
            self._loop.call_soon(callback, self)
        else:
            self._callbacks.append(callback)

    async def wait(self) -> ExitStatus:
        """Wait for its end."""
        if self.exit is not None:
            return self.exit
        waiter: asyncio.Future[ExitStatus] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _take(self, number: int) -> int | None:
        fd, self._ours[number] = self._ours[number], None
        return fd

    def take_stdin(self) -> int | None:
        """Our end of that pipe."""
        return self._take(0)

    def take_stdout(self) -> int | None:
        """Our end of that pipe."""
        return self._take(1)

    def take_stderr(self) -> int | None:
        """Our end of that pipe."""
        return self._take(2)

    def close(self) -> None:
        """Close the pipe ends that were not taken; the fake process goes on, its exit is not announced any more."""
        for number in range(3):
            fd = self._take(number)
            if fd is not None:
                os.close(fd)
        self._close_theirs()
        for timer in self._timers:
            timer.cancel()

    def _close_theirs(self) -> None:
        while self._theirs:
            os.close(self._theirs.pop())


@final
class FakeSpawner:
    """Starts fake processes.

    Args:
        script: what each process does; or a function from the spec to a script; or several scripts, one a spawn, of which the
            last is used from then on.

    What happened: ``children``, ``specs`` and ``times`` (of the loop's clock) of every successful spawn, ``failures`` of the rest.
    """

    def __init__(
        self, script: Script | Callable[[ProcessSpec], Script] | Iterable[Script] | None = None
    ) -> None:
        self._script = _scripts(Script() if script is None else script)
        self._pids = iter(range(10_000, 10_000_000, 100))
        self.children: list[FakeChild] = []
        self.times: list[float] = []
        self.failures: list[float] = []

    @property
    def specs(self) -> list[ProcessSpec]:
        """The specs of all that was started."""
        return [child.spec for child in self.children]

    @property
    def running(self) -> list[FakeChild]:
        """Those that have not ended."""
        return [child for child in self.children if child.exit is None]

    def spawn(self, spec: ProcessSpec) -> FakeChild:
        """Start a fake process on the running loop.

        Raises:
            SpawnError: the script says so.
        """
        loop = asyncio.get_running_loop()
        script = self._script(spec)
        if script.fails is not None:
            self.failures.append(loop.time())
            raise SpawnError(spec.label, script.fails, spec.argv[0], cause=script.cause)
        child = FakeChild(spec, script, pid=next(self._pids), loop=loop)
        self.children.append(child)
        self.times.append(loop.time())
        return child


def _scripts(
    script: Script | Callable[[ProcessSpec], Script] | Iterable[Script],
) -> Callable[[ProcessSpec], Script]:
    if isinstance(script, Script):
        return lambda _: script
    if callable(script):
        return script
    series: Iterator[Script] = iter(script)
    last = next(series)

    def following(_: ProcessSpec) -> Script:
        nonlocal last
        now, last = last, next(series, last)
        return now

    return following


@final
class _JumpingSelector(selectors.SelectSelector):
    """A selector that never waits for time to pass; it moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_PATIENCE)
            if not ready:
                raise RuntimeError("no timer is set and nobody writes: this virtual loop would wait for ever")
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self.now += timeout
        return ready


_PATIENCE: Final = 5.0  # real seconds that a thread is given to wake a loop without timers


@final
class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock starts at 0.0 and jumps to the next timer whenever nothing else is ready.

    Raises:
        RuntimeError: from the run, where nothing could ever happen again.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's name
        """Wait for the threads, which live in real time: Python 3.12 and later would give them a virtual deadline."""
        del timeout
        await super().shutdown_default_executor()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a `VirtualLoop` of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
