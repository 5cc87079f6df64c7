"""What is wrong with a watcher, in the words that the pages, `/health` and `/metrics` share. Pure."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, cast

__all__ = ["Level", "bytes_of", "judge", "kind_of", "uses_socket"]

FLAPPING_EXITS = 3
"""Exits within a minute that nobody asked for: from here on a watcher is said to flap."""


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    OFF = "off"
    """Stopped, and meant to be."""
    UNKNOWN = "unknown"
    """Its daemon does not answer."""


def judge(
    *,
    state: str,
    wanted: int | None,
    running: int,
    exits_of_a_minute: int,
    reason: str | None,
    stuck: Sequence[int] = (),
    last_exit: str | None = None,
) -> tuple[Level, str]:
    """The level of a watcher, and a sentence or two that say why it is not good (empty if it is)."""
    last = f" The last: {last_exit}." if last_exit else ""
    match state:
        case "failed":
            return Level.BAD, reason or f"Used up its restarts and is left alone.{last}"
        case "backoff":
            return Level.BAD, reason or f"Dies too soon, again and again; the next try waits.{last}"
        case "stopped":
            return Level.OFF, ""
        case "unknown":
            return Level.UNKNOWN, "Its daemon does not answer."
        case "stopping":
            return Level.WARN, "Is stopping."
        case _:
            pass
    if exits_of_a_minute >= FLAPPING_EXITS:
        return Level.BAD, f"Flaps: {exits_of_a_minute} unasked exits within a minute.{last}"
    if stuck:
        return Level.BAD, f"Killed, and still there: process {', '.join(map(str, stuck))}."
    if wanted is not None and running < wanted:
        return Level.WARN, f"{running} of {wanted} processes run."
    if state == "starting":
        return Level.WARN, "Is starting."
    return Level.GOOD, ""


def kind_of(name: str) -> str:
    """``watcher``, ``plugin`` or ``system``, as the daemon names its own helpers."""
    if name.startswith("plugin:"):
        return "plugin"
    return "system" if name in {"circusd-stats", "circushttpd"} else "watcher"


_SIZE = re.compile(r"^\s*([0-9.]+)\s*([KMGTPB]?)i?B?\s*$", re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}


def bytes_of(text: Any) -> int | None:
    """The number of bytes in a size as daemons write it.

    >>> bytes_of("8.65M")
    9070182
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    found = _SIZE.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        return int(float(found[1]) * _UNITS[found[2].upper()])
    except ValueError:
        return None


def uses_socket(options: Mapping[str, Any], socket: Any) -> bool:
    """Whether a watcher is handed a socket: it asks for all, names it, or its command line mentions it."""
    wanted = options.get("use_sockets")
    if isinstance(wanted, (list, tuple)):
        return str(socket).lower() in cast("list[Any]", wanted)
    text = f"{options.get('cmd', '')} {options.get('args', '')}"
    if f"circus.sockets.{str(socket).lower()}" in text.lower() or options.get("stdin_socket") == socket:
        return True
    return wanted is True and "circus.sockets." not in text
