"""What can stand at a place of the command line.

Theory: words before the cursor decide which kind of thing is wanted (`wanted_at`, pure); only names of watchers need
the daemon, which gets half a second and whose silence completes nothing. Typer is loaded for options alone.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from circus.client.errors import CallError
from circus.ctl.arguments import arrange
from circus.ctl.table import COMMANDS, Operand

__all__ = ["candidates", "legacy", "query", "wanted_at", "watcher_names"]

_PATIENCE: Final = 0.5
_GLOBAL: Final = [
    "--debug",
    "--endpoint",
    "--key",
    "--help",
    "--json",
    "--no-color",
    "--output",
    "--prettify",
    "--ssh",
    "--ssh_keyfile",
    "--timeout",
    "--version",
]


def wanted_at(words: list[str]) -> tuple[Operand | None, str | None]:
    """What may come after these words, and of which command. Pure.

    Returns:
        The kind (None where nothing is known) and the command.
    """
    line = arrange(words)
    if line.command is None:
        return Operand.COMMAND, None
    entry = COMMANDS.get(line.command)
    if entry is None:
        return None, None
    given = sum(not word.startswith("-") for word in line.rest)
    if entry.operand is Operand.WATCHERS or (entry.operand is Operand.WATCHER and given == 0):
        return Operand.WATCHER, line.command
    return (entry.operand if entry.operand is Operand.FILE else None), line.command


def candidates(words: list[str], current: str, *, names: Callable[[], Iterable[str]]) -> list[str]:
    """What the word at the cursor can become.

    Args:
        words: those before it, without ``circusctl``.
        current: what of it is there already.
        names: asked for the names of the watchers, if they are wanted.
    """
    kind, command = wanted_at(words)
    if words and words[-1] in {"-o", "--output"}:
        found: Iterable[str] = ("json", "name", "table", "text", "wide")
    elif current.startswith("-"):
        found = [*_GLOBAL, *(_options(command) if command else ())]
    elif kind is Operand.COMMAND:
        found = [name for name, entry in COMMANDS.items() if not entry.hidden]
    elif kind is Operand.WATCHER:
        found = names()
    else:
        found = ()
    return sorted({word for word in found if word.startswith(current)})


def _options(command: str) -> list[str]:
    from typer.main import get_command  # noqa: PLC0415 - only where options are completed

    from circus.ctl.app import application  # noqa: PLC0415 - likewise

    group = get_command(application((command,), rich_help=False))
    found = getattr(group, "commands", {})
    return [option for param in found[command].params for option in param.opts if option.startswith("--")]


def watcher_names(environ: Mapping[str, str], words: list[str]) -> list[str]:
    """The names of the watchers; none if nobody says in time."""
    from circus.client.blocking import CircusClient  # noqa: PLC0415 - loads zmq
    from circus.ctl.discover import control_endpoint  # noqa: PLC0415 - likewise

    options = arrange(words).options
    told = next((options[i + 1] for i, word in enumerate(options[:-1]) if word == "--endpoint"), None)
    told = next((word.partition("=")[2] for word in options if word.startswith("--endpoint=")), told)
    try:
        with CircusClient(endpoint=control_endpoint(told, environ), timeout=_PATIENCE) as client:
            found = client.call("list").get("watchers", [])
    except CallError:
        return []
    return [str(name) for name in found]


def query(cword: int, words: list[str], environ: Mapping[str, str]) -> list[str]:
    """For the scripts of `circusctl completion`.

    Args:
        cword: index of the word at the cursor in `words`.
        words: all of the line, ``circusctl`` first.
        environ: where to look for the endpoint.
    """
    current = words[cword] if 0 <= cword < len(words) else ""
    before = words[1:cword]
    return candidates(before, current, names=lambda: watcher_names(environ, before))


def legacy(environ: Mapping[str, str]) -> str:
    """For the bash script that users of older versions installed: ``AUTO_COMPLETE``, ``COMP_WORDS``, ``COMP_CWORD``.

    Returns:
        Words, separated by blanks.
    """
    words = environ.get("COMP_WORDS", "").split()
    position = environ.get("COMP_CWORD", "")
    if not position.isdigit():
        return ""
    return " ".join(query(int(position), words, environ))


def main(arguments: list[str]) -> str:
    """The lines for ``completion query CWORD WORD...``."""
    if not arguments or not arguments[0].isdigit():
        return ""
    return "".join(f"{word}\n" for word in query(int(arguments[0]), arguments[1:], os.environ))
