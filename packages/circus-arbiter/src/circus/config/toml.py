"""The same document from TOML. Pure.

Tables ``[circus]``, ``[env]``, ``[watcher.NAME]``, ``[socket.NAME]``, ``[plugin.NAME]`` and ``[env."a,b*"]`` (a table
within ``[env]``) become the sections of the ini dialect; ``stdout_stream``, ``stderr_stream``, ``hooks`` and ``rlimits``
tables become dotted options. Python's parser tells no lines, so they are found by a scan of the text for
table headers and keys, which is right for everything but keys within multi-line strings.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from circus.config.document import Entry, Origin, Section
from circus.config.problems import Problem

__all__ = ["is_toml", "parse_toml"]

_NAMED = ("watcher", "socket", "plugin")
_DOTTED = frozenset({"stdout_stream", "stderr_stream", "hooks"})
_KEY = re.compile(r"""\s*((?:[\w\-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w\-]+|"[^"]*"|'[^']*'))*)\s*=""")
_HEADER = re.compile(r"\s*\[\[?([^\[\]].*?)\]\]?\s*(?:#.*)?$")
_AT = re.compile(r"\s*\(at line (\d+), column \d+\)")

_DEEPEST = 5
"""Parts of the longest key that means anything."""

Path = tuple[str, ...]


def _path(keys: str) -> Path | None:
    """The parts of a dotted key."""
    try:
        table: Any = tomllib.loads(f"{keys} = 0")
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    while isinstance(table, dict):
        ((key, table),) = cast("dict[str, Any]", table).items()
        parts.append(key)
    return tuple(parts)


def _lines(text: str) -> dict[Path, int]:
    """Where each table and key is, as far as a scan can tell."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header is not None and (path := _path(header[1])) is not None:
            table = path
            for size in range(1, min(len(table), _DEEPEST) + 1):
                found.setdefault(table[:size], number)
        elif key is not None and (path := _path(key[1])) is not None:
            full = table + path
            for size in range(len(table) + 1, min(len(full), _DEEPEST) + 1):
                found.setdefault(full[:size], number)
    return found


def is_toml(text: str) -> bool:
    """Whether a text is TOML with tables. A file of the ini dialect with a watcher never is."""
    try:
        return any(isinstance(value, dict) for value in tomllib.loads(text).values())
    except (ValueError, RecursionError):
        return False


def parse_toml(text: str, file: str) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
    """The sections of a TOML text. A text that is not TOML is one problem with its line."""
    try:
        tables = tomllib.loads(text)
    except ValueError as error:  # a number of too many digits is a plain one
        at = _AT.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        cause = f"this is not TOML: {_AT.sub('', str(error)).lower()}"
        return (), (Problem(text=cause, origin=Origin(file, line)),)
    except RecursionError:
        return (), (Problem(text="this is nested too deeply", origin=Origin(file)),)
    reader = _Tables(file, _lines(text))
    return tuple(reader.sections(tables)), tuple(reader.problems)


class _Tables:
    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[Problem] = []

    def _origin(self, path: Path) -> Origin:
        while path and path not in self._lines:
            path = path[:-1]
        return Origin(self._file, self._lines.get(path, 0))

    def sections(self, tables: Mapping[str, Any]) -> Iterator[Section]:
        for name, table in tables.items():
            if not isinstance(table, dict):
                cause = "this stands outside of a table: put it under [circus] or another one"
                self.problems.append(Problem(text=cause, origin=self._origin((name,)), option=name))
            elif name in _NAMED:
                yield from self._named(name, cast("dict[str, Any]", table))
            elif name == "env":
                yield from self._env(cast("dict[str, Any]", table))
            else:
                yield self._section(name, (name,), cast("dict[str, Any]", table))

    def _named(self, kind: str, table: Mapping[str, Any]) -> Iterator[Section]:
        for name, inner in table.items():
            path = (kind, name)
            if isinstance(inner, dict):
                yield self._section(f"{kind}:{name}", path, cast("dict[str, Any]", inner))
            else:
                cause = f"a {kind} needs a name: write [{kind}.NAME]"
                self.problems.append(
                    Problem(text=cause, origin=self._origin(path), section=kind, option=name)
                )

    def _env(self, table: Mapping[str, Any]) -> Iterator[Section]:
        plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
        if plain:
            yield self._section("env", ("env",), plain)
        for name, value in table.items():
            if isinstance(value, dict):
                yield self._section(f"env:{name}", ("env", name), cast("dict[str, Any]", value))

    def _section(self, name: str, path: Path, table: Mapping[str, Any]) -> Section:
        return Section(name, self._origin(path), tuple(self._entries(path, table)))

    def _entries(self, path: Path, table: Mapping[str, Any]) -> Iterator[Entry]:
        for name, value in table.items():
            inner = (*path, name)
            if path[0] == "watcher" and name in _DOTTED and isinstance(value, dict):
                for option, content in cast("dict[str, Any]", value).items():
                    yield Entry(f"{name}.{option}", content, self._origin((*inner, option)))
            elif path[0] == "watcher" and name == "rlimits" and isinstance(value, dict):
                for option, content in cast("dict[str, Any]", value).items():
                    yield Entry(f"rlimit_{option}", content, self._origin((*inner, option)))
            else:
                yield Entry(name, value, self._origin(inner))
