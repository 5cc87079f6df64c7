"""Signals of this process, as calls on the event loop; none is ever lost. Main thread only.

Theory: asyncio learns of signals by a byte each in a small socket buffer. While thousands of children die, SIGCHLD fills
it, and the byte of a SIGTERM is thrown away. Here the Python-level handler remembers the number in a set, which cannot
overflow, and the byte in the pipe only wakes the loop up: a pipe that is full has woken it already.

Owns, between `install` and `restore`: the handlers of its signals and the wake-up descriptor; both are put back.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, final

__all__ = ["SignalDesk"]

_CHUNK = 65536


@final
class SignalDesk:
    """Calls something on the loop for each signal.

    Args:
        meanings: what to call, by signal number; once for any number of signals that came since.
    """

    def __init__(self, meanings: Mapping[int, Callable[[], None]]) -> None:
        self._meanings = dict(meanings)
        self._pending: set[int] = set()
        self._before: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pipe = (-1, -1)
        self._wakeup_before = -1

    def install(self) -> None:
        """Take the signals over, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._pipe = os.pipe()
        for fd in self._pipe:
            os.set_blocking(fd, False)
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._loop.add_reader(self._pipe[0], self._deliver)
        for number in self._meanings:
            self._before[number] = signal.signal(number, self._remember)
            signal.siginterrupt(number, False)

    def restore(self) -> None:
        """Put everything back as it was."""
        if self._loop is None:
            return
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._loop.remove_reader(self._pipe[0])
        for fd in self._pipe:
            os.close(fd)
        self._loop = None

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self._pending.add(number)

    def _deliver(self) -> None:
        # Emptied first: what comes from now on wakes us up again.
        while True:
            try:
                if len(os.read(self._pipe[0], _CHUNK)) < _CHUNK:
                    break
            except BlockingIOError:
                break
        pending, self._pending = self._pending, set()
        for number in sorted(pending):
            self._meanings[number]()
