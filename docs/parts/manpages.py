"""Manual pages from what the commands say of themselves. Pure, given the help texts.

Theory: argparse and typer lay help out alike: paragraphs at the left, headings that end with a colon, and below them entries,
indented by two, whose text stands after two blanks or deeper on the next lines. That is read back and written as man(7).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from circus import __version__
from circus.ctl.table import COMMANDS
from parts.helps import PROGRAMS, help_text

__all__ = ["PACKAGES", "man_page"]

PACKAGES = {
    "circusd": "circus-arbiter",
    "circusctl": "circus-ctl",
    "circus-top": "circus-top",
    "circusd-stats": "circus-arbiter",
    "circus-plugin": "circus-arbiter",
    "circushttpd": "circus-web",
}
"""Which distribution installs the page of a command."""

_ENTRY = re.compile(r"^  (?P<term>\S.*?)(?:\s{2,}(?P<text>\S.*))?$")


@dataclass
class _Section:
    title: str
    entries: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Help:
    usage: str = ""
    paragraphs: list[str] = field(default_factory=list)
    sections: list[_Section] = field(default_factory=list)


def _read(text: str) -> _Help:
    found = _Help()
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        if lines[0].lower().startswith("usage:"):
            found.usage = " ".join(line.strip() for line in lines)[len("usage:") :].strip()
        elif re.fullmatch(r"[\w ]+:", lines[0]):
            found.sections.append(_Section(lines[0].rstrip(":"), list(_entries(lines[1:]))))
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


def _escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def _section(section: _Section, *, level: str = "SH") -> list[str]:
    title = "ARGUMENTS" if section.title == "positional arguments" else section.title.upper()
    lines = [f".{level} {title}"]
    for term, text in section.entries:
        lines += [".TP", f".B {_escape(term)}", *([_escape(text)] if text else [])]
    return lines


def _verbs() -> list[str]:
    lines = [".SH COMMANDS"]
    for name in sorted(name for name, command in COMMANDS.items() if not command.hidden):
        found = _read(help_text(("circusctl", name)))
        lines += [f".SS {_escape(found.usage.removeprefix('circusctl ').replace(' [OPTIONS]', ''))}"]
        for paragraph in found.paragraphs:
            lines += [_escape(paragraph), ".PP"]
        for section in found.sections:
            entries = [(term, text) for term, text in section.entries if not term.startswith("-h, ")]
            if section.title == "Options" and entries:
                lines += _section(_Section("", entries), level="PP")[1:]
    return lines


_FILES = {
    "circusctl": [
        ".SH ENVIRONMENT",
        ".TP",
        ".B CIRCUSCTL_ENDPOINT",
        "where circusd is, in place of \\-\\-endpoint",
        ".TP",
        ".B NO_COLOR, FORCE_COLOR",
        "whether to use colours",
    ]
}
_SUMMARIES = {
    "circusd": "run and watch processes and sockets",
    "circusctl": "control a Circus daemon",
    "circus-top": "see what the processes of circusd do, live",
    "circusd-stats": "publish what the processes of a circusd use",
    "circus-plugin": "run one plugin of circusd",
    "circushttpd": "the web console of Circus, and its HTTP API",
}


def man_page(name: str) -> str:
    """The page of a command, in the language of man(7).

    Args:
        name: from `PACKAGES`.
    """
    found = _read(help_text((name,)))
    lines = [
        f'.\\" Made by docs/generate.py from {name} \\-\\-help: change that, not this.',
        f'.TH {name.upper()} 1 "" "Circus {__version__}" "Circus"',
        ".SH NAME",
        f"{_escape(name)} \\- {_escape(_SUMMARIES[name])}",
        ".SH SYNOPSIS",
        f".B {_escape(name)}",
        _escape(found.usage.removeprefix(name).strip()),
        ".SH DESCRIPTION",
    ]
    for paragraph in found.paragraphs:
        lines += [_escape(paragraph), ".PP"]
    for section in found.sections:
        lines += _verbs() if name == "circusctl" and section.title == "Commands" else _section(section)
    lines += _FILES.get(name, [])
    others = ", ".join(f"\\fB{_escape(other)}\\fR(1)" for other in PROGRAMS if other != name)
    return "\n".join([*lines, ".SH SEE ALSO", others, ""])
