"""The last lines of one output, in bounded memory, for whoever asks later or follows now.

Writing is cheap, because nothing is cut into lines before somebody asks: chunks are kept as they came, with the
time they came at. One thread writes; any thread may read or follow.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import final

from circus.stream.clock import monotonic, wall

__all__ = ["Call", "Follower", "TailBuffer", "TailLine"]

Call = Callable[[Callable[[], None]], object]
"""Runs a function somewhere else, soon, from any thread: ``loop.call_soon_threadsafe``."""

_MERGE_BELOW = 4096
_MERGE_WITHIN = 0.05


@final
@dataclass(frozen=True, slots=True)
class TailLine:
    """One line.

    Args:
        data: its bytes, without the newline.
        monotonic: when its end was read, in seconds of the monotonic clock.
        wall: the same as seconds since the epoch, for showing.
    """

    data: bytes
    monotonic: float
    wall: float


@final
@dataclass(slots=True)
class _Block:
    data: bytes
    monotonic: float
    wall: float


def _lines(blocks: list[_Block], *, whole: bool) -> list[TailLine]:
    """The lines in some blocks; without the first where it is not known to be ``whole``."""
    out: list[TailLine] = []
    rest = b""
    for block in blocks:
        parts = (rest + block.data).split(b"\n")
        rest = parts.pop()
        out.extend(TailLine(part, block.monotonic, block.wall) for part in parts)
    if rest:
        out.append(TailLine(rest, blocks[-1].monotonic, blocks[-1].wall))
    return out if whole else out[1:]


@final
class Follower:
    """One subscription to new lines; made by `TailBuffer.follow`, ended by `close`.

    What comes faster than it is taken is bounded: beyond ``limit`` bytes the oldest are dropped for this follower
    (and for it alone), and the callback is told how many.
    """

    def __init__(
        self, tail: "TailBuffer", callback: Callable[[list[TailLine], int], None], *, call: Call, limit: int
    ) -> None:
        self._tail = tail
        self._callback = callback
        self._call = call
        self._limit = limit
        self._lock = Lock()
        self._blocks: deque[_Block] = deque()
        self._size = 0
        self._missed = 0
        self._aligned = True
        self._rest = b""
        self._scheduled = False
        self._closed = False

    def offer(self, data: bytes, now: float, when: float, *, missed: int) -> None:
        """A chunk for it; called by the buffer alone."""
        with self._lock:
            self._missed += missed
            self._aligned = self._aligned and not missed
            self._blocks.append(_Block(data, now, when))
            self._size += len(data)
            while self._size > self._limit and len(self._blocks) > 1:
                lost = self._blocks.popleft().data
                self._size -= len(lost)
                self._missed += len(lost)
                self._aligned = lost.endswith(b"\n")
            if self._scheduled:
                return
            self._scheduled = True
        try:
            self._call(self._deliver)
        except RuntimeError:  # its event loop is closed: nobody follows any more
            self.close()

    def _deliver(self) -> None:
        with self._lock:
            self._scheduled = False
            if self._closed:
                return
            blocks, missed, aligned = list(self._blocks), self._missed, self._aligned
            self._blocks.clear()
            self._size = self._missed = 0
            self._aligned = True
        if missed:
            self._rest = b""
        lines = self._whole(blocks, aligned=aligned)
        if lines or missed:
            self._callback(lines, missed)

    def _whole(self, blocks: list[_Block], *, aligned: bool) -> list[TailLine]:
        if not blocks:
            return []
        first = blocks[0]
        blocks[0] = _Block(self._rest + first.data, first.monotonic, first.wall)
        lines = _lines(blocks, whole=aligned)
        self._rest = b""
        if lines and not blocks[-1].data.endswith(b"\n"):
            self._rest = lines.pop().data
            if len(self._rest) > self._limit:
                lines.append(TailLine(self._rest, first.monotonic, first.wall))
                self._rest = b""
        return lines

    def close(self) -> None:
        """End the subscription; nothing is called back any more once the present call, if any, has returned."""
        self._closed = True
        self._tail.forget(self)


@final
class TailBuffer:
    """The last lines of one output.

    Args:
        capacity: how many bytes are kept at least, where there were so many; twice that at most.
    """

    def __init__(self, capacity: int = 32_768) -> None:
        self.capacity = capacity
        self._lock = Lock()
        self._blocks: list[_Block] = []  # not a deque: an empty one is 600 bytes, times ten thousand outputs
        self._size = 0
        self._whole = True
        self._followers: tuple[Follower, ...] = ()

    @property
    def followed(self) -> bool:
        """Whether anybody follows: then every byte is offered, otherwise the last ones are enough."""
        return bool(self._followers)

    def append(self, data: bytes, *, skipped: int = 0) -> None:
        """Take a chunk.

        Args:
            data: the bytes.
            skipped: how many bytes went by unseen just before it.
        """
        now, when = monotonic(), wall()
        with self._lock:
            if skipped:
                self._drop_all()
            self._keep(data, now, when)
            followers = self._followers
        for follower in followers:
            follower.offer(data, now, when, missed=skipped)

    def _keep(self, data: bytes, now: float, when: float) -> None:
        if len(data) > self.capacity:
            self._drop_all()
            data = data[-self.capacity :]
        last = self._blocks[-1] if self._blocks else None
        if last is not None and len(last.data) < _MERGE_BELOW and now - last.monotonic < _MERGE_WITHIN:
            last.data += data
        else:
            self._blocks.append(_Block(data, now, when))
        self._size += len(data)
        while self._size - len(self._blocks[0].data) >= self.capacity or len(self._blocks) > 1024:
            dropped = self._blocks.pop(0).data
            self._size -= len(dropped)
            self._whole = dropped.endswith(b"\n")

    def _drop_all(self) -> None:
        self._blocks.clear()
        self._size = 0
        self._whole = False

    def lines(self, count: int | None = None, *, since: float | None = None) -> list[TailLine]:
        """The last lines, oldest first; an unfinished last line counts.

        Args:
            count: how many at most; None for all that are kept.
            since: only those from this wall-clock time on.
        """
        with self._lock:
            blocks = [_Block(block.data, block.monotonic, block.wall) for block in self._blocks]
            whole = self._whole
        lines = _lines(blocks, whole=whole)
        if since is not None:
            lines = [line for line in lines if line.wall >= since]
        return lines if count is None else lines[len(lines) - min(count, len(lines)) :]

    def follow(
        self, callback: Callable[[list[TailLine], int], None], *, call: Call, limit: int = 262_144
    ) -> Follower:
        """Hear of new lines from now on, many at a time, until the returned follower is closed.

        Args:
            callback: gets the new whole lines and how many bytes this follower missed by being slow.
            call: how it is called where it belongs: ``loop.call_soon_threadsafe``.
            limit: how many bytes may wait for it.
        """
        follower = Follower(self, callback, call=call, limit=limit)
        with self._lock:
            self._followers = (*self._followers, follower)
        return follower

    def unfollow(self) -> None:
        """End every subscription."""
        with self._lock:
            self._followers = ()

    def forget(self, follower: Follower) -> None:
        """The same as closing it."""
        with self._lock:
            self._followers = tuple(other for other in self._followers if other is not follower)
