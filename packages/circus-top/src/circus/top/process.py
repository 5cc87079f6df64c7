"""One process as it is shown, and how it is read out of what was published. Pure."""

from collections.abc import Iterable, Mapping
from math import isfinite
from types import NoneType
from typing import Any, Final, NamedTuple, final

__all__ = ["Process", "fits", "process_of", "text_of", "whole_of"]


@final
class Process(NamedTuple):
    """One process at one tick; None for what is not known. Sizes in bytes, times in seconds, CPU in per cent of a core."""

    pid: int
    wid: int | None = None
    name: str | None = None
    cpu: float | None = None
    mem: float | None = None
    rss: int | None = None
    age: float | None = None
    restarts: int | None = None
    threads: int | None = None
    state: str | None = None
    fds: int | None = None
    read_rate: float | None = None
    write_rate: float | None = None
    tree_cpu: float | None = None
    tree_rss: int | None = None
    tree_size: int | None = None
    username: str | None = None
    command: str | None = None


_TEXTS: Final = frozenset({"name", "state", "username", "command"})
_WHOLE: Final = frozenset({"pid", "wid", "rss", "restarts", "threads", "fds", "tree_rss", "tree_size"})
_KINDS: Final = {
    name: {str, NoneType} if name in _TEXTS else {int, NoneType} if name in _WHOLE else {int, float, NoneType}
    for name in Process._fields
}


def fits(name: str, values: Iterable[Any]) -> bool:
    """Whether all of them can stand in a field."""
    kinds = set(map(type, values))
    if not kinds <= _KINDS[name]:
        return False
    return float not in kinds or all(value is None or isfinite(value) for value in values)


def process_of(pid: int, frame: Mapping[str, Any]) -> Process:
    """A process out of a frame of circusd-stats, the reference's included, where ``N/A`` is a figure."""
    values: dict[str, Any] = {
        name: frame.get(name) if fits(name, (frame.get(name),)) else None for name in Process._fields
    }
    values["pid"] = pid
    if values["rss"] is None:
        values["rss"] = _parse_size(frame.get("mem_info1"))
    values["command"] = values["command"] or text_of(frame.get("cmdline"))
    return Process(**values)


def _parse_size(text: object) -> int | None:
    """``1.40M`` in bytes."""
    if not isinstance(text, str) or len(text) < 2 or text[-1] not in "BKMGTP":
        return None
    try:
        return int(float(text[:-1]) * 1024 ** "BKMGTP".index(text[-1]))
    except ValueError:
        return None


def text_of(value: object) -> str | None:
    """The text; None for anything else, and for none."""
    return value if isinstance(value, str) and value else None


def whole_of(value: object) -> int | None:
    """The number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
