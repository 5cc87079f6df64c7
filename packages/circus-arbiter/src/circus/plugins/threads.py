"""Blocking work of a plugin, beside its loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[[], T], *, name: str) -> T:
    """Call a function in a thread of its own and wait for it.

    The end of the plugin does not wait for the thread: what a check of a hung server returns then is of no use.

    Args:
        function: takes no argument.
        name: of the thread.

    Raises:
        Exception: what the function raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return  # nobody waits any more
        if error is None:
            future.set_result(result)  # type: ignore[arg-type] # it is what the function returned
        else:
            future.set_exception(error)

    def work() -> None:
        result, problem = None, None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            problem = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
