"""circusd, the daemon: command line, configuration, pid file, signals, log, going into the background."""

from typing import NoReturn

from circus.circusd.background import daemonize

__all__ = ["daemonize", "main"]


def main() -> NoReturn:
    """Run circusd with this process's arguments, and end with its exit code."""
    from circus.circusd.daemon import main as run  # noqa: PLC0415 - `daemonize` alone stays light

    raise SystemExit(run())
