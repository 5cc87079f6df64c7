"""The hub: one thread that moves the output of all workers of a program to its sinks.

Theory. A worker's stdout and stderr are pipes whose read ends belong to the hub. Its thread sleeps until one of
them has something, moves it, and sleeps again; it never runs user code and never waits for anything but a disk, and
the event loop of the program has no part in it. Commands reach the thread through a queue and a wake-up pipe; what is
to be told goes back through a function that the owner gives.
Every byte that is read is taken by the sink, or counted as dropped, or counted as pending. An output ends at EOF, at the
deadline of a drain, or with the hub; at the latter two what is in the pipe at that moment is read first.

Illegal states: a descriptor registered after it was closed; an output that has ended and is served; a full sink
without either a wake-up when it has room or a timer that declares it stuck.
"""

import asyncio
import concurrent.futures
import contextlib
import heapq
import itertools
import logging
import os
import selectors
import stat
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread, get_ident
from typing import TypeVar, final

from circus.process import threads
from circus.stream.account import Account
from circus.stream.clock import monotonic
from circus.stream.model import DrainReport, Ended, OutputTrouble, Source
from circus.stream.pipe import Pipe, Turn
from circus.stream.sinks import Sink
from circus.stream.tail import Call, TailBuffer
from circus.stream.telling import tell

__all__ = ["Attachment", "OutputHub"]

_log = logging.getLogger("circus.stream")

_T = TypeVar("_T")
_BUSY = 0.0005
_SETTLE = 0.0002
_SMALL = 262_144
"""A pipe that is written to all the time is looked at in bites of about this size: rounds that follow each other
within `_BUSY` seconds and bring less pause for `_SETTLE` seconds, so that the writer, not the pump, has the processor."""


_Reports = list["concurrent.futures.Future[DrainReport]"]


@final
@dataclass(slots=True, eq=False)
class _Output:
    """What the hub's thread knows of one attachment; after `OutputHub.attach`, no other thread touches it."""

    pipe: Pipe
    ended: Ended | None = None
    complete: bool = False
    registered: bool = False
    waiting: _Reports = field(default_factory=_Reports)

    def report(self, reason: Ended) -> DrainReport:
        account = self.pipe.account
        return DrainReport(account.taken, account.dropped, account.pending, reason)


@final
class Attachment:
    """One output in the care of a hub; made by `OutputHub.attach`. Usable from any thread."""

    def __init__(
        self,
        account: Account,
        tail: TailBuffer | None,
        *,
        drain: Callable[[float], "concurrent.futures.Future[DrainReport]"],
        redirect: Callable[[Sink], "concurrent.futures.Future[None]"],
    ) -> None:
        self.source = account.source
        self.tail = tail
        self._account = account
        self._drain = drain
        self._redirect = redirect

    @property
    def bytes(self) -> int:
        """How many bytes its sink has taken."""
        return self._account.taken

    @property
    def dropped(self) -> int:
        """How many bytes were lost."""
        return self._account.dropped

    @property
    def pending(self) -> int:
        """How many bytes wait for a sink that is slow."""
        return self._account.pending

    @property
    def last_error(self) -> str | None:
        """What went wrong last; None if nothing ever did."""
        return self._account.last_error

    async def drained(self, within: float = 2.0) -> DrainReport:
        """Wait until the output is complete: read to its end, and all of it taken by the sink.

        A grandchild may hold the pipe open for ever; so after ``within`` seconds what is in the pipe is read and the
        pipe is closed. Cancelling the wait changes nothing; any number may wait; a second call gives the same
        reason.

        Args:
            within: seconds to wait at most.
        """
        return await asyncio.wrap_future(self._drain(within))

    @property
    def ended(self) -> bool:
        """Whether it is over and complete: nothing more can come, and its sink has all of it."""
        return self._account.ended

    def switch(self, sink: Sink) -> "concurrent.futures.Future[None]":
        """What `redirect` does, for callers that cannot wait; the future is done when the old sink gets no more."""
        return self._redirect(sink)

    async def redirect(self, sink: Sink) -> None:
        """Send it to another sink from now on; returns when the old one gets no more.

        No byte is lost and none is written twice; an unfinished line that was held goes to the new sink whole.
        What an old sink on a thread of its own has queued is still consumed there.

        Raises:
            RuntimeError: the hub is closed.
        """
        await asyncio.wrap_future(self._redirect(sink))


