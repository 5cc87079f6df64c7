"""What the workers say: a file that every worker maps, and a fifo that every worker holds open.

A worker draws a number, and writes when its ``main()`` began; so times are exact however rarely we look. The reader of the fifo
sees the end of file when the last worker is gone: no polling of process tables, and no worker is missed.
"""

import mmap
import os
import select
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

__all__ = ["Board", "Record", "Timeout"]

_HEADER = 32
_RECORD = struct.Struct("<qqqq")
_LOOK = 0.002


class Timeout(Exception):  # noqa: N818 - an outcome of a measurement
    """It did not happen in time."""


@final
@dataclass(frozen=True, slots=True)
class Record:
    """One start of a worker.

    Attributes:
        began: monotonic seconds at which its ``main()`` began.
        finished: when it had written all of its output, 0.0 until then.
        pid: its pid.
        amount: bytes that it has written.
    """

    began: float
    finished: float
    pid: int
    amount: int


@final
class Board:
    """A mapped file for so many starts; `close` it."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self.path = folder / "board"
        self.fifo = folder / "alive"
        size = _HEADER + capacity * _RECORD.size
        with self.path.open("wb") as file:
            file.truncate(size)
        self.path.chmod(0o666)
        os.mkfifo(self.fifo)
        self._alive = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        with self.path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)

    @property
    def arguments(self) -> list[str]:
        """The first arguments of each worker."""
        return [str(self.path), str(self.fifo)]

    @property
    def drawn(self) -> int:
        """How many workers have begun so far."""
        return int(struct.unpack_from("<q", self._map)[0])

    def record(self, index: int) -> Record:
        """What one start said; `began` is 0.0 while it is being written."""
        began, finished, pid, amount = _RECORD.unpack_from(self._map, _HEADER + index * _RECORD.size)
        return Record(began / 1e9, finished / 1e9, pid, amount)

    def records(self, first: int = 0) -> list[Record]:
        """All starts since this one."""
        return [self.record(index) for index in range(first, self.drawn)]

    def wait_for(self, count: int, timeout: float) -> list[Record]:
        """Wait until so many starts are on the board, whole.

        Raises:
            Timeout: there are fewer.
        """
        deadline = time.monotonic() + timeout
        while self.drawn < count or any(not one.began for one in self.records(max(0, count - 64))):
            if time.monotonic() > deadline:
                raise Timeout(f"{self.drawn} of {count} workers began in {timeout:.0f} s")
            time.sleep(_LOOK)
        return self.records()

    def wait_finished(self, index: int, timeout: float) -> Record:
        """Wait until a worker has written all of its output.

        Raises:
            Timeout: it has not.
        """
        deadline = time.monotonic() + timeout
        while not self.record(index).finished:
            if time.monotonic() > deadline:
                raise Timeout(f"the output was not written in {timeout:.0f} s")
            time.sleep(_LOOK)
        return self.record(index)

    def wait_empty(self, timeout: float) -> float:
        """Wait until the last worker is gone; the monotonic time at which it was.

        Raises:
            Timeout: some still run.
        """
        poller = select.poll()
        poller.register(self._alive, 0)  # POLLHUP alone: no writer is left
        if not poller.poll(timeout * 1000):
            raise Timeout(f"workers still run after {timeout:.0f} s")
        return time.monotonic()

    def close(self) -> None:
        """Unmap and close."""
        self._map.close()
        os.close(self._alive)
