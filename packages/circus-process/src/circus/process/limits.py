"""Resource limits: names, and whether a wish can come true, known before anything is forked. Pure but for `current`."""

import resource
import sys
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["RESOURCES", "LimitError", "current", "describe", "plan"]

RESOURCES: Final[Mapping[str, int]] = {
    name.removeprefix("RLIMIT_").lower(): getattr(resource, name)
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
}
"""The resources of this system by the names that a spec uses: ``nofile``, ``core``, ...."""


class LimitError(ValueError):
    """A limit that cannot be set; `subject` is its name."""

    def __init__(self, subject: str, cause: str) -> None:
        super().__init__(cause)
        self.subject = subject


def current(name: str) -> tuple[int, int]:
    """Our own (soft, hard) limit."""
    return resource.getrlimit(RESOURCES[name])


def describe(value: int) -> str:
    """``1024`` or ``unlimited``."""
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def plan(
    wanted: Mapping[str, tuple[int, int]],
    *,
    ours: Callable[[str], tuple[int, int]] = current,
    may_raise: bool,
) -> dict[str, tuple[int, int]]:
    """What is left to set: what already holds is dropped.

    An unlimited ``nofile`` that may not be set becomes our hard limit, since many systems allow nobody to have it unlimited.

    Args:
        wanted: resource name to (soft, hard).
        ours: our own limits.
        may_raise: whether hard limits may be raised (CAP_SYS_RESOURCE).

    Raises:
        LimitError: an unknown resource, soft above hard, or hard above what we may give.
    """
    result: dict[str, tuple[int, int]] = {}
    for name, wish in wanted.items():
        if name not in RESOURCES:
            raise LimitError(name, f"no such resource; there are {', '.join(sorted(RESOURCES))}")
        have = ours(name)
        top = _ceiling(name) if may_raise else have[1]
        soft, hard = wish
        if name == "nofile":
            soft, hard = _bounded(soft, top), _bounded(hard, top)
        for value in (soft, hard):
            if value < 0 and value != resource.RLIM_INFINITY:
                raise LimitError(name, f"{value} is no limit")
        if _above(soft, hard):
            raise LimitError(
                name, f"the soft limit {describe(soft)} is above the hard limit {describe(hard)}"
            )
        if _above(hard, top):
            raise LimitError(name, f"{describe(hard)} is above the hard limit {describe(top)}")
        if (soft, hard) != have:
            result[name] = (soft, hard)
    return result


def _bounded(value: int, top: int) -> int:
    return top if value == resource.RLIM_INFINITY else value


def _above(value: int, bound: int) -> bool:
    if bound == resource.RLIM_INFINITY:
        return False
    return value == resource.RLIM_INFINITY or value > bound


def _ceiling(name: str) -> int:
    """What even root cannot exceed."""
    if name == "nofile" and sys.platform == "linux":
        try:
            with open("/proc/sys/fs/nr_open", "rb") as file:
                return int(file.read())
        except OSError:
            pass  # hidden in a sandbox: the kernel will tell
    return resource.RLIM_INFINITY
