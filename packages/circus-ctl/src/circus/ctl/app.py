"""circusctl on typer: the tree is built for one command at a time.

Theory: a line is sorted out (`arguments.arrange`), the module of its one command imported, and a typer application with
that command alone is run; only ``--help`` builds all of them. Results go to standard output, one line about a failure
to standard error, and the exit code says which kind it was.
"""

# ruff: noqa: FBT002 - a flag of typer is a default of False

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from circus.client.errors import CallError
from circus.client.keys import KeyFileError
from circus.ctl.arguments import Line, arrange
from circus.ctl.commands.common import session_of
from circus.ctl.failures import ExitCode, Failure, from_call
from circus.ctl.light import LightCommand, LightGroup
from circus.ctl.session import Output, Session, Settings
from circus.ctl.table import COMMANDS, nearest
from circus.exc import ArgumentError

__all__ = ["application", "run", "run_line"]

_LENIENT: Final = frozenset({"add", "kill", "set", "signal", "top"})
"""Their arguments may look like options: ``-9``, ``-1``, ``-m``."""


def _version(wanted: bool) -> None:  # noqa: FBT001 - the signature of an option's callback
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        sys.stdout.write(f"circusctl {version('circus-ctl')}\n")
        raise typer.Exit


def _globals(
    context: typer.Context,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Where circusd is; else CIRCUSCTL_ENDPOINT, the run directory, tcp 5555."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds to wait for an answer; 5 by default.", min=0)
    ] = None,
    output: Annotated[
        Output | None, typer.Option("-o", "--output", help="How to show what is answered.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
    prettify: Annotated[bool, typer.Option("--prettify", help="JSON on many lines.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="As the variable NO_COLOR.")] = False,
    ssh: Annotated[str | None, typer.Option(help="Go through this ssh server: user@host:port.")] = None,
    ssh_keyfile: Annotated[
        str | None, typer.Option("--ssh_keyfile", "--ssh-keyfile", help="The private key for it.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="A key file, for an endpoint that wants one; else CIRCUSCTL_KEY.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Control a Circus daemon. Without a command, an interactive shell."""
    del version
    given: dict[str, Any] = {
        "endpoint": endpoint,
        "timeout": timeout,
        "output": Output.json if as_json else output,
        "prettify": prettify or None,
        "color": False if no_color else None,
        "ssh": ssh,
        "ssh_keyfile": ssh_keyfile,
        "key": key,
        "debug": debug or None,
    }
    session = session_of(context)
    told = {key: value for key, value in given.items() if value is not None}
    session.settings = replace(session.settings, **told)


def application(names: Iterable[str], *, rich_help: bool) -> typer.Typer:
    """A typer application with these commands.

    Args:
        names: of commands, from `table.COMMANDS`.
        rich_help: whether help is for a terminal.
    """
    app = typer.Typer(
        name="circusctl",
        cls=LightGroup,
        add_completion=False,
        rich_markup_mode="rich" if rich_help else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(cls=LightGroup, invoke_without_command=True)(_globals)
    for name in names:
        entry = COMMANDS[name]
        function = getattr(import_module(f"circus.ctl.commands.{entry.module}"), entry.function)
        app.command(
            name,
            cls=LightCommand,
            short_help=entry.summary,
            hidden=entry.hidden,
            context_settings={"ignore_unknown_options": name in _LENIENT},
        )(function)
    return app


def run_line(line: Line, session: Session) -> int:
    """Run one command line.

    Args:
        line: sorted out.
        session: its settings are those of the line afterwards; it stays the caller's to close.

    Returns:
        The exit code; everything that went wrong has been told.
    """
    if line.command is not None and line.command not in COMMANDS:
        likely = nearest(line.command)
        hint = f"did you mean {likely}? " if likely else ""
        return session.report(
            Failure(
                f"error: no such command {line.command!r}",
                hint=f"{hint}circusctl --help lists the commands",
                code=ExitCode.USAGE,
            )
        )
    names = COMMANDS if line.command is None else (line.command,)
    app = application(names, rich_help=session.out.isatty())
    try:
        result = get_command(app).main(
            args=line.argv, prog_name="circusctl", standalone_mode=False, obj=session
        )
    except Exception as error:  # the last place: what is not known is told, or raised again
        if session.settings.debug:
            raise
        return session.report(_as_failure(error, line))
    return result if isinstance(result, int) else ExitCode.OK


def _as_failure(error: Exception, line: Line) -> Failure:
    match error:
        case Failure():
            return error
        case ArgumentError():
            return Failure(str(error), hint=f"circusctl --help {line.command} shows the arguments")
        case CallError():
            return from_call(error)
        case KeyFileError():
            return Failure(f"error: {error}")
        case TyperException():
            text = error.format_message()
            hint = f"circusctl --help {line.command or ''}".rstrip()
            return Failure(f"error: {text}", hint=hint, code=ExitCode.USAGE)
        case typer.Abort():
            return Failure("error: interrupted")
        case BrokenPipeError():
            raise error
        case _:
            kind = type(error).__name__
            return Failure(f"error: {kind}: {error}", hint="--debug shows where; this is a bug of circusctl")


def run(argv: list[str]) -> int:
    """The command ``circusctl``, without its name.

    Returns:
        What to exit with.
    """
    session = Session(Settings())
    try:
        line = arrange(argv)
        if line.command is None and not line.wants_help and "--version" not in line.options:
            return _shell(line, session)
        return run_line(line, session)
    except KeyboardInterrupt:
        return ExitCode.FAILED
    except BrokenPipeError:
        # Who read our output has had enough; nothing is left to be flushed into the broken pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    finally:
        session.close()


def _shell(line: Line, session: Session) -> int:
    """Read the global options of a line without a command, then open the shell."""
    from circus.ctl.shell import Shell  # noqa: PLC0415 - only here

    code = _apply(line, session)
    return code if code is not None else Shell(session).run()


def _apply(line: Line, session: Session) -> int | None:
    app = application((), rich_help=False)
    app.command("shell", hidden=True)(_nothing)
    try:
        result = get_command(app).main(
            args=[*line.options, "shell"], prog_name="circusctl", standalone_mode=False, obj=session
        )
    except TyperException as error:
        return session.report(_as_failure(error, line))
    return result if isinstance(result, int) else None


def _nothing() -> None:
    """Only the global options are read."""
