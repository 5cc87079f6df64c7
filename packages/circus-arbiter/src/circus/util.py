"""Small functions under the names that other programs import. Thin: each asks the module that owns the matter."""

import asyncio
import concurrent.futures
import importlib
import logging
import os
import re
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any, cast

from circus.config.expand import shell_variables
from circus.config.logs import LOG_LEVELS, configure_logger
from circus.plugins.periodic import PeriodicCallback as AsyncPeriodicCallback
from circus.process.facts import Facts, Observer
from circus.protocol.endpoints import (
    DEFAULT_ENDPOINT,
    DEFAULT_MULTICAST_ENDPOINT,
    DEFAULT_PUBSUB_ENDPOINT,
    DEFAULT_STATS_ENDPOINT,
)
from circus.protocol.values import parse_bool, parse_signal

__all__ = [
    "DEFAULT_ENDPOINT_DEALER",
    "DEFAULT_ENDPOINT_MULTICAST",
    "DEFAULT_ENDPOINT_STATS",
    "DEFAULT_ENDPOINT_SUB",
    "IS_WINDOWS",
    "LOG_LEVELS",
    "MAXFD",
    "REDIRECT_TO",
    "AsyncPeriodicCallback",
    "bytes2human",
    "check_future_exception_and_log",
    "configure_logger",
    "convert_opt",
    "env_to_str",
    "get_connection",
    "get_default_gid",
    "get_info",
    "get_python_version",
    "get_username_from_uid",
    "get_working_dir",
    "human2bytes",
    "parse_env_dict",
    "parse_env_str",
    "replace_gnu_args",
    "resolve_name",
    "to_bool",
    "to_bytes",
    "to_gid",
    "to_signum",
    "to_str",
    "to_uid",
    "tornado_sleep",
]

DEFAULT_ENDPOINT_DEALER = DEFAULT_ENDPOINT
DEFAULT_ENDPOINT_SUB = DEFAULT_PUBSUB_ENDPOINT
DEFAULT_ENDPOINT_STATS = DEFAULT_STATS_ENDPOINT
DEFAULT_ENDPOINT_MULTICAST = DEFAULT_MULTICAST_ENDPOINT
IS_WINDOWS = False
MAXFD = 1024
REDIRECT_TO = os.devnull

tornado_sleep = asyncio.sleep

