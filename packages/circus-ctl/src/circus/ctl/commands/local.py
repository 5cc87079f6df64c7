"""Commands that need no daemon."""

# ruff: noqa: FBT002 - a flag of typer is a default of False

import importlib.util
import os
import sys
from typing import Annotated

import typer

from circus.ctl.commands.common import Names, session_of
from circus.ctl.failures import ExitCode, Failure
from circus.ctl.session import plain_words

__all__ = ["check", "completion", "ipython", "schema"]


def check(
    context: typer.Context,
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="An ini or TOML file.")],
) -> int:
    """Check a configuration file, with circusd's own reader."""
    del context
    if _module_of("circus.circusd") is None or _module_of("circus.config") is None:
        raise Failure(
            "error: cannot check a configuration: the daemon is not installed here",
            hint="pip install circus-arbiter",
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "circus.circusd", "--check", config])  # noqa: S606 - becomes circusd


def _module_of(name: str) -> object | None:
    try:
        return importlib.util.find_spec(name)
    except ImportError:
        return None


def completion(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="install|show [bash|zsh|fish]")] = None,
) -> int:
    """Install shell completion for circusctl, or print its script."""
    from circus.ctl.scripts import SCRIPTS, install, shell_in_use  # noqa: PLC0415 - only here

    session = session_of(context)
    action, *shells = plain_words(words, least=1, most=2)
    shell = shells[0] if shells else shell_in_use(os.environ)
    if shell not in SCRIPTS:
        raise Failure(f"error: no completion for {shell or 'this shell'}; name one of {', '.join(SCRIPTS)}")
    if action == "show":
        session.write(SCRIPTS[shell])
    elif action == "install":
        session.write(install(shell, os.environ) + "\n")
    else:
        raise Failure(f"error: {action!r} is neither install nor show", code=ExitCode.USAGE)
    return ExitCode.OK


def schema(
    context: typer.Context,
    daemon: Annotated[
        bool, typer.Option("--daemon", help="That of the running daemon, not of this circusctl.")
    ] = False,
) -> int:
    """Print the JSON Schema of the protocol and of all options."""
    session = session_of(context)
    if daemon:
        session.show_json(session.ask("schema"))
        return ExitCode.OK
    from circus.protocol.schema import json_schema  # noqa: PLC0415 - loads the models

    session.show_json(json_schema())
    return ExitCode.OK


def ipython(context: typer.Context, words: Annotated[Names, typer.Argument(hidden=True)] = None) -> int:
    """Not offered any more: a shell inside the daemon let every peer run code as its user."""
    del context, words
    raise Failure(
        "error: there is no ipython shell inside circusd any more: it ran any code for any peer",
        hint="circusctl describe, options and stats show what it was used for",
        code=ExitCode.REFUSED,
    )
