"""Words of the command line to values of requests. Pure."""

import re
import signal
from collections.abc import Callable
from typing import Any, Final

from circus.exc import ArgumentError

__all__ = ["check_signal", "number", "option_pairs", "option_value", "seconds_ago"]

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SIGNAL: Final = re.compile(r"(\w+)(?:\+(\d+))?")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def number(text: str, what: str = "number") -> int:
    """A whole number.

    Raises:
        ArgumentError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"{text!r} is not a {what}; write digits") from None


def check_signal(text: str) -> int:
    """The number of a signal: ``9``, ``-9``, ``KILL``, ``SIGKILL``, ``SIGRTMIN+1``, in any case.

    Raises:
        ArgumentError: no such signal.
    """
    digits = text.removeprefix("-")
    if digits.isdigit():
        value = int(digits)
        if 0 < value < signal.NSIG:
            return value
    elif match := _SIGNAL.fullmatch(text):
        word = match[1].upper()
        name = word if word.startswith("SIG") else f"SIG{word}"
        if name in signal.Signals.__members__:
            return int(signal.Signals[name]) + int(match[2] or 0)
    raise ArgumentError(f"{text!r} is not a signal; write a name such as SIGTERM or its number")


def seconds_ago(text: str, now: float) -> float:
    """``10m``, ``2h``, ``90`` ago, or seconds since the epoch, as seconds since the epoch.

    Raises:
        ArgumentError: it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    if match is None:
        raise ArgumentError(f"{text!r} is not a time; write 90s, 10m, 2h or 1d")
    value = float(match[1])
    if not match[2] and value > 1e9:
        return value
    return now - value * _UNITS[match[2] or "s"]


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError("write true or false")


def _env(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError("write NAME=VALUE,NAME=VALUE")
        pairs[name.strip()] = value
    return pairs


def _hooks(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, colon, value = part.partition(":")
        if not colon:
            raise ValueError("write hook:dotted.name,hook:dotted.name")
        pairs[name] = value
    return pairs


_CONVERTERS: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("numprocesses", "max_retry", "max_age", "max_age_variance"), int),
    **dict.fromkeys(("warmup_delay", "retry_in", "graceful_timeout"), float),
    **dict.fromkeys(
        (
            "send_hup",
            "stop_children",
            "shell",
            "copy_env",
            "respawn",
            "singleton",
            "close_child_stdin",
            "close_child_stdout",
            "close_child_stderr",
        ),
        _boolean,
    ),
    **dict.fromkeys(("working_dir", "uid", "gid", "cmd", "args"), str),
    "stop_signal": check_signal,
    "env": _env,
    "hooks": _hooks,
}


def option_value(key: str, text: str) -> Any:
    """The value of a watcher option, typed as the daemon wants it.

    Raises:
        ArgumentError: there is no such option, or this is not a value for it.
    """
    try:
        if convert := _CONVERTERS.get(key):
            return convert(text)
        prefix, dot, name = key.partition(".")
        if dot and prefix in {"stdout_stream", "stderr_stream"}:
            return int(text) if name in {"max_bytes", "backup_count"} else text
        if dot and prefix == "hooks":
            return text
        if key.startswith("rlimit_"):
            return int(text)
    except ValueError as error:
        why = str(error) if str(error).startswith("write") else "write a number"
        raise ArgumentError(f"{text!r} is not a value for {key}; {why}") from None
    if _is_known(key):
        return text
    raise ArgumentError(f"unknown key {key!r}")


def _is_known(key: str) -> bool:
    """Whether the daemon has such an option; it converts the text itself. Loads the models, so only asked last."""
    from circus.protocol.options import WatcherOptions  # noqa: PLC0415 - see above

    return key in WatcherOptions.model_fields


def option_pairs(words: list[str]) -> dict[str, Any]:
    """``KEY VALUE KEY VALUE`` as a mapping; keys in any case.

    Raises:
        ArgumentError: one is missing, unknown or wrong.
    """
    if len(words) % 2:
        raise ArgumentError("List of key/values is invalid")
    pairs = zip(words[::2], words[1::2], strict=True)
    return {key.lower(): option_value(key.lower(), text) for key, text in pairs}
