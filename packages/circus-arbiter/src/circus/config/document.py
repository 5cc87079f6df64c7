"""What stands in configuration files, before it means anything: sections of entries, each with its origin. Pure.

Ini and TOML end up in the same document: names of sections and options are those of the ini dialect
(``watcher:web``, ``stdout_stream.class``, ``rlimit_nofile``), values are text from ini and typed from TOML.
What is written first counts, within a file and across files.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

__all__ = ["DEFAULT", "Document", "Entry", "Origin", "Section", "merge"]

DEFAULT = "DEFAULT"
"""The section whose entries stand in for missing ones in every other section."""


@final
@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where something was written.

    Args:
        file: the file, as it was named.
        line: counted from 1; 0 where it is the file as a whole.
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One option as it was written: text, or what TOML makes of it."""

    name: str
    value: Any
    origin: Origin


@final
@dataclass(frozen=True, slots=True)
class Section:
    """One section; its entries are in the order in which they were written."""

    name: str
    origin: Origin
    entries: tuple[Entry, ...] = ()

    def get(self, name: str) -> Entry | None:
        """The entry of a name."""
        return next((entry for entry in self.entries if entry.name == name), None)


@final
@dataclass(frozen=True, slots=True)
class Document:
    """All sections of all files, merged: each name once, in the order of its first appearance."""

    sections: tuple[Section, ...] = ()
    files: tuple[str, ...] = ()

    def get(self, name: str) -> Section | None:
        """The section of a name."""
        return next((section for section in self.sections if section.name == name), None)


def merge(
    sections: Iterable[Section],
) -> tuple[tuple[Section, ...], tuple[tuple[Entry, Entry, Section], ...]]:
    """Make one section of those that share a name. The first entry of a name counts.

    Returns:
        The sections; and what lost: (ignored entry, the one that counts, their section).
    """
    merged: dict[str, dict[str, Entry]] = {}
    origins: dict[str, Origin] = {}
    lost: list[tuple[Entry, Entry, Section]] = []
    for section in sections:
        entries = merged.setdefault(section.name, {})
        origins.setdefault(section.name, section.origin)
        for entry in section.entries:
            kept = entries.setdefault(entry.name, entry)
            if kept is not entry:
                lost.append((entry, kept, section))
    whole = tuple(Section(name, origins[name], tuple(entries.values())) for name, entries in merged.items())
    return whole, tuple(lost)
