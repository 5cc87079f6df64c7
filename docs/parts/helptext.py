"""A help text, read back into its parts. Pure.

Theory: argparse and typer lay help out alike: paragraphs at the left, headings that end with a colon, and below them entries,
indented by two, whose text stands after two blanks or deeper on the next lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Help", "Option", "Section", "options", "read"]

_ENTRY = re.compile(r"^  (?P<term>\S.*?)(?:\s{2,}(?P<text>\S.*))?$")
_NAME = re.compile(r"^--?[\w-]+")


@dataclass
class Section:
    """A heading, and what stands below it: terms, each with its text."""

    title: str
    entries: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Help:
    """What a command says of itself."""

    usage: str = ""
    paragraphs: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        names: all its spellings.
        value: what its value is called; empty for a flag.
        choices: the values that there are, if they are few.
        text: what it does.
    """

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    text: str


def read(text: str) -> Help:
    """The parts of a help text."""
    found = Help()
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        if lines[0].lower().startswith("usage:"):
            found.usage = " ".join(line.strip() for line in lines)[len("usage:") :].strip()
        elif re.fullmatch(r"[\w ]+:", lines[0]):
            found.sections.append(Section(lines[0].rstrip(":"), list(_entries(lines[1:]))))
        else:
            found.paragraphs.append(" ".join(line.strip() for line in lines))
    return found


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    term, text = "", ""
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is not None:
            if term:
                yield term, text
            term, text = entry["term"], entry["text"] or ""
        else:
            text = f"{text} {line.strip()}".strip()
    if term:
        yield term, text


def options(found: Help) -> Iterator[Option]:
    """The options of a command, in the order in which it names them."""
    for section in found.sections:
        for term, text in section.entries:
            if not term.startswith("-"):
                continue
            names: list[str] = []
            value = ""
            for part in term.split(", "):
                name = _NAME.match(part)
                if name is None:
                    continue
                names.append(name[0])
                value = part[name.end() :].strip(" <>{}") or value
            choices = tuple(re.split("[|,]", value)) if re.search("[|,]", value) else ()
            yield Option(tuple(names), value, choices, text)
