"""The terminal: its modes, its size, its keys, and that it is always given back as it was found."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Self, final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from circus.top.keys import decode
from circus.top.lines import STYLES, Frame
from circus.top.render import Look

__all__ = ["Picture", "Terminal"]

_ESCAPE_WAIT: Final = 0.05
"""Seconds after which a lone escape is a key, and not the begin of a sequence."""


@lru_cache(maxsize=64)
def _style(name: str) -> Style:
    return Style.parse(STYLES[name])


@final
class Picture:
    """A frame, for rich."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        last = len(self._frame) - 1
        for index, line in enumerate(self._frame):
            for text, style in line:
                yield Segment(text, _style(style))
            if index < last:
                yield Segment.line()


@final
class Terminal:
    """A terminal that shows frames and gives keys. A context manager: inside, it is ours.

    Args:
        on_keys: called on the loop with the keys that were pressed.
        on_change: called on the loop when everything must be drawn anew.
        on_end: called on the loop when the terminal, or a signal, wants us to end.
        console: where to draw.
    """

    def __init__(
        self,
        *,
        on_keys: Callable[[list[str]], None],
        on_change: Callable[[], None],
        on_end: Callable[[], None],
        console: Console,
    ) -> None:
        self._on_keys = on_keys
        self._on_change = on_change
        self._on_end = on_end
        self._console = console
        self._fd = sys.stdin.fileno()
        self._saved: list[Any] | None = None
        self._live: Live | None = None
        self._rest = b""
        self._flush: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._saved = termios.tcgetattr(self._fd)
        loop = asyncio.get_running_loop()
        try:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                loop.add_signal_handler(number, self._on_end)
            loop.add_signal_handler(signal.SIGWINCH, self._on_change)
            loop.add_signal_handler(signal.SIGTSTP, self._suspend)
            loop.add_signal_handler(signal.SIGCONT, self._continued)
            self._take()
            loop.add_reader(self._fd, self._read)
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd)
        if self._flush is not None:
            self._flush.cancel()
        for number in (
            signal.SIGTERM,
            signal.SIGHUP,
            signal.SIGINT,
            signal.SIGQUIT,
            signal.SIGWINCH,
            signal.SIGTSTP,
            signal.SIGCONT,
        ):
            loop.remove_signal_handler(number)
        self._give_back()

    @property
    def look(self) -> Look:
        """What it can do now."""
        width, height = self._console.size
        encoding = (self._console.encoding or "").lower()
        return Look(width, height, ascii_only=not encoding.startswith("utf"))

    def show(self, frame: Frame) -> None:
        """Draw."""
        if self._live is not None:
            self._live.update(Picture(frame), refresh=True)

    # -- ours, and not ours --------------------------------------------------------------------------------------------

    def _take(self) -> None:
        tty.setcbreak(self._fd, termios.TCSANOW)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def _give_back(self) -> None:
        try:
            if self._live is not None:
                self._live.stop()
                self._live = None
        finally:
            if self._saved is not None:
                try:
                    termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)
                except termios.error:
                    self._saved = None  # the terminal is gone

    def _suspend(self) -> None:
        """Give the terminal back and stop, as the shell expects; what follows runs when it continues us."""
        self._give_back()
        signal.raise_signal(signal.SIGSTOP)
        self._resume()

    def _resume(self) -> None:
        self._saved = termios.tcgetattr(self._fd)
        self._take()
        self._on_change()

    def _continued(self) -> None:
        """After a stop that could not be seen coming: the shell may have changed the modes."""
        if self._live is not None:
            tty.setcbreak(self._fd, termios.TCSANOW)
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)
        self._on_change()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._on_end()
            return
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        keys, self._rest = decode(self._rest + data)
        if self._rest:
            self._flush = asyncio.get_running_loop().call_later(_ESCAPE_WAIT, self._give_up_waiting)
        if keys:
            self._on_keys(keys)

    def _give_up_waiting(self) -> None:
        keys, self._rest = decode(self._rest, final=True)
        self._rest = b""
        if keys:
            self._on_keys(keys)
