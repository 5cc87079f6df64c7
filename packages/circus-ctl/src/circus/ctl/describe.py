"""What the newer commands answer, as plain text and as the facts that tables show. Pure."""

from datetime import datetime
from typing import Any

__all__ = [
    "LISTED_APART",
    "age",
    "audit_entries",
    "audit_text",
    "clock",
    "describe_text",
    "exit_text",
    "facts",
    "version_facts",
    "version_text",
]

Reply = dict[str, Any]

_ENVELOPE = frozenset({"status", "time", "id"})
LISTED_APART = frozenset({"workers", "exits", "last_exit"})
"""Of `describe`: what has lines of its own."""


def age(seconds: float | None) -> str:
    """A duration for people: ``4s``, ``3m12s``, ``5h03m``, ``2d4h``."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def clock(wall: float | None) -> str:
    """A wall-clock time, local, to the second."""
    if wall is None:
        return ""
    return datetime.fromtimestamp(wall).astimezone().isoformat(sep=" ", timespec="seconds")[:19]


def exit_text(exit_: Reply | None) -> str:
    """How and why one worker ended."""
    if not exit_:
        return ""
    lifetime = exit_.get("lifetime")
    ran = f" after {age(lifetime)}" if lifetime is not None else ""
    why = f" ({exit_['why']})" if exit_.get("why") else ""
    return f"{exit_.get('exit', '')}{why}{ran}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_plain(item)}" for key, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return ", ".join(map(_plain, value))  # pyright: ignore[reportUnknownArgumentType]
    return "" if value is None else str(value)


def facts(reply: Reply, *, without: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """What a reply says, key by key, but for its envelope."""
    return [(key, _plain(value)) for key, value in reply.items() if key not in _ENVELOPE | without]


def describe_text(reply: Reply) -> str:
    lines = [f"{key}: {value}" for key, value in facts(reply, without=LISTED_APART)]
    for worker in reply.get("workers", []):
        last = exit_text(worker.get("last_exit"))
        lines.append(
            f"worker {worker.get('wid')}: {worker.get('state')} pid={_plain(worker.get('pid'))}"
            f" age={age(worker.get('age'))} restarts={worker.get('restarts', 0)}"
            + (f" last exit: {last}" if last else "")
        )
    lines += [
        f"exit {clock(item.get('time'))}: worker {item.get('wid')} pid={_plain(item.get('pid'))} {exit_text(item)}"
        for item in reply.get("exits", [])
    ]
    return "\n".join(lines)


def audit_entries(reply: Reply) -> list[Reply]:
    """The entries, under whichever name they come."""
    for key in ("entries", "audit", "lines", "changes"):
        if isinstance(reply.get(key), list):
            return [item if isinstance(item, dict) else {"text": item} for item in reply[key]]
    return []


def audit_text(reply: Reply) -> str:
    return "\n".join(
        f"{clock(entry.get('time'))} " + " ".join(f"{key}={value}" for key, value in facts(entry))
        for entry in audit_entries(reply)
    )


def version_facts(reply: Reply) -> list[tuple[str, str]]:
    """With the uptime as people read it."""
    return [(key, age(float(value)) if key == "uptime" and value else value) for key, value in facts(reply)]


def version_text(reply: Reply) -> str:
    return "\n".join(f"{key}: {value}" for key, value in facts(reply))
