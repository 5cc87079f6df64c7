"""From what a user wrote to an argument vector. Pure.

Theory. A *variable* is ``$(circus.NAME)`` or its twin ``((circus.NAME))`` (for files in which ``$(`` means something), in any
case of letters; NAME is a key of a flat table: ``wid``, ``env.PATH``, ``sockets.web``, ``working_dir``, .... Expansion is done
once, is not recursive, and leaves what it does not know as it stands, since a user may well mean a shell's own ``$(...)``.
The oldest form, ``$WID``, is replaced by the worker's id.

A command that is text is expanded first and then split as a shell would split it, so a value with blanks becomes several
arguments; in a list each element stays one argument. With a shell, the text goes to ``sh -c`` as it was written: pipes,
redirections and ``&&`` work; a list is quoted first.

Illegal: an unbalanced quote, nothing left to run; both are a `SpawnError` at `Stage.EXPAND`.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final, cast

from circus.process.errors import SpawnError, Stage

__all__ = ["SHELL", "command", "expand", "unknown", "variables"]

SHELL: Final = "/bin/sh"
_VARIABLE: Final = re.compile(r"\$\(circus\.([\w.\-]+)\)|\(\(circus\.([\w.\-]+)\)\)", re.IGNORECASE)
_OLD_WID: Final = re.compile(r"\$WID(?!\w)")


def variables(options: Mapping[str, object]) -> dict[str, str]:
    """The flat table of variables: keys in lower case, one level of mappings joined by a dot, values as text.

    Args:
        options: for instance ``{"wid": 1, "env": {"PATH": "/bin"}, "sockets": {"web": 7}, "working_dir": "/srv"}``. Where keys
            differ in case only, the last one wins.
    """
    table: dict[str, str] = {}
    for key, value in options.items():
        if isinstance(value, Mapping):
            inner = cast("Mapping[object, object]", value)
            table.update((f"{key}.{name}".lower(), str(content)) for name, content in inner.items())
        else:
            table[key.lower()] = str(value)
    return table


def expand(text: str, table: Mapping[str, str]) -> str:
    """Replace the variables that the table knows, and ``$WID`` where it knows ``wid``; leave the rest as it stands."""

    def value(match: re.Match[str]) -> str:
        return table.get(_name(match), match.group())

    parts: list[str] = []
    end = 0
    for match in _VARIABLE.finditer(text):  # not re.sub twice: what a value contains is not expanded again
        parts += (_old(text[end : match.start()], table), value(match))
        end = match.end()
    parts.append(_old(text[end:], table))
    return "".join(parts)


def unknown(text: str, table: Mapping[str, str]) -> tuple[str, ...]:
    """The variables in the text that would be left as they stand: something to warn about."""
    return tuple(match.group() for match in _VARIABLE.finditer(text) if _name(match) not in table)


def command(
    cmd: str | Sequence[str],
    args: str | Sequence[str] | None = None,
    *,
    label: str,
    table: Mapping[str, str],
    shell: bool = False,
    shell_args: str | Sequence[str] | None = None,
    shell_path: str = SHELL,
) -> tuple[str, ...]:
    """The argument vector of a command.

    Args:
        cmd: the command; text is split, a list is taken as it is.
        args: further arguments, likewise.
        label: how an error calls the process.
        table: the variables, see `variables`.
        shell: run it by a shell.
        shell_args: ``$0``, ``$1``, ... of that shell; of no meaning without it.
        shell_path: which shell.

    Raises:
        SpawnError: a quote is not closed, or nothing is left to run.
    """
    try:
        if shell:
            line = " ".join(part for part in (_line(cmd, table), _line(args or "", table)) if part)
            argv = [shell_path, "-c", line, *_words(shell_args or (), table)] if line.strip() else []
        else:
            argv = [*_words(cmd, table), *_words(args or (), table)]
    except ValueError as error:
        raise SpawnError(
            label, Stage.EXPAND, _line(cmd, table), cause=str(error).lower(), retryable=False
        ) from error
    if not argv or not argv[0]:
        raise SpawnError(
            label, Stage.EXPAND, _line(cmd, table), cause="there is nothing to run", retryable=False
        )
    return tuple(argv)


def _name(match: re.Match[str]) -> str:
    return str(match[1] or match[2]).lower()


def _old(text: str, table: Mapping[str, str]) -> str:
    wid = table.get("wid")
    return text if wid is None else _OLD_WID.sub(lambda _: wid, text)


def _words(part: str | Sequence[str], table: Mapping[str, str]) -> list[str]:
    if isinstance(part, str):
        return shlex.split(expand(part, table))
    return [expand(str(word), table) for word in part]


def _line(part: str | Sequence[str], table: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return expand(part, table)
    return shlex.join(expand(str(word), table) for word in part)
