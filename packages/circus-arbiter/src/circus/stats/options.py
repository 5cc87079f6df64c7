"""What circusd-stats is told on its command line. Pure."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circus.protocol.endpoints import DEFAULT_ENDPOINT, DEFAULT_PUBSUB_ENDPOINT, DEFAULT_STATS_ENDPOINT

__all__ = ["Address", "Options", "parse_address", "parse_options"]

_LEVELS = ("debug", "info", "warning", "error", "critical")

Address = tuple[str, int]
"""Host and port."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """See the help of `parse_options`."""

    endpoint: str = DEFAULT_ENDPOINT
    pubsub: str = DEFAULT_PUBSUB_ENDPOINT
    statspoint: str = DEFAULT_STATS_ENDPOINT
    log_level: str = "info"
    log_output: str = "-"
    ssh: str | None = None
    version: bool = False
    metrics: Address | None = None
    statsd: Address | None = None
    statsd_prefix: str = "circus"


def parse_address(text: str) -> Address:
    """``HOST:PORT`` or ``[HOST]:PORT``.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:9113")
    return host.strip("[]") or "127.0.0.1", int(port)


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; prints and exits where it asks for help, or is wrong."""
    parser = argparse.ArgumentParser(
        prog="circusd-stats",
        description="Publishes what the processes of a circusd use: one look a second while somebody listens, none otherwise.",
    )
    parser.add_argument(
        "--endpoint", default=DEFAULT_ENDPOINT, help="where circusd takes commands [%(default)s]"
    )
    parser.add_argument(
        "--pubsub", default=DEFAULT_PUBSUB_ENDPOINT, help="where it publishes events [%(default)s]"
    )
    parser.add_argument(
        "--statspoint", default=DEFAULT_STATS_ENDPOINT, help="where to publish the figures [%(default)s]"
    )
    parser.add_argument("--log-level", type=str.lower, choices=_LEVELS, default="info", help="[%(default)s]")
    parser.add_argument("--log-output", default="-", help="a file; - is standard output [%(default)s]")
    parser.add_argument("--ssh", help="reach both endpoints through this ssh server, user@host:port")
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument(
        "--metrics",
        type=parse_address,
        metavar="HOST:PORT",
        help="answer GET /metrics there, in the Prometheus or OpenMetrics format [off]",
    )
    parser.add_argument(
        "--statsd",
        type=parse_address,
        metavar="HOST:PORT",
        help="send gauges to this statsd each 10 s, over UDP [off]",
    )
    parser.add_argument("--statsd-prefix", default="circus", help="first part of their names [%(default)s]")
    return Options(**vars(parser.parse_args(arguments)))
