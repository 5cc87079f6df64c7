"""What the commands say of themselves, asked from the code and not from installed programs."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Generator
from functools import cache, partial
from importlib import import_module

from circus.ctl.table import COMMANDS
from parts.markdown import fence

__all__ = ["PARTS", "PROGRAMS", "help_text", "usage"]

PROGRAMS: dict[str, str] = {
    "circusd": "circus.circusd:main",
    "circusctl": "circus.ctl:main",
    "circus-top": "circus.top:main",
    "circusd-stats": "circus.stats:main",
    "circus-plugin": "circus.plugins.command:main",
    "circushttpd": "circus.web:main",
}
"""The commands, and where each begins."""

_WIDTH = 100


@contextlib.contextmanager
def _quiet_terminal(argv: list[str]) -> Generator[io.StringIO]:
    """Standard output as text of a fixed width, without colours, and somebody else's command line."""
    before = sys.argv, dict(os.environ)
    text = io.StringIO()
    os.environ.update(COLUMNS=str(_WIDTH + 2), LINES="24", NO_COLOR="1", TERM="dumb")
    os.environ.pop("FORCE_COLOR", None)
    os.environ.pop("TERMINAL_WIDTH", None)
    sys.argv = argv
    try:
        with contextlib.redirect_stdout(text):
            yield text
    finally:
        sys.argv = before[0]
        os.environ.clear()
        os.environ.update(before[1])


@cache
def help_text(words: tuple[str, ...]) -> str:
    """What ``WORDS --help`` prints, 100 columns wide."""
    module, _, function = PROGRAMS[words[0]].partition(":")
    main: Callable[[], object] = getattr(import_module(module), function)
    with _quiet_terminal([*words, "--help"]) as text, contextlib.suppress(SystemExit):
        main()
    lines = [line.rstrip() for line in text.getvalue().strip().splitlines()]
    assert lines, f"{' '.join(words)} --help says nothing"
    return "\n".join(lines)


def usage(words: tuple[str, ...]) -> str:
    """The line that says how to call a command."""
    text = help_text(words)
    lines = text[text.lower().index("usage:") + len("usage:") :].split("\n\n")[0].splitlines()
    return " ".join(line.strip() for line in lines)


def _program(name: str) -> str:
    return fence("text", help_text((name,)))


def _verbs() -> str:
    names = sorted(name for name, command in COMMANDS.items() if not command.hidden)
    return "\n".join(
        f"### circusctl {name}\n\n" + fence("text", help_text(("circusctl", name))) for name in names
    )


PARTS: dict[str, Callable[[], str]] = {
    **{f"help-{name}": partial(_program, name) for name in PROGRAMS},
    "help-verbs": _verbs,
}
