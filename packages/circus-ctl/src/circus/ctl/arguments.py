"""The command line before typer reads it: global options may stand anywhere. Pure."""

from typing import Final, NamedTuple

from circus.ctl.table import COMMANDS

__all__ = ["Line", "arrange"]

_WITH_VALUE: Final = frozenset(
    {"--endpoint", "--timeout", "--ssh", "--ssh_keyfile", "--ssh-keyfile", "--output", "-o", "--key"}
)
_FLAGS: Final = frozenset({"--json", "--prettify", "--no-color", "--debug"})
_HELP: Final = frozenset({"--help", "-h"})


class Line(NamedTuple):
    """A command line, sorted out.

    Args:
        options: global options.
        command: the word of the command, or None.
        rest: what the command gets.
        wants_help: whether help was asked for before the command.
    """

    options: list[str]
    command: str | None
    rest: list[str]
    wants_help: bool = False

    @property
    def argv(self) -> list[str]:
        """In the order that typer wants."""
        words = [*self.options, *(["--help"] if self.wants_help and self.command is None else [])]
        if self.command is None:
            return words
        return [*words, self.command, *(["--help"] if self.wants_help else []), *self.rest]


def arrange(argv: list[str]) -> Line:
    """Sort a command line out.

    Global options count before and after the command, up to ``--``; in `add` only up to the program's own words. An
    option that the command has itself is the command's.
    """
    options: list[str] = []
    rest: list[str] = []
    command: str | None = None
    wants_help = False
    words = iter(argv)
    for word in words:
        own = COMMANDS[command].own_options if command in COMMANDS else frozenset[str]()
        name = word.partition("=")[0] if word.startswith("--") else word
        if command is not None and (word == "--" or (command == "add" and _operands(rest) >= 2)):
            rest += [word, *words]
        elif name in _WITH_VALUE and name not in own:
            options.append(word)
            value = next(words, None) if name == word else None
            options += [value] if value is not None else []
        elif word in _FLAGS and word not in own:
            options.append(word)
        elif command is not None:
            rest.append(word)
        elif word in _HELP:
            wants_help = True
        elif word.startswith("-"):
            options.append(word)
        else:
            command = word
    return Line(options, command, rest, wants_help)


def _operands(words: list[str]) -> int:
    return sum(not word.startswith("-") for word in words)
