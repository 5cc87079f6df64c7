"""The command ``circus-plugin``: what circusd runs for each plugin, and what a person runs by hand.

The configuration travels as one JSON object, so that any text passes; the old form, ``key:value:::key:value``, is
still read. Values are text on the other side, as plugins expect.
"""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from circus.protocol.endpoints import DEFAULT_ENDPOINT, DEFAULT_PUBSUB_ENDPOINT

if TYPE_CHECKING:
    from circus.plugins.base import CircusPlugin
    from circus.protocol.options import ArbiterOptions, PluginOptions

__all__ = ["dump_config", "load_config", "main", "plugin_args", "reachable"]

log = logging.getLogger("circus")

_ANY_HOST = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}  # noqa: S104 - read, not bound


def reachable(endpoint: str) -> str:
    """Where a program on this machine connects to what is bound at an endpoint."""
    scheme, separator, address = endpoint.partition("://")
    host, colon, port = address.rpartition(":")
    if scheme != "tcp" or not colon:
        return endpoint
    return f"{scheme}{separator}{_ANY_HOST.get(host, host)}:{port}"


def dump_config(config: Mapping[str, Any]) -> str:
    """A plugin's options as they are written on its command line."""
    return json.dumps({str(key): str(value) for key, value in sorted(config.items())}, ensure_ascii=False)


def load_config(text: str | None) -> dict[str, str]:
    """The options in what `dump_config`, or a person, wrote: a JSON object, or ``key:value:::key:value``.

    Raises:
        ValueError: it looks like JSON and is no object of it.
    """
    if text is None or not text.strip():
        return {}
    if text.lstrip().startswith("{"):
        try:
            document = cast("dict[str, object]", json.loads(text))
        except ValueError as error:
            raise ValueError(f"the configuration is not a JSON object: {error}") from error
        return {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()
        }
    pairs = (item.partition(":") for item in text.split(":::"))
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def plugin_args(plugin: "PluginOptions", options: "ArbiterOptions", *, name: str | None = None) -> list[str]:
    """What to say to ``python -m circus.plugins`` to run a plugin beside a daemon.

    Args:
        plugin: its options.
        options: the daemon's.
        name: of the plugin, as its section has it; plugins find it in their configuration.
    """
    config = {} if name is None else {"name": name}
    config.update(plugin.config)
    args = ["--endpoint", reachable(options.endpoint), "--pubsub", reachable(options.pubsub_endpoint)]
    args += ["--check-delay", f"{options.check_delay:g}"]
    if config:
        args += ["--config", dump_config(config)]
    return [*args, plugin.use]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="circus-plugin", description="Run a plugin beside a circusd.", allow_abbrev=False
    )
    parser.add_argument("plugin", nargs="?", help="dotted name of the plugin's class")
    parser.add_argument(
        "--endpoint", default=DEFAULT_ENDPOINT, help="where circusd receives commands (default: %(default)s)"
    )
    parser.add_argument(
        "--pubsub",
        default=DEFAULT_PUBSUB_ENDPOINT,
        help="where circusd publishes events (default: %(default)s)",
    )
    parser.add_argument("--config", help="the plugin's options: a JSON object, or key:value:::key:value")
    parser.add_argument(
        "--check-delay",
        type=float,
        default=5.0,
        help="circusd's check_delay in seconds (default: %(default)s)",
    )
    parser.add_argument("--log-level", dest="loglevel", default="info", help="default: %(default)s")
    parser.add_argument(
        "--log-output", dest="logoutput", default="-", help="a file, - for standard error, or syslog://..."
    )
    parser.add_argument("--ssh", help="user@host:port to go through to circusd")
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run a plugin until SIGTERM or SIGINT, then exit.

    Args:
        argv: the command line without the program's name; default: this process's.

    Raises:
        SystemExit: always: 0 after a stop; 1 if the plugin cannot run; 2 for a command line that makes no sense.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    if args.version:
        from circus import __version__  # noqa: PLC0415 - only here

        sys.stdout.write(f"{__version__}\n")
        raise SystemExit(0)
    if args.plugin is None:
        parser.print_usage()
        raise SystemExit(0)
    try:
        config = load_config(args.config)
    except ValueError as error:
        parser.error(str(error))
    raise SystemExit(_run(args, config))


def _run(args: argparse.Namespace, config: dict[str, str]) -> int:
    from circus.config.logs import configure_logger  # noqa: PLC0415 - the daemon needs `plugin_args` alone
    from circus.exc import CallError  # noqa: PLC0415 - likewise
    from circus.util import resolve_name  # noqa: PLC0415 - likewise

    try:
        configure_logger(log, args.loglevel, args.logoutput, name="circus-plugin")
        factory = resolve_name(args.plugin)
        configure_logger(log, args.loglevel, args.logoutput, name=getattr(factory, "name", "") or args.plugin)
        plugin: CircusPlugin = factory(args.endpoint, args.pubsub, args.check_delay, args.ssh, **config)
    except (ImportError, ValueError, OSError) as error:
        log.error("cannot load %s: %s", args.plugin, error)  # noqa: TRY400 - the text says it all
        return 1
    log.info("%s: events from %s, commands to %s", args.plugin, args.pubsub, args.endpoint)
    try:
        if not plugin.active:
            log.info("%s is not active; nothing to do", args.plugin)
            return 0
        loop = plugin.loop.asyncio_loop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, plugin.stop)
        plugin.start()
    except (CallError, OSError) as error:
        log.error("%s ends: %s", args.plugin, error)  # noqa: TRY400 - the text says it all
        return 1
    finally:
        plugin.stop()
    log.info("%s has stopped", args.plugin)
    return 0
