"""The command line of circusd: arguments, and what each exit code means. Decides; `circus.circusd.daemon` acts."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

__all__ = ["EXIT_FAILED", "EXIT_OK", "EXIT_USAGE", "EXIT_WATCHER_FAILED", "LOG_LEVELS", "Arguments", "parse"]

EXIT_OK = 0
"""Stopped because it was asked to."""
EXIT_FAILED = 1
"""Could not start: the reason is on standard error."""
EXIT_USAGE = 2
"""The command line is wrong."""
EXIT_WATCHER_FAILED = 3
"""A watcher with ``on_failure = shutdown`` failed."""

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was asked for.

    Args:
        config: the configuration file; None only with `version`.
        log_level: in place of the configured one.
        log_output: likewise.
        logger_config: likewise.
        daemon: go into the background.
        pidfile: in place of the configured one.
        check: only read the configuration and say what is wrong with it.
        version: only say the version.
    """

    config: str | None
    log_level: str | None
    log_output: str | None
    logger_config: str | None
    daemon: bool
    pidfile: str | None
    check: bool
    version: bool


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="circusd",
        description="Run and watch processes and sockets, as a configuration file says.",
        epilog="Exit codes: 0 stopped as asked, 1 could not start, 2 wrong usage, "
        "3 a watcher with on_failure = shutdown failed.",
    )
    add = parser.add_argument
    add("config", nargs="?", help="configuration file, ini or TOML")
    add("--log-level", type=str.lower, choices=LOG_LEVELS, help="log level; default: info")
    add(
        "--log-output",
        metavar="FILE",
        help="where to log: a file, - for standard error, or syslog://HOST:PORT",
    )
    add("--logger-config", metavar="FILE", help="logging configuration: ini, JSON or YAML")
    add("--daemon", action="store_true", help="go into the background, and return when circusd is ready")
    add("--pidfile", metavar="FILE", help="file that holds the pid of circusd while it runs")
    add("--check", action="store_true", help="only read the configuration, and say what is wrong with it")
    add("--version", action="store_true", help="say the version and exit")
    return parser


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line; ends the program with `EXIT_USAGE` where it is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.config is None and not given.version:
        parser.error("which configuration file? For example: circusd circus.ini")
    return Arguments(**vars(given))
