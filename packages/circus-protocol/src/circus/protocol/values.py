"""The value types of options and messages: how text becomes a value, once, at the edge. Pure.

Each type accepts what the reference accepts (and a little more: ``yes``/``no``, signal names in any case) and
says what is allowed where it refuses.
"""

import signal
import socket
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

__all__ = [
    "Args",
    "Boolean",
    "EnvMapping",
    "IntegerText",
    "LimitValue",
    "Mode",
    "NumProcesses",
    "Principal",
    "Seconds",
    "SeparatedWords",
    "SignalNumber",
    "SocketConstant",
    "UseSockets",
    "parse_bool",
    "parse_signal",
]

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def parse_bool(value: object) -> bool:
    """True and False, 1 and 0, and their spellings in any case.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise ValueError(f"{value!r} is not a boolean; write true or false")


def parse_signal(value: object) -> int:
    """15, ``"15"``, ``"TERM"``, ``"SIGTERM"`` and ``"sigterm"`` are all 15.

    Raises:
        ValueError: no such signal on this machine.
    """
    if isinstance(value, str):
        word = value.strip().upper()
        if word.lstrip("-").isdigit():
            value = int(word.lstrip("-"))
        else:
            name = word if word.startswith("SIG") else f"SIG{word}"
            if name in signal.Signals.__members__:
                return int(signal.Signals[name])
            raise ValueError(f"{value!r} is not a signal; write a name such as SIGTERM or its number")
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < signal.NSIG:
        return int(value)
    raise ValueError(
        f"{value!r} is not a signal; write a name such as SIGTERM or a number below {signal.NSIG}"
    )


def _parse_mode(value: object) -> object:
    """``022``, ``0o022`` and ``18`` given as an int mean the same mask; text is always octal."""
    if isinstance(value, str):
        try:
            return int(value.strip().lower().removeprefix("0o") or "0", 8)
        except ValueError:
            raise ValueError(f"{value!r} is not a file mode; write it in octal, such as 022") from None
    return value


def _parse_principal(value: object) -> object:
    """A user or group: a number stays a number also when it comes as text; 0 is root, a value like any other."""
    if isinstance(value, str):
        text = value.strip()
        if text.isdigit():
            return int(text)
        return text or None
    return value


def _parse_args(value: object) -> object:
    if isinstance(value, (list, tuple)):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return tuple(str(item) for item in items)
    return value


def _parse_limit(value: object) -> object:
    """Nothing, ``infinity``, ``unlimited`` and -1 mean no limit, which is None here."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"", "infinity", "unlimited", "-1", "none"}:
            return None
        if not word.isdigit():
            raise ValueError(f"{value!r} is not a limit; write a number, or unlimited")
        return int(word)
    return None if value == -1 else value


def _parse_numprocesses(value: object) -> object:
    if isinstance(value, str):
        word = value.strip().lower()
        if word == "auto":
            return word
        try:
            return int(word)
        except ValueError:
            raise ValueError(f"{value!r} is not a number of processes; write a number, or auto") from None
    return value


def _parse_use_sockets(value: object) -> object:
    """True for all sockets, or the names of those that are handed down."""
    if isinstance(value, str) and value.strip().lower() not in _TRUE | _FALSE:
        return tuple(name for name in value.replace(",", " ").lower().split() if name)
    if isinstance(value, (list, tuple)):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return tuple(str(item).lower() for item in items)
    return parse_bool(value)


def _parse_constant(prefix: str, value: object) -> object:
    """``AF_INET`` and 2, ``SOCK_STREAM`` and 1."""
    if isinstance(value, str) and not value.strip().isdigit():
        name = value.strip().upper()
        number = getattr(socket, name, None) if name.startswith(prefix) else None
        if not isinstance(number, int):
            raise ValueError(f"{value!r} is not known here; write a name that starts with {prefix}")
        return int(number)
    return int(value) if isinstance(value, (int, str)) else value


def _parse_env(value: object) -> object:
    """A mapping, or the text ``A=1,B=2`` of the reference's command line. Values are literal text."""
    if isinstance(value, str):
        pairs: dict[str, str] = {}
        for part in value.split(","):
            if not part.strip():
                continue
            key, equals, text = part.partition("=")
            if not equals:
                raise ValueError(f"{part!r} is not NAME=VALUE")
            pairs[key.strip()] = text
        return pairs
    if isinstance(value, dict):
        items: dict[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        for name in items:
            if not isinstance(name, str) or not name or "=" in name or "\0" in name:
                raise ValueError(f"{name!r} cannot be the name of an environment variable")
        return {name: str(text) if isinstance(text, (int, float)) else text for name, text in items.items()}
    return value


def _parse_words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Boolean = Annotated[bool, BeforeValidator(parse_bool)]
SignalNumber = Annotated[int, BeforeValidator(parse_signal)]
Mode = Annotated[int, BeforeValidator(_parse_mode), Field(ge=0, le=0o7777)]
Principal = Annotated[int | str | None, BeforeValidator(_parse_principal)]
Args = Annotated[str | tuple[str, ...], BeforeValidator(_parse_args)]
Seconds = Annotated[float, BeforeValidator(_strip), Field(ge=0, allow_inf_nan=False)]
IntegerText = Annotated[int, BeforeValidator(_strip)]
LimitValue = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_parse_limit)]
NumProcesses = Annotated[int | str, BeforeValidator(_parse_numprocesses)]
UseSockets = Annotated[bool | tuple[str, ...], BeforeValidator(_parse_use_sockets)]
EnvMapping = Annotated[dict[str, str], BeforeValidator(_parse_env)]
SeparatedWords = Annotated[tuple[str, ...], BeforeValidator(_parse_words)]


def SocketConstant(prefix: str) -> BeforeValidator:  # noqa: N802 - reads as a type where it is used
    """A validator for the constants of `socket` that start with a prefix (``AF_``, ``SOCK_``)."""
    return BeforeValidator(lambda value: _parse_constant(prefix, value))