_UNITS = "KMGTPEZY"
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(\w*)\s*")
_WORDS = ("kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "iotta")
_BINARY = ("kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi")


def check_future_exception_and_log(future: object) -> BaseException | None:
    """The exception of a future that is done, logged; None if it has none, or is no future."""
    if not isinstance(future, (asyncio.Future, concurrent.futures.Future)):
        return None
    exception: BaseException | None = future.exception()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if exception is not None:
        logging.getLogger("circus").error("exception %s caught", exception, exc_info=exception)
    return exception


_observer = Observer()


def get_info(process: Any = None, interval: float = 0, with_childs: bool = False) -> Facts:  # noqa: FBT001, FBT002
    """What is shown of a process. Its CPU percent is that since the last call for it.

    Args:
        process: its pid, or an object with a `pid`; default: this process.
        interval: seconds to wait between two readings; blocks so long.
        with_childs: add its direct children.

    Raises:
        ProcessLookupError: there is none.
    """
    pid = int(os.getpid() if process is None else getattr(process, "pid", process))
    if interval:
        _observer.info(pid)
        threading.Event().wait(interval)
    facts = _observer.info(pid, children=with_childs)
    if facts is None:
        raise ProcessLookupError(f"there is no process {pid}")
    return facts


def get_connection(
    socket: Any, endpoint: str, ssh_server: str | None = None, ssh_keyfile: str | None = None
) -> None:
    """Connect a ZeroMQ socket, through ssh if a server is given. The tunnel lives as long as the socket object.

    Args:
        socket: the socket.
        endpoint: where to; as the ssh server sees it, if there is one.
        ssh_server: ``[user@]host[:port]``.
        ssh_keyfile: a private key for it.

    Raises:
        CallError: there is no way through ssh; its own words are in the text.
    """
    if ssh_server is not None:
        # Imported only here: a plain connection needs no client.
        tunnel = importlib.import_module("circus.client.ssh").open_tunnel(
            endpoint, server=ssh_server, keyfile=ssh_keyfile
        )
        weakref.finalize(socket, tunnel.close)
        endpoint = tunnel.endpoint
    socket.connect(endpoint)


def to_bool(s: object) -> bool:
    """A boolean from its spellings; None is False.

    Raises:
        ValueError: it is none of them.
    """
    return False if s is None else parse_bool(s)


def to_signum(signum: object) -> int:
    """The number of a signal: 10, ``"10"``, ``"KILL"``, ``"SIGKILL"``, ``"SIGRTMIN+1"``.

    Raises:
        ValueError: there is no such signal.
    """
    if isinstance(signum, str) and "+" in signum:
        name, _, offset = signum.partition("+")
        if offset.strip().isdecimal():
            return parse_signal(parse_signal(name) + int(offset))
    return parse_signal(signum)


def to_uid(name: str | int) -> int:
    """The number of a user who exists, by name or number.

    Raises:
        ValueError: no such user.
    """
    import pwd  # noqa: PLC0415 - not on every system

    try:
        if str(name).isdecimal():
            return pwd.getpwuid(int(name)).pw_uid
        return pwd.getpwnam(str(name)).pw_uid
    except (KeyError, OverflowError):
        raise ValueError(f"there is no user {name!r}") from None


def to_gid(name: str | int) -> int:
    """The number of a group that exists, by name or number.

    Raises:
        ValueError: no such group.
    """
    import grp  # noqa: PLC0415 - not on every system

    try:
        if str(name).isdecimal():
            return grp.getgrgid(int(name)).gr_gid
        return grp.getgrnam(str(name)).gr_gid
    except (KeyError, OverflowError):
        raise ValueError(f"there is no group {name!r}") from None


def get_username_from_uid(uid: str | int) -> str:
    """The name of a user; a name stays as it is."""
    import pwd  # noqa: PLC0415 - not on every system

    return pwd.getpwuid(uid).pw_name if isinstance(uid, int) else uid


def get_default_gid(uid: str | int) -> int:
    """The group of a user, by name or number."""
    import pwd  # noqa: PLC0415 - not on every system

    return (pwd.getpwuid(uid) if isinstance(uid, int) else pwd.getpwnam(uid)).pw_gid


def to_str(s: object, encoding: str = "utf8", errors: str = "replace") -> str:
    """Text from bytes or anything."""
    return s.decode(encoding, errors) if isinstance(s, bytes) else str(s)


def to_bytes(s: object, encoding: str = "utf8") -> bytes:
    """Bytes from text or anything."""
    return s if isinstance(s, bytes) else str(s).encode(encoding)


def bytes2human(n: int) -> str:
    """``512B``, ``3.10M``.

    Raises:
        TypeError: it is no whole number.
    """
    if not isinstance(n, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(n)
    for power in range(len(_UNITS), 0, -1):
        if n >= 1 << 10 * power:
            return f"{n / (1 << 10 * power):.2f}{_UNITS[power - 1]}"
    return f"{n}B"


def human2bytes(s: str) -> int:
    """A number of bytes from ``512``, ``3M``, ``1.5 Ki``, ``2 kilo``.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(s)
    if match is None:
        raise ValueError(f"{s!r} is not a size; write a number and K, M, G, ...")
    number, unit = float(match[1]), match[2]
    if unit in {"", "B", "Bi", "byte"}:
        return int(number)
    words = [*_UNITS, *(f"{letter}i" for letter in _UNITS), *_WORDS, *_BINARY]
    unit = "K" if unit == "k" else unit
    if unit not in words:
        raise ValueError(f"{s!r} is not a size; write a number and K, M, G, ...")
    return int(number * (1 << 10 * (words.index(unit) % len(_UNITS) + 1)))


def parse_env_dict(env: Mapping[str, str]) -> dict[str, str]:
    """Variables as in an ``[env]`` section: ``$NAME`` is replaced by this process's, blanks around are dropped."""
    return {name.strip(): shell_variables(value, os.environ) for name, value in env.items()}


def parse_env_str(env_str: str) -> dict[str, str]:
    """The same from ``A=1,B=2``."""
    pairs = [part.partition("=") for part in env_str.split(",") if part.strip()]
    return parse_env_dict({name: value for name, _, value in pairs})


def env_to_str(env: Mapping[str, str] | None) -> str:
    """``A=1,B=2``, by name."""
    return ",".join(f"{name}={value}" for name, value in sorted((env or {}).items()))


def convert_opt(key: str, val: Any) -> str:
    """An option's value as `get` shows it: None is empty, an environment is ``A=1,B=2``."""
    if key == "env":
        return env_to_str(val)
    return "" if val is None else str(val)


def get_python_version() -> tuple[int, int, int]:
    """Major, minor, micro."""
    return sys.version_info[:3]


def get_working_dir() -> str:
    """The working directory as the user knows it: ``$PWD`` if that is the same place, links and all."""
    here = os.getcwd()
    told = os.environ.get("PWD")
    try:
        if told is not None and os.path.samefile(told, here):
            return told
    except OSError:
        pass  # it is gone, or never was
    return here


def replace_gnu_args(data: str, prefix: str | None = "circus", **options: Any) -> str:
    """Replace ``$(circus.NAME)`` and ``((circus.NAME))`` in any case; a mapping gives ``$(circus.NAME.KEY)``.

    Args:
        data: the text.
        prefix: what stands before the names; None for nothing.
        options: the values. What is not among them stays as it is.
    """
    values: dict[str, str] = {}
    head = "" if prefix is None else f"{prefix.lower()}."
    for name, value in options.items():
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            values.update((f"{head}{name}.{key}".lower(), str(item)) for key, item in items)
        else:
            values[f"{head}{name}".lower()] = str(value)
    variable = rf"({re.escape(head)}[\w.\-]+)"
    pattern = rf"\$\({variable}\)|\(\({variable}\)\)"
    return re.sub(
        pattern, lambda match: values.get((match[1] or match[2]).lower(), match[0]), data, flags=re.IGNORECASE
    )


def resolve_name(import_name: str, silent: bool = False, reload: bool = False) -> Any:  # noqa: FBT001, FBT002
    """What a dotted name names: a module, or something in one. ``module:name`` is unmistakable.

    Args:
        import_name: the name.
        silent: return None where there is none.
        reload: read the module again.

    Raises:
        ImportError: there is no such module, or nothing of that name in it.
    """
    try:
        return _resolved(import_name, reload=reload)
    except ImportError:
        if silent:
            return None
        raise


def _resolved(import_name: str, *, reload: bool) -> Any:
    module_name, colon, attribute = import_name.partition(":")
    if not colon:
        try:
            return _module(import_name, reload=reload)
        except ModuleNotFoundError as exc:
            module_name, dot, attribute = import_name.rpartition(".")
            if not dot or exc.name is None or not f"{import_name}.".startswith(f"{exc.name}."):
                raise  # there is nothing left to try, or the module is there and one that it imports is not
    module = _module(module_name, reload=reload)
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ImportError(f"there is no {attribute!r} in module {module_name!r}") from None


def _module(name: str, *, reload: bool) -> Any:
    module = importlib.import_module(name)
    return importlib.reload(module) if reload else module
