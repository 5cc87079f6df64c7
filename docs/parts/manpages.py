"""Manual pages from what the commands say of themselves, written as man(7). Pure, given the help texts."""

import re

from circus import __version__
from circus.ctl.table import COMMANDS
from parts.helps import PROGRAMS, help_text
from parts.helptext import Section, read

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


def _escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def _section(section: Section, *, level: str = "SH") -> list[str]:
    title = "ARGUMENTS" if section.title == "positional arguments" else section.title.upper()
    lines = [f".{level} {title}"]
    for term, text in section.entries:
        lines += [".TP", f".B {_escape(term)}", *([_escape(text)] if text else [])]
    return lines


def _verbs() -> list[str]:
    lines = [".SH COMMANDS"]
    for name in sorted(name for name, command in COMMANDS.items() if not command.hidden):
        found = read(help_text(("circusctl", name)))
        lines += [f".SS {_escape(found.usage.removeprefix('circusctl ').replace(' [OPTIONS]', ''))}"]
        for paragraph in found.paragraphs:
            lines += [_escape(paragraph), ".PP"]
        for section in found.sections:
            entries = [(term, text) for term, text in section.entries if not term.startswith("-h, ")]
            if section.title == "Options" and entries:
                lines += _section(Section("", entries), level="PP")[1:]
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
    found = read(help_text((name,)))
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
