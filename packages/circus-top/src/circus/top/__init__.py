"""circus-top: see what runs, live, in a terminal.

Theory. `model` is what is known and `view` how it is looked at, both without I/O; `render` makes lines of both. Around them are
two shells: `feed` (ZeroMQ) and `terminal` (termios and rich), joined by `app`. Importing this loads nothing else.
"""

__all__ = ["main"]


def main() -> None:
    """Run circus-top with the options of the command line."""
    from circus.top.cli import run  # noqa: PLC0415 - an import of the package stays light

    run()
