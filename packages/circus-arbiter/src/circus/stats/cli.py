"""The process around the streamer: log, signals, exit status."""

import asyncio
import logging
import signal
import sys
from typing import Final

from circus import __version__
from circus.exc import CircusError
from circus.stats.options import Options, parse_options

__all__ = ["main"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
_log = logging.getLogger("circus.stats")


def main() -> None:
    """Run until a signal; exits 0 then, 1 if it cannot start."""
    options = parse_options()
    if options.version:
        sys.stdout.write(f"{__version__}\n")
        sys.exit(0)
    handler = _configure_log(options)
    try:
        asyncio.run(_run(options))
    except (CircusError, OSError) as error:
        _log.error("circusd-stats: %s", error)
        sys.exit(1)
    finally:
        handler.close()


def _configure_log(options: Options) -> logging.Handler:
    handler: logging.Handler
    if options.log_output == "-":
        handler = logging.StreamHandler(sys.stdout)
    else:
        handler = logging.FileHandler(options.log_output)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s[%(process)d] [%(levelname)s] %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(options.log_level.upper())
    return handler


async def _run(options: Options) -> None:
    from circus.stats.streamer import Streamer  # noqa: PLC0415 - `--version` and `--help` need no sockets

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    async with Streamer(options) as streamer:
        _log.info("publishing on %s", options.statspoint)
        await streamer.run(until=stop)
