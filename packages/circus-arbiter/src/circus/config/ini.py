"""The ini dialect, read as old versions read it. Pure.

The rules: ``[section]``; ``option = value`` or ``option: value``, the first of the two signs counts, names are
case-sensitive; a line that starts with white space continues the value above, after empty lines and
comments, too; ``#`` or ``;`` in the first column and the word ``rem`` make a comment; `` ;`` (with white space
before it) starts a comment within a line, if it is the first semicolon there; ``""`` is the empty value.
Sections may be repeated and go on; the first value of an option counts.

It never raises: whatever the bytes are, the answer is sections and problems with their lines.
"""

import re
from dataclasses import dataclass, field
from typing import final

from circus.config.document import Entry, Origin, Section
from circus.config.problems import Problem, Severity

__all__ = ["decode", "parse_ini"]

_NEWLINE = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"([^=:]*)[=:](.*)", re.DOTALL)
_LOOKS_LIKE_OPTION = re.compile(r"([a-z_]+(?:\.[a-z_]+)?)\s*=\s*\S")


def decode(raw: bytes, file: str) -> tuple[str, tuple[Problem, ...]]:
    """The text of a file: UTF-8, with or without a byte order mark."""
    problems: list[Problem] = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        cause = f"byte {raw[error.start]:#04x} is not UTF-8: save the file in that encoding"
        problems.append(Problem(text=cause, origin=Origin(file, line)))
        text = raw.decode("utf-8", "replace")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.append(
            Problem(text="there is a NUL byte: this is not a text file", origin=Origin(file, line))
        )
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text, tuple(problems)


@dataclass(slots=True)
class _OpenEntry:
    name: str
    lines: list[str]
    origin: Origin


@final
@dataclass(slots=True)
class _Reader:
    """Takes lines; holds the section and the option that are open."""

    file: str
    options: frozenset[str]
    sections: list[tuple[str, Origin, list[_OpenEntry]]] = field(
        default_factory=list[tuple[str, Origin, list[_OpenEntry]]]
    )
    problems: list[Problem] = field(default_factory=list[Problem])
    entry: _OpenEntry | None = None

    def feed(self, number: int, line: str) -> None:
        if (
            not line.strip()
            or line[0] in "#;"
            or (line[0] in "rR" and line.split(None, 1)[0].lower() == "rem")
        ):
            return
        origin = Origin(self.file, number)
        header = _HEADER.match(line)
        if line[0].isspace() and self.entry is not None:
            self._continue(line.strip(), origin)
        elif header is not None:
            self.sections.append((header[1].strip(), origin, []))
            self.entry = None
        elif not self.sections:
            self.problems.append(Problem(text="a line before the first [section]", origin=origin))
        else:
            self._option(line, origin)

    def _continue(self, text: str, origin: Origin) -> None:
        assert self.entry is not None
        looks = _LOOKS_LIKE_OPTION.match(text)
        if text[0] in "#;":
            self._warn(
                origin,
                f"this is no comment: it continues the value of {self.entry.name}; start it in column 1",
            )
        elif looks is not None and looks[1] in self.options:
            cause = f"this line is indented, so it continues the value of {self.entry.name}; {looks[1]} is not set"
            self._warn(origin, cause)
        self.entry.lines.append(text)

    def _option(self, line: str, origin: Origin) -> None:
        name, _, entries = self.sections[-1]
        match = _OPTION.match(line)
        if match is None or not match[1].strip():
            cause = "this is neither a [section] nor option = value; a comment starts with #"
            self.problems.append(Problem(text=cause, origin=origin, section=name))
            self.entry = None
            return
        self.entry = _OpenEntry(match[1].strip(), [_clean(match[2].lstrip())], origin)
        entries.append(self.entry)

    def _warn(self, origin: Origin, text: str) -> None:
        section = self.sections[-1][0]
        self.problems.append(Problem(text=text, origin=origin, section=section, severity=Severity.WARNING))


def _clean(value: str) -> str:
    """A value without its comment and the white space around it."""
    before, semicolon, _ = value.partition(";")
    if semicolon and before and before[-1].isspace():
        value = before
    value = value.strip()
    return "" if value == '""' else value


def parse_ini(
    text: str, file: str, *, options: frozenset[str] = frozenset()
) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
    """The sections of a text, as they stand there: repeated ones are not merged yet.

    Args:
        text: what `decode` made of the file.
        file: how it is called in origins.
        options: names that are known as options, to warn of one that is indented by mistake.
    """
    reader = _Reader(file, options)
    for number, line in enumerate(_NEWLINE.split(text), 1):
        reader.feed(number, line)
    sections = tuple(
        Section(name, origin, tuple(Entry(item.name, "\n".join(item.lines), item.origin) for item in entries))
        for name, origin, entries in reader.sections
    )
    return sections, tuple(reader.problems)
