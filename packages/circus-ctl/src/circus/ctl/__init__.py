"""circusctl, the command line of Circus.

Theory: a command line is sorted out, one command is imported and run by typer, one request is sent, and one reply is
shown: as plain text that scripts rely on, or as a table to a person. Start-up is most of the time that a command
takes, so nothing is imported before it is needed, and completion never loads typer for a name.
"""

import os
import sys

__all__ = ["main"]


def main() -> int:
    """The entry point of ``circusctl``.

    Returns:
        What to exit with.
    """
    arguments = sys.argv[1:]
    if "AUTO_COMPLETE" in os.environ:
        from circus.ctl.complete import legacy  # noqa: PLC0415 - answers before anything else is loaded

        sys.stdout.write(legacy(os.environ) + "\n")
        return 1
    if arguments[:2] == ["completion", "query"]:
        from circus.ctl.complete import main as query  # noqa: PLC0415 - likewise

        sys.stdout.write(query(arguments[2:]))
        return 0
    from circus.ctl.app import run  # noqa: PLC0415 - loads typer

    return run(arguments)
