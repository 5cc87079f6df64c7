"""Pieces of Markdown, and of text. Pure."""

import re
from collections.abc import Iterable, Sequence

__all__ = ["NOTHING", "cell", "code", "fence", "first_paragraph", "replace_parts", "table"]

NOTHING = "\N{EN DASH}"

_PART = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def code(text: str) -> str:
    """A word of code; a dash for nothing."""
    return f"`{text}`" if text else NOTHING


def cell(text: str) -> str:
    """Text as it can stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing without rows."""
    lines = ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines, ""])


def fence(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def first_paragraph(text: str | None) -> str:
    """The promise at the top of a docstring."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def replace_parts(page: str, parts: dict[str, str]) -> str:
    """A page with its generated parts made anew.

    Raises:
        KeyError: it asks for a part that nobody makes.
    """
    return _PART.sub(lambda found: f"{found[1]}\n{parts[found['name']].strip()}\n\n{found[3]}", page)
