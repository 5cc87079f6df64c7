"""Threads, where the machine has room for one more; where it has none that is an `OSError`, as it is for a process.

Theory. A thread counts as a process does, towards ``ulimit -u``, a cgroup's ``pids.max`` and the pids of the machine. `threading`
says in a bare RuntimeError that there is none; here it is `NoThreadError`, which whoever expects a system call to fail handles
anyway. What only keeps the event loop from waiting can be done on it where there is no other place: late is better than never.
"""

import asyncio
import concurrent.futures
import contextvars
import errno
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, final

__all__ = ["NoThreadError", "call", "start"]

P = ParamSpec("P")
T = TypeVar("T")


@final
class NoThreadError(OSError):
    """There is no room for another thread; later there may be."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EAGAIN, f"no room for another process or thread ({name})")


def start(work: Callable[..., object], *args: Any, name: str, daemon: bool = True) -> threading.Thread:
    """A thread that runs already.

    Args:
        work: what it does.
        args: with what.
        name: of the thread.
        daemon: whether the interpreter may end without waiting for it.

    Raises:
        NoThreadError: it could not be started; nothing of it is left.
    """
    thread = threading.Thread(target=work, args=args, name=name, daemon=daemon)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThreadError(name) from error
    return thread


async def call(function: Callable[P, T], /, *args: P.args, **keywords: P.kwargs) -> T:
    """Call something that takes a while in a thread of its own; without room for one here, and the loop waits for it.

    Raises:
        Exception: whatever the function raises.
    """
    done: concurrent.futures.Future[T] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def work() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            result = context.run(function, *args, **keywords)
        except BaseException as error:  # noqa: BLE001 - it belongs to who waits
            done.set_exception(error)
        else:
            done.set_result(result)

    try:
        start(work, name=f"call {getattr(function, '__name__', function)}", daemon=False)
    except NoThreadError:
        work()
    return await asyncio.wrap_future(done)
