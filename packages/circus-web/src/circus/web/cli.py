"""The command line of ``circushttpd``."""

import argparse
import asyncio
import getpass
import ipaddress
import logging
import logging.handlers
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

from circus.protocol import DEFAULT_ENDPOINT
from circus.web.exposure import Exposure, refusal

__all__ = ["main"]

OPTIONS_VARIABLE = "CIRCUSHTTPD_OPTIONS"
"""More options, for where circusd makes the command line: it is inherited from circusd's own environment."""


def _version() -> str:
    try:
        return version("circus-web")
    except PackageNotFoundError:
        return "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="circushttpd",
        description="The web console of Circus, and its HTTP API.",
        epilog=f"More options can stand in the environment variable {OPTIONS_VARIABLE}.",
    )
    add = parser.add_argument
    add(
        "--endpoint",
        action="append",
        metavar="URL",
        help=f"a circusd to show; may be repeated (default: {DEFAULT_ENDPOINT})",
    )
    add(
        "--allow-endpoint",
        action="append",
        default=[],
        metavar="PATTERN",
        help="further endpoints that the page may connect to, such as 'tcp://10.0.0.*:5555'",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
    add("--fd", type=int, help="serve on this listening socket, which circusd hands down")
    add("--ssh", metavar="[USER@]HOST[:PORT]", help="reach the daemons through this server")
    add(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error", "critical"],
        type=str.lower,
    )
    add("--log-output", default="-", metavar="FILE", help="where the log goes; - is standard error")
    add(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which this console is called; may be repeated",
    )
    add("--tls-cert", metavar="FILE", help="serve https with this certificate")
    add("--tls-key", metavar="FILE", help="the key of the certificate")
    add(
        "--users",
        metavar="FILE",
        help="people who may sign in by password: lines of NAME:viewer:HASH or NAME:operator:HASH",
    )
    add(
        "--hash-password",
        action="store_true",
        help="ask for a password, print its hash for --users, and exit",
    )
    add("--insecure-no-auth", action="store_true", help="let everybody who can connect do everything")
    add(
        "--insecure-no-tls",
        action="store_true",
        help="listen on a public address without TLS, such as behind a proxy",
    )
    add("--version", action="version", version=_version())
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; gives the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    options = parser.parse_args([*shlex.split(os.environ.get(OPTIONS_VARIABLE, "")), *given])
    if options.hash_password:
        return _hash_password()
    _set_up_logging(options.log_level, options.log_output)
    try:
        listener = _listen(options)
    except OSError as error:
        where = f"descriptor {options.fd}" if options.fd is not None else f"{options.host}:{options.port}"
        return _fail(f"cannot listen on {where}: {error}")
    with listener:
        host, port = _address(listener)
        problem = refusal(
            Exposure(
                public=_is_public(host),
                tls=bool(options.tls_cert),
                auth=not options.insecure_no_auth,
                insist_no_tls=options.insecure_no_tls,
                host=host,
            )
        )
        if problem is not None:
            return _fail(problem)
        return _serve(options, listener, host=host, port=port)


def _fail(text: str) -> int:
    sys.stderr.write(f"circushttpd: {text}\n")
    return 2


def _hash_password() -> int:
    from circus.web.auth import hash_password  # noqa: PLC0415 - the other paths do not need it here

    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    sys.stdout.write(hash_password(password) + "\n")
    return 0


def _set_up_logging(level: str, output: str) -> None:
    handler: logging.Handler = (
        logging.StreamHandler() if output == "-" else logging.handlers.WatchedFileHandler(output)
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s[%(process)d] %(levelname)s %(message)s"))
    for name in ("circus.web", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper())


def _listen(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        listener = socket.socket(fileno=os.dup(options.fd))
        listener.listen(2048)
        return listener
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family, backlog=2048)


def _address(listener: socket.socket) -> tuple[str, int]:
    name = listener.getsockname()
    if not isinstance(name, tuple):
        return str(name or "unix socket"), 0
    host, port = cast("tuple[str, int]", name[:2])
    return host, port


def _is_public(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a unix socket


def _serve(options: argparse.Namespace, listener: socket.socket, *, host: str, port: int) -> int:
    from circus.web.auth import Gate, Role, parse_users  # noqa: PLC0415 - a refused start loads no server
    from circus.web.serve import Console, run  # noqa: PLC0415
    from circus.web.tokens import TokenError, load_tokens, run_directory  # noqa: PLC0415

    try:
        users = parse_users(Path(options.users).read_text()) if options.users else {}
    except (OSError, ValueError) as error:
        return _fail(f"cannot read --users {options.users}: {error}")
    tokens: dict[Role, str] = {}
    link: str | None = None
    if not options.insecure_no_auth:
        try:
            folder = run_directory()
            tokens = load_tokens(folder, f"httpd-{port or 'unix'}")
        except TokenError as error:
            return _fail(str(error))
        link = secrets.token_urlsafe(32)
        scheme = "https" if options.tls_cert else "http"
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(
            f"circushttpd: sign in once with {scheme}://{shown}:{port}/login#token={link}\n"
            f"circushttpd: lasting tokens are in {folder}/httpd-{port or 'unix'}.*.token\n"
        )
    else:
        logging.getLogger("circus.web").warning(
            "everybody who can connect may do everything: --insecure-no-auth"
        )
    console = Console(
        endpoints=tuple(options.endpoint or [DEFAULT_ENDPOINT]),
        patterns=tuple(options.allow_endpoint),
        gate=Gate(tokens=tokens, link=link, users=users),
        version=_version(),
        allowed_hosts=("localhost", host, socket.gethostname(), *options.allowed_host),
        open_to_all=options.insecure_no_auth,
        ssh=options.ssh,
        tls=(options.tls_cert, options.tls_key) if options.tls_cert else None,
    )
    return asyncio.run(run(console, listener))
