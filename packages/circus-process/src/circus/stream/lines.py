"""Lines in a stream of bytes, whatever the chunks it comes in. Pure.

Bytes are cut at newlines only, so that a UTF-8 character is never damaged; where a line is too long to be kept
whole, it is cut between two characters. The property that holds for all of this: the result depends on the
bytes, never on how they were chunked.
"""

from typing import final

__all__ = ["LINE_LIMIT", "LineCutter", "LinePrefixer", "character_cut"]

LINE_LIMIT = 65_536
"""The longest line, in bytes, that is held back until its end has come."""

_CONTINUATION = 0b1000_0000
_CONTINUATION_MASK = 0b1100_0000


def character_cut(data: bytes, at: int) -> int:
    """The greatest cut <= ``at`` that splits no UTF-8 character; ``at`` itself where the bytes are not UTF-8."""
    if at >= len(data):
        return len(data)
    for cut in range(at, max(at - 4, -1), -1):
        if data[cut] & _CONTINUATION_MASK != _CONTINUATION:
            return cut
    return at


@final
class LineCutter:
    """Lets whole lines through and holds the rest back.

    Args:
        limit: the most bytes that are held; a longer line passes in pieces, cut between characters.
    """

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = b""

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        return len(self._held)

    def cut(self, data: bytes) -> tuple[bytes, int]:
        """Take a chunk; say what passes, without copying the chunk.

        Returns:
            What passes first, and how many leading bytes of ``data`` pass after it.
        """
        end = data.rfind(b"\n") + 1
        if end and len(data) - end <= self._limit:
            first, self._held = self._held, data[end:]
            return first, end
        whole = self._held + data
        passed = whole.rfind(b"\n") + 1
        while len(whole) - passed > self._limit:
            passed = max(character_cut(whole, passed + self._limit), passed + 1)
        self._held = whole[passed:]
        return whole[:passed], 0

    def feed(self, data: bytes) -> bytes:
        """The same in one piece: what ends in a newline (or is over the limit), which may be nothing."""
        first, end = self.cut(data)
        rest = data if end == len(data) else data[:end]
        return first + rest if first else rest

    def take(self) -> bytes:
        """Give up what is held: at the end of the stream, or when another owner goes on."""
        held, self._held = self._held, b""
        return held


@final
class LinePrefixer:
    """Puts a prefix before each line; a line that comes in pieces gets one, with the time of its first piece."""

    __slots__ = ("_at_start",)

    def __init__(self) -> None:
        self._at_start = True

    def cut(self, data: bytes, prefix: bytes) -> tuple[bytes, bytes, int]:
        """The chunk with ``prefix`` before every line that begins in it, in two pieces that need no copying.

        Returns:
            The first piece, the second, and how many leading bytes of the second count.
        """
        if not data:
            return b"", b"", 0
        first = prefix if self._at_start else b""
        body = data.replace(b"\n", b"\n" + prefix)
        self._at_start = data.endswith(b"\n")
        return first, body, len(body) - (len(prefix) if self._at_start else 0)

    def feed(self, data: bytes, prefix: bytes) -> bytes:
        """The same in one piece."""
        first, body, end = self.cut(data, prefix)
        return first + body[:end]
