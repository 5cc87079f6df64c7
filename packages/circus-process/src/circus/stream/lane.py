"""A thread of its own for a sink that may block: user code, a terminal, a fifo.

Theory. A lane is a bounded queue and one thread, started with the first chunk. Whoever fills it sees `Lane.full` and
leaves the bytes in the worker's pipe: a *slow* sink therefore slows its own workers down, as any full pipe does,
and loses nothing. A sink that does not return at all is *stuck*; the pump notices that `Lane.calls` stands still
while the lane is full, and drops (and counts) until it moves again. A sink that raises loses the chunk that it
raised on, and gets the next one. Where the machine has no room for a thread the chunks wait for the next one to try again; at the
close they are lost, and counted.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from typing import final

from circus.process import threads
from circus.stream.account import Account
from circus.stream.lines import LineCutter
from circus.stream.model import Source

__all__ = ["Consume", "Lane", "LaneWriter"]

Consume = Callable[[Source, bytes], object]
"""Takes whole lines of one source; may block, may raise."""

_LIMIT = 1 << 20


@final
class Lane:
    """Feeds one consumer from one thread.

    Args:
        consume: what is called, never by two threads at once.
        name: the thread's name.
        at_end: called on that thread when the lane has been closed and its queue is empty.
        limit: how many bytes may wait.
    """

    def __init__(
        self, consume: Consume, *, name: str, at_end: Callable[[], object] | None = None, limit: int = _LIMIT
    ) -> None:
        self._consume = consume
        self._name = name
        self._at_end = at_end
        self._limit = limit
        self._changed = Condition()
        self._queue: deque[tuple[LaneWriter, bytes] | Callable[[], None]] = deque()
        self._size = 0
        self._waiting: list[Callable[[], None]] = []
        self._thread: Thread | None = None
        self._closed = False
        self.calls = 0

    @property
    def full(self) -> bool:
        """Whether the next chunk should stay where it is."""
        return self._size >= self._limit

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call back, on any thread, once there is room again; at once if there is."""
        with self._changed:
            if self.full:
                self._waiting.append(callback)
                return
        callback()

    def put(self, writer: "LaneWriter", data: bytes) -> bool:
        """Add a chunk, also beyond the limit; False if the lane is closed."""
        with self._changed:
            if self._closed:
                return False
            self._size += len(data)
            self._enqueue((writer, data))
            return True

    def after(self, callback: Callable[[], None]) -> None:
        """Call back on the lane's thread when everything before has been consumed; at once if nothing ever was."""
        with self._changed:
            idle = self._closed or (self._thread is None and not self._queue)
            if not idle:
                self._enqueue(callback)
        if idle:
            callback()

    def close(self, within: float = 2.0) -> bool:
        """Consume what is queued, then end the thread; False if it is stuck and had to be left to itself.

        Args:
            within: seconds to wait for that; 0 only asks for it.
        """
        with self._changed:
            first, self._closed = not self._closed, True
            if self._queue:
                self._have_thread()
            self._changed.notify_all()
        if self._thread is None:
            self._lose_all()
            if first and self._at_end is not None:
                self._at_end()
            return True
        self._thread.join(within)
        return not self._thread.is_alive()

    def _enqueue(self, item: "tuple[LaneWriter, bytes] | Callable[[], None]") -> None:
        self._queue.append(item)
        self._have_thread()
        self._changed.notify_all()

    def _have_thread(self) -> None:
        if self._thread is None:
            with suppress(threads.NoThreadError):
                self._thread = threads.start(self._run, name=self._name)

    def _lose_all(self) -> None:
        """There never was a thread, and there will be none."""
        while self._queue:
            item = self._queue.popleft()
            if callable(item):
                item()
                continue
            writer, data = item
            writer.account.lost(len(data), "no room for a thread that writes it", queued=True)
            self._shrink(len(data))

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if callable(item):
                item()
                continue
            writer, data = item
            try:
                self._consume(writer.source, data)
            except Exception as exc:  # noqa: BLE001 - user code: whatever it raises costs its chunk, nothing else
                writer.account.lost(len(data), _describe(exc), queued=True)
            else:
                writer.account.took(len(data), queued=True)
            self._shrink(len(data))
        if self._at_end is not None:
            self._at_end()

    def _next(self) -> "tuple[LaneWriter, bytes] | Callable[[], None] | None":
        with self._changed:
            while not self._queue:
                if self._closed:
                    return None
                self._changed.wait()
            return self._queue.popleft()

    def _shrink(self, count: int) -> None:
        with self._changed:
            self.calls += 1
            self._size -= count
            if self._size > self._limit // 2:
                return
            waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


def _describe(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__


@final
class LaneWriter:
    """The way of one output into a lane: cuts it into whole lines, keeps its account."""

    bulk = False

    def __init__(self, lane: Lane, source: Source, account: Account) -> None:
        self._lane = lane
        self._cutter = LineCutter()
        self.source = source
        self.account = account

    @property
    def full(self) -> bool:
        """Whether the lane is."""
        return self._lane.full

    @property
    def progress(self) -> int:
        """A number that stands still while the consumer is stuck."""
        return self._lane.calls

    def when_room(self, callback: Callable[[], None]) -> None:
        """As `Lane.when_room`."""
        self._lane.when_room(callback)

    def write(self, data: bytes) -> None:
        """Queue the whole lines in it."""
        self._put(self._cutter.feed(data))

    def splice(self, fd: int, count: int) -> tuple[int, bytes] | None:
        """Never: the bytes have to pass through a function."""
        del fd, count
        return None

    def detach(self) -> bytes:
        """Give up the unfinished line; what is queued will still be consumed."""
        return self._cutter.take()

    def finish(self, done: Callable[[], None]) -> None:
        """Queue the unfinished line, too; call back, on any thread, when all has been consumed."""
        self._put(self._cutter.take())
        self._lane.after(done)

    def _put(self, data: bytes) -> None:
        if not data:
            return
        self.account.queued(len(data))
        if not self._lane.put(self, data):
            self.account.lost(len(data), "its stream is closed", queued=True)
