"""The tables of options."""

import signal
from pathlib import Path
from typing import Any

from circus.config.ini import parse_ini
from circus.protocol.options import (
    HOOK_NAMES,
    OBSOLETE_OPTIONS,
    ArbiterOptions,
    Options,
    PluginOptions,
    SocketOptions,
    StreamOptions,
    WatcherOptions,
)
from parts.markdown import NOTHING, code, table
from parts.types import type_words

__all__ = ["EVERY_OPTION", "PARTS", "examples"]

EVERY_OPTION = Path(__file__).parent.parent / "reference" / "every-option.ini"
"""A configuration in which every option stands once: the examples of the tables are its lines."""

_HOLDS = {"live": "at once", "reload": "new workers", "restart": "restart"}


def examples() -> dict[tuple[str, str], str]:
    """The first line with each option, by kind of section and option."""
    sections, _ = parse_ini(EVERY_OPTION.read_text(), str(EVERY_OPTION))
    found: dict[tuple[str, str], str] = {}
    for section in sections:
        for entry in section.entries:
            found.setdefault((section.name.partition(":")[0], entry.name), str(entry.value))
    return found


_WRITTEN = {
    "hooks": "hooks.before_start",
    "rlimits": "rlimit_nofile",
    "stdout_stream": "stdout_stream.class",
    "stderr_stream": "stderr_stream.class",
}


def _example(kind: str, name: str) -> str:
    if name == "env":
        return "a section `[env:NAME]`"
    written = _WRITTEN.get(name, name)
    return code(f"{written} = {examples()[kind, written]}")


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if field.is_required():
        return "none: must be given"
    match value:
        case bool():
            return code(str(value))
        case None | () | "" | Options():
            return NOTHING
        case dict():
            return NOTHING
        case float():
            return code(f"{value:g}")
        case _:
            return code(str(value))


def _rows(model: type[Options], kind: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, field in model.model_fields.items():
        extra: Any = field.json_schema_extra or {}
        shown = field.alias or name
        default = _default(field)
        if shown == "stop_signal":
            default = code(signal.Signals(int(field.default)).name)
        unit = f" {extra['unit']}" if "unit" in extra and default.startswith("`") else ""
        if shown == "stream":
            continue
        example = _example(kind, shown) if kind else ""
        text = (field.description or "") + (f"<br>{example}" if example else "")
        facts = [
            type_words(model, name) + (", seconds" if extra.get("unit") == "s" else ""),
            f"default: {default}{unit}" if default != NOTHING else "default: not set",
            f"change: {_HOLDS[extra['change']]}" if "change" in extra else "",
        ]
        rows.append([code(shown), "<br>".join(filter(None, facts)), text])
    return rows


_HEAD = ("option", "type", "what it does")


def _options(model: type[Options], kind: str) -> str:
    return table(_HEAD, _rows(model, kind))


def _obsolete() -> str:
    return table(("option", "instead"), [(code(name), why) for name, why in OBSOLETE_OPTIONS.items()])


PARTS = {
    "options-circus": lambda: _options(ArbiterOptions, "circus"),
    "options-watcher": lambda: _options(WatcherOptions, "watcher"),
    "options-socket": lambda: _options(SocketOptions, "socket"),
    "options-plugin": lambda: _options(PluginOptions, "plugin"),
    "options-stream": lambda: _options(StreamOptions, ""),
    "options-obsolete": _obsolete,
    "hook-names": lambda: ", ".join(code(name) for name in HOOK_NAMES),
}
