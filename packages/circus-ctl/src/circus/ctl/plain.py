"""Replies as the text that scripts read: one fact a line, the same for ever. Pure."""

import re
from typing import Any, Final, cast

__all__ = [
    "dstats",
    "error",
    "listing",
    "numprocesses_changed",
    "ok",
    "option_text",
    "options",
    "reason",
    "sockets",
    "stats",
    "status",
]

Reply = dict[str, Any]

_WRAPPED: Final = re.compile(r"""command b?(?P<quote>['"]).*(?P=quote): (?P<text>.+)""", re.DOTALL)
_INFO_KEYS: Final = ("cmdline", "username", "nice", "mem_info1", "mem_info2", "cpu", "mem", "ctime")


def reason(reply: Reply) -> str:
    """Why a request failed, without the request's own bytes, which older daemons repeat in front."""
    text = str(reply.get("reason") or "no reason given")
    match = _WRAPPED.fullmatch(text)
    return match["text"] if match else text


def error(reply: Reply) -> str:
    return f"error: {reason(reply)}"


def ok(_reply: Reply) -> str:
    return "ok"


def numprocesses_changed(reply: Reply) -> str:
    if "singleton" in reply:
        return "This watcher is a Singleton - not changing the number of processes"
    return str(reply.get("numprocesses", "ok"))


def listing(reply: Reply) -> str:
    items: list[Any] = reply["pids"] if "pids" in reply else reply.get("watchers", [])
    return ",".join(map(str, items))


def status(reply: Reply) -> str:
    if "statuses" in reply:
        return "\n".join(f"{name}: {state}" for name, state in sorted(reply["statuses"].items()))
    return str(reply["status"])


def option_text(key: str, value: Any) -> str:
    """One value: an environment as ``A=b,C=d``, nothing as nothing."""
    if key == "env":
        pairs: dict[str, Any] = value or {}
        return ",".join(f"{name}={text}" for name, text in sorted(pairs.items()))
    return "" if value is None else str(value)


def options(reply: Reply) -> str:
    return "\n".join(f"{key}: {option_text(key, value)}" for key, value in reply["options"].items())


def sockets(reply: Reply) -> str:
    return "\n".join(
        f"{item['fd']}:socket '{item['name']}' at "
        + (item["path"] if "path" in item else f"{item['host']}:{item['port']}")
        for item in reply["sockets"]
    )


def _info_line(info: Reply) -> str:
    return f"{info.get('pid')}  " + " ".join(str(info.get(key)) for key in _INFO_KEYS)


def _info(info: Any) -> str:
    if not isinstance(info, dict):
        return str(info)
    fields = cast("Reply", info)
    lines = [_info_line(fields), *("   " + _info_line(child) for child in fields.get("children", []))]
    return "\n".join(lines)


def stats(reply: Reply) -> str:
    if "infos" in reply:
        groups: dict[str, Reply] = reply["infos"]
    elif "name" in reply:
        groups = {reply["name"]: reply.get("info", {})}
    else:
        return f"{reply['process']}: {_info(reply['info'])}\n"
    lines: list[str] = []
    for name, infos in groups.items():
        lines += [f"{name}:", *(f"{pid}: {_info(info)}" for pid, info in (infos or {}).items())]
    return "\n".join(lines)


def dstats(reply: Reply) -> str:
    info = reply["info"]
    children = info.get("children", [])
    lines = ["Main Process:", "    " + _info_line(info)]
    if children:
        lines += ["Children:", *("    " + _info_line(child) for child in children)]
    return "\n".join(lines)
