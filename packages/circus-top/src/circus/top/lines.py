"""Lines of styled text, and how they are made to fit. Pure."""

from typing import Final

from rich.cells import cell_len, set_cell_size

__all__ = ["STYLES", "Frame", "Line", "clip", "fit", "to_ascii", "wrap"]

Line = list[tuple[str, str]]
"""Pieces of text, each with the name of its style."""
Frame = list[Line]

STYLES: Final = {
    "": "",
    "title": "bold cyan",
    "dim": "dim",
    "bold": "bold",
    "good": "green",
    "wait": "yellow",
    "bad": "bold red",
    "off": "dim",
    "head": "reverse",
    "cursor": "reverse bold",
    "bar": "reverse",
    "ask": "bold yellow",
    "spark": "green",
    "hot": "bold red",
    "warm": "yellow",
    "key": "bold cyan",
}
"""Style name -> rich style."""


def fit(text: str, width: int) -> str:
    """Cut or filled to exactly this many cells."""
    if text.isascii():
        return text[:width].ljust(width)
    return set_cell_size(text, width)


def clip(line: Line, width: int) -> Line:
    if sum(len(text) for text, _ in line) <= width and all(text.isascii() for text, _ in line):
        return line
    left = width
    clipped: Line = []
    for text, style in line:
        used = len(text) if text.isascii() else cell_len(text)
        if used > left:
            text, used = fit(text, left), left  # noqa: PLW2901 - the rest of it
        if used:
            clipped.append((text, style))
        left -= used
    return clipped


def wrap(text: str, width: int) -> list[str]:
    """Lines that are not longer than the width, broken at blanks where there are some."""
    lines = [""]
    for word in text.split(" "):
        while cell_len(word) > width:
            lines.append(fit(word, width))
            word = word[len(lines[-1].rstrip()) :]  # noqa: PLW2901 - the rest of it
        if not lines[-1]:
            lines[-1] = word
        elif cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line for line in lines if line]


_ASCII: Final = str.maketrans("▁▂▃▄▅▆▇█▾▸→·", "_.-:=+*#v>>.")


def to_ascii(text: str) -> str:
    return text if text.isascii() else text.translate(_ASCII).encode("ascii", "replace").decode()