@final
class OutputHub:
    """Moves bytes from pipes to sinks. One for a program; its thread starts with the first `attach`.

    Args:
        on_trouble: hears of every `OutputTrouble`.
        call: runs a function where the owner lives, from any thread: ``loop.call_soon_threadsafe``. Troubles are logged and
            told there; without it, on the hub's thread.
        stall_after: seconds after which a full sink that has finished no call counts as stuck: its outputs are dropped,
            and counted, until it moves again.
    """

    def __init__(
        self,
        *,
        on_trouble: Callable[[OutputTrouble], None] | None = None,
        call: Call | None = None,
        stall_after: float = 5.0,
    ) -> None:
        self._tell = partial(tell, on_trouble=on_trouble, call=call)
        self._stall_after = stall_after
        self._lock = Lock()
        self._commands: deque[Callable[[], None]] = deque()
        self._thread: Thread | None = None
        self._closing = False
        self._stop = False
        self._ended = False
        self._awake = False
        self._wake_read = self._wake_write = -1
        self._outputs: set[_Output] = set()
        self._timers: list[tuple[float, int, Callable[[], bool], Callable[[], None]]] = []
        self._ids = itertools.count()

    def attach(self, fd: int, *, source: Source, sink: Sink, tail: TailBuffer | None = None) -> Attachment:
        """Take care of the read end of a pipe.

        Args:
            fd: the descriptor, of a pipe, socket or terminal; the hub's own once this has returned.
            source: whose output it is.
            sink: where it goes; stays the caller's, who closes it after the last output has left it.
            tail: keeps its last lines, if anybody is to ask for them.

        Raises:
            RuntimeError, NoThreadError: the hub is closed, or has no thread; ``fd`` is still the caller's.
            ValueError: ``fd`` is nothing that can be waited for, a plain file for instance.
        """
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError(f"descriptor {fd} of {source.label} is no pipe, socket or terminal")
        with self._lock:
            if self._closing:
                raise RuntimeError("the output hub is closed")
        account = Account(source, self._tell)
        output = _Output(Pipe(fd, source, sink, tail, account))
        self._post(lambda: self._begin(output))
        return Attachment(
            account, tail, drain=partial(self._drain, output), redirect=partial(self._redirect, output)
        )

    def start(self) -> None:
        """Have a thread, so that `attach` needs no room for one; raises `NoThreadError` where there is none."""
        with self._lock:
            self._have_thread()

    def close(self, within: float = 2.0) -> bool:
        """End every output with what is in its pipe now, and the thread. Blocks; any number of times.

        Args:
            within: seconds that sinks may take for what is queued; what is left then is counted as pending.

        Returns:
            Whether the thread has ended.
        """
        with self._lock:
            closing, self._closing = self._closing, True
            thread = self._thread
        if thread is None:
            return True
        if not closing:
            self._enqueue(lambda: self._end_all(within))
        thread.join(within + 1.0)
        return not thread.is_alive()

    async def aclose(self, within: float = 2.0) -> bool:
        """The same without blocking the event loop."""
        return await threads.call(self.close, within)

    # From other threads.

    def _post(self, command: Callable[[], None]) -> None:
        with self._lock:
            if self._closing:
                raise RuntimeError("the output hub is closed")
            self._have_thread()
        self._enqueue(command)

    def _have_thread(self) -> None:
        """With the lock held."""
        if self._thread is None:
            self._wake_read, self._wake_write = os.pipe()
            os.set_blocking(self._wake_read, False)
            os.set_blocking(self._wake_write, False)
            try:
                self._thread = threads.start(self._run, name="circus-output")
            except threads.NoThreadError:
                os.close(self._wake_read)
                os.close(self._wake_write)
                raise

    def _soon(self, command: Callable[[], None]) -> None:
        """Carry it out on the hub's thread: now, if this is it."""
        if self._thread is not None and self._thread.ident == get_ident():
            command()
        else:
            self._enqueue(command)

    def _enqueue(self, command: Callable[[], None]) -> None:
        with self._lock:
            if not self._ended:
                self._put(command)

    def _put(self, command: Callable[[], None]) -> None:
        """With the lock held."""
        self._commands.append(command)
        if not self._awake:
            self._awake = True
            os.write(self._wake_write, b"!")

    def _drain(self, output: _Output, within: float) -> "concurrent.futures.Future[DrainReport]":
        future: concurrent.futures.Future[DrainReport] = concurrent.futures.Future()

        def begin() -> None:
            if output.complete or self._stop:
                _resolve(future, output.report(output.ended or Ended.CLOSED))
                return
            output.waiting.append(future)
            self._after(within, future.done, lambda: self._give_up(output, future))

        with self._lock:
            ended = self._ended
            if not ended:
                self._put(begin)
        if ended:
            _resolve(future, output.report(output.ended or Ended.CLOSED))
        return future

    def _redirect(self, output: _Output, sink: Sink) -> "concurrent.futures.Future[None]":
        future: concurrent.futures.Future[None] = concurrent.futures.Future()

        def begin() -> None:
            if output.ended is None:
                output.pipe.redirect(sink)
                self._register(output)
            _resolve(future, None)

        self._post(begin)
        return future

    # On the hub's own thread.

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._wake_read, selectors.EVENT_READ, None)
            rested, settle = 0.0, Event()
            while not self._stop:
                events = selector.select(self._patience())
                busy = monotonic() - rested < _BUSY
                moved = self._serve(events)
                self._run_due()
                if busy and 0 < moved < _SMALL * len(events):
                    settle.wait(_SETTLE)
                rested = monotonic()
        with self._lock:
            self._ended = True
            os.close(self._wake_read)
            os.close(self._wake_write)
            late, self._commands = self._commands, deque()
        for command in late:  # whoever came between the last look and now gets an answer, too
            command()

    def _begin(self, output: _Output) -> None:
        self._outputs.add(output)
        if self._stop:
            self._end(output, Ended.CLOSED)
        else:
            self._register(output)

    def _serve(self, events: list[tuple[selectors.SelectorKey, int]]) -> int:
        total = 0
        commands = False
        for key, _ in events:
            output: _Output | None = key.data
            if output is None:
                commands = True
            elif output.registered:
                total += self._turn(output)
        if commands:
            self._run_commands()
        return total

    def _run_commands(self) -> None:
        with self._lock:
            commands, self._commands = self._commands, deque()
            self._awake = False
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 64)
        for command in commands:
            try:
                command()
            except Exception:  # noqa: BLE001 - whatever is wrong with one output must not end all others
                _log.exception("the output hub could not carry out a command")

    def _turn(self, output: _Output) -> int:
        try:
            turn, moved = output.pipe.turn()
        except Exception as exc:  # noqa: BLE001 - a sink of another's making costs its output, not all others'
            _log.exception("the sink of %s raised", output.pipe.source.label)
            output.pipe.account.lost(0, f"its sink raised {type(exc).__name__}: {exc}")
            turn, moved = Turn.FAILED, 0
        if turn is Turn.BLOCKED:
            self._pause(output)
        elif turn is Turn.ENDED:
            self._end(output, Ended.EOF)
        elif turn is Turn.FAILED:
            self._end(output, Ended.FAILED)
        return moved

    def _register(self, output: _Output) -> None:
        if not (output.registered or output.ended or self._stop):
            self._selector.register(output.pipe.fd, selectors.EVENT_READ, output)
            output.registered = True

    def _unregister(self, output: _Output) -> None:
        if output.registered:
            self._selector.unregister(output.pipe.fd)
            output.registered = False

    def _pause(self, output: _Output) -> None:
        """The sink is full: leave the bytes in the pipe until it has room, or is found to be stuck."""
        self._unregister(output)
        output.pipe.when_room(lambda: self._soon(lambda: self._register(output)))
        self._watch_stall(output, output.pipe.progress)

    def _watch_stall(self, output: _Output, progress: int) -> None:
        def look() -> None:
            if output.pipe.progress != progress:
                self._watch_stall(output, output.pipe.progress)
                return
            output.pipe.discarding = True
            self._register(output)

        self._after(self._stall_after, lambda: output.registered or output.ended is not None, look)

    def _end(self, output: _Output, reason: Ended) -> None:
        self._unregister(output)
        output.ended = reason
        output.pipe.close(lambda: self._soon(lambda: self._complete(output)))

    def _complete(self, output: _Output) -> None:
        output.complete = True
        output.pipe.account.ended = True
        self._outputs.discard(output)
        waiting, output.waiting = output.waiting, []
        for future in waiting:
            _resolve(future, output.report(output.ended or Ended.CLOSED))
        if self._closing and not self._outputs:
            self._stop = True

    def _give_up(self, output: _Output, future: "concurrent.futures.Future[DrainReport]") -> None:
        """The deadline of a drain: read what is there, close; what a sink still has queued is said as pending."""
        if output.ended is None:
            output.pipe.take_what_is_there()
            self._end(output, Ended.DEADLINE)
            # A sink that needs no thread of its own has everything by now; the others get one more moment.
            self._after(0.05, future.done, lambda: self._give_up(output, future))
            return
        _resolve(future, output.report(Ended.DEADLINE))

    def _end_all(self, within: float) -> None:
        for output in list(self._outputs):
            if output.ended is None:
                output.pipe.take_what_is_there()
                self._end(output, Ended.CLOSED)
        if not self._outputs:
            self._stop = True
        self._after(within, lambda: False, self._abandon)

    def _abandon(self) -> None:
        for output in self._outputs:
            for future in output.waiting:
                _resolve(future, output.report(Ended.CLOSED))
        self._stop = True

    def _after(self, seconds: float, over: Callable[[], bool], action: Callable[[], None]) -> None:
        """Act in so many seconds, unless it is ``over`` by then."""
        heapq.heappush(self._timers, (monotonic() + seconds, next(self._ids), over, action))

    def _patience(self) -> float | None:
        while self._timers and self._timers[0][2]():
            heapq.heappop(self._timers)
        return max(self._timers[0][0] - monotonic(), 0.0) if self._timers else None

    def _run_due(self) -> None:
        now = monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, over, action = heapq.heappop(self._timers)
            if not over():
                action()


def _resolve(future: "concurrent.futures.Future[_T]", value: _T) -> None:
    if not future.done() and future.set_running_or_notify_cancel():
        future.set_result(value)
