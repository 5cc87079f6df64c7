"""The event loop as programs know it that embedded old versions: tornado's names over asyncio's loop.

Nothing inside uses this; it exists for ``arbiter.loop.run_sync(...)`` and ``arbiter.loop.add_callback(...)``, and for
the `loop` of plugins.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable
from datetime import timedelta
from inspect import isawaitable
from typing import Any, ClassVar, final

__all__ = ["LoopAdapter", "unwrap"]


def unwrap(loop: Any) -> asyncio.AbstractEventLoop:
    """The asyncio loop in what a program passes as ``loop``: one of asyncio's, tornado's, or an adapter.

    Raises:
        TypeError: it is none of these.
    """
    inner = getattr(loop, "asyncio_loop", loop)
    if not isinstance(inner, asyncio.AbstractEventLoop):
        raise TypeError(f"{loop!r} is not an event loop of asyncio or tornado")
    return inner


@final
class LoopAdapter:
    """A few of tornado's loop methods.

    Args:
        loop: does the work; owned by whoever made it.
    """

    READ: ClassVar[int] = 0x01
    WRITE: ClassVar[int] = 0x04
    ERROR: ClassVar[int] = 0x18

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asyncio_loop = loop

    def run_sync(self, function: Callable[[], Any], timeout: float | None = None) -> Any:
        """Call a function and, if it returns something to wait for, wait for that.

        On a loop that runs in another thread it runs there, and this thread waits.

        Args:
            function: takes no argument; may return a coroutine or a future of either kind.
            timeout: seconds; None: for ever.

        Raises:
            TimeoutError: it took longer.
            RuntimeError: called from within the loop itself, which would wait for itself.
        """

        async def work() -> Any:
            result: Any = function()
            if isinstance(result, concurrent.futures.Future):
                waitable: Any = asyncio.wrap_future(result)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            else:
                waitable = result
            return await asyncio.wait_for(waitable, timeout) if isawaitable(waitable) else waitable

        if self.asyncio_loop.is_running():
            if _running_here() is self.asyncio_loop:
                raise RuntimeError("run_sync cannot wait for the loop that it is called from")
            return asyncio.run_coroutine_threadsafe(work(), self.asyncio_loop).result(timeout)
        if self.asyncio_loop.is_closed():
            return asyncio.run(work())
        return self.asyncio_loop.run_until_complete(work())

    def add_callback(self, callback: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        """Call something on the loop, soon; from any thread. What it returns to wait for is waited for there."""

        def call() -> None:
            result = callback(*args, **keywords)
            if asyncio.iscoroutine(result):
                task = self.asyncio_loop.create_task(result)
                _KEPT.add(task)
                task.add_done_callback(_KEPT.discard)

        if not self.asyncio_loop.is_closed():
            self.asyncio_loop.call_soon_threadsafe(call)

    add_callback_from_signal = add_callback
    spawn_callback = add_callback

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Call something on the loop after a delay in seconds."""
        return self.asyncio_loop.call_later(delay, lambda: callback(*args))

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Call something on the loop at a time of `time`."""
        return self.asyncio_loop.call_at(when, lambda: callback(*args))

    def add_timeout(
        self, deadline: float | timedelta, callback: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        """`call_at` a time of `time`, or `call_later` after a timedelta."""
        if isinstance(deadline, timedelta):
            return self.call_later(deadline.total_seconds(), callback, *args)
        return self.call_at(deadline, callback, *args)

    def remove_timeout(self, timeout: asyncio.TimerHandle) -> None:
        """Cancel what `call_later`, `call_at` or `add_timeout` returned; harmless when it is over."""
        timeout.cancel()

    def time(self) -> float:
        """The loop's clock, in seconds: monotonic, with no relation to the wall clock."""
        return self.asyncio_loop.time()

    def add_handler(self, fd: Any, handler: Callable[[Any, int], Any], events: int) -> None:
        """Call ``handler(fd, events)`` whenever a descriptor is ready.

        Args:
            fd: its number, or an object with `fileno`.
            handler: what to call.
            events: `READ`, `WRITE` or both.
        """
        if events & self.READ:
            self.asyncio_loop.add_reader(fd, handler, fd, self.READ)
        if events & self.WRITE:
            self.asyncio_loop.add_writer(fd, handler, fd, self.WRITE)

    def remove_handler(self, fd: Any) -> None:
        """Watch a descriptor no more; harmless if it was not watched."""
        self.asyncio_loop.remove_reader(fd)
        self.asyncio_loop.remove_writer(fd)

    def make_current(self) -> None:
        """Make it the loop that `asyncio.get_event_loop` finds in this thread."""
        asyncio.set_event_loop(self.asyncio_loop)

    def close(self, all_fds: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - an old signature
        """Close the loop, which must not run; idempotent. Descriptors stay open."""
        self.asyncio_loop.close()

    def add_future(self, future: Any, callback: Callable[[Any], Any]) -> None:
        """Call back with a future when it is done."""

        def done(finished: Any) -> None:
            self.add_callback(callback, finished)

        future.add_done_callback(done)

    def start(self) -> None:
        """Run the loop until `stop`."""
        self.asyncio_loop.run_forever()

    def stop(self) -> None:
        """Stop a loop that `start` runs; from any thread."""
        self.asyncio_loop.call_soon_threadsafe(self.asyncio_loop.stop)


_KEPT: set["asyncio.Task[Any]"] = set()


def _running_here() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
