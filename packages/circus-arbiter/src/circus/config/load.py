"""Reading files: the one that was named and those that it includes. The only part that touches the disk.

``include`` (files, patterns) and ``include_dir`` (their ``*.ini``, and ``*.toml`` where the file is TOML itself)
are relative to the file, and are expanded with the environment of the process alone. Included files are read
in the order of their names; what they include is not followed. A file is read once.
"""

import glob
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from circus.config.document import Document, Entry, Origin, Section, merge
from circus.config.expand import substitute
from circus.config.ini import decode, parse_ini
from circus.config.problems import Problem, Severity
from circus.config.toml import is_toml, parse_toml
from circus.protocol.options import ArbiterOptions, SocketOptions, WatcherOptions

__all__ = ["load"]

_INI_SUFFIXES = frozenset({".ini", ".cfg", ".conf"})
_LARGEST = 16 << 20
"""Bytes; a device that never ends may be named by mistake."""
_KNOWN = frozenset({*WatcherOptions.model_fields, *SocketOptions.model_fields, *ArbiterOptions.model_fields})


def load(path: str, environ: Mapping[str, str]) -> tuple[Document, tuple[Problem, ...]]:
    """Everything that stands in a configuration, and what is wrong with the files as such."""
    sections, problems = _read(path)
    found = list(problems)
    files = [path]
    seen = {_real(path)}
    for name, origin in _included(path, sections, environ, found):
        if _real(name) in seen:
            continue
        seen.add(_real(name))
        files.append(name)
        more, problems = _read(name)
        sections = (*sections, *more)
        found += [*problems, *_not_followed(more)]
        if problems and problems[0].origin == Origin(name):
            found.append(Problem(text=f"it includes {name}", origin=origin, severity=Severity.WARNING))
    merged, lost = merge(sections)
    found += [_ignored(*item) for item in lost if item[0].origin.file == item[1].origin.file]
    return Document(merged, tuple(files)), tuple(found)


def _real(path: str) -> Path:
    return Path(path).resolve()


def _read(path: str) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return (), (Problem(text=f"cannot read this file: {cause.lower()}", origin=Origin(path)),)
    if len(raw) > _LARGEST:
        cause = f"this file is larger than {_LARGEST >> 20} MiB: it is no configuration"
        return (), (Problem(text=cause, origin=Origin(path)),)
    text, problems = decode(raw, path)
    suffix = Path(path).suffix.lower()
    toml = suffix == ".toml" or (suffix not in _INI_SUFFIXES and is_toml(text))
    sections, more = parse_toml(text, path) if toml else parse_ini(text, path, options=_KNOWN)
    return sections, (*problems, *more)


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    items = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(str(item) for item in items)


def _options(sections: Iterable[Section], name: str) -> Iterator[Entry]:
    merged, _ = merge(section for section in sections if section.name in {"circus", "DEFAULT"})
    chosen = sorted(merged, key=lambda section: section.name != "circus")
    found = next((entry for section in chosen if (entry := section.get(name)) is not None), None)
    if found is not None:
        yield found


def _included(
    path: str, sections: Iterable[Section], environ: Mapping[str, str], problems: list[Problem]
) -> Iterator[tuple[str, Origin]]:
    """The files that are included, in order, with where it says so."""
    sections = tuple(sections)
    folder = Path(path).parent
    suffixes = ("*.ini", "*.toml") if path.lower().endswith(".toml") else ("*.ini",)
    patterns = [
        *((word, entry) for entry in _options(sections, "include") for word in _words(entry.value)),
        *(
            (f"{word}/{suffix}", entry)
            for entry in _options(sections, "include_dir")
            for word in _words(entry.value)
            for suffix in suffixes
        ),
    ]
    for word, entry in patterns:
        pattern = substitute(word, environ)
        matches = sorted(glob.glob(str(folder / pattern)))
        if not matches and not pattern.endswith("*.toml"):
            cause = f"nothing matches {pattern!r} (it is relative to this file)"
            problems.append(
                Problem(
                    text=cause,
                    origin=entry.origin,
                    section="circus",
                    option=entry.name,
                    severity=Severity.WARNING,
                )
            )
        for match in matches:
            yield match, entry.origin


def _not_followed(sections: Iterable[Section]) -> Iterator[Problem]:
    for section in sections:
        for entry in section.entries if section.name == "circus" else ():
            if entry.name in {"include", "include_dir"}:
                yield Problem(
                    text="an included file cannot include others: this is ignored",
                    origin=entry.origin,
                    section=section.name,
                    option=entry.name,
                    severity=Severity.WARNING,
                )


def _ignored(entry: Entry, kept: Entry, section: Section) -> Problem:
    return Problem(
        text=f"set already in line {kept.origin.line}, which counts; this line is ignored",
        origin=entry.origin,
        section=section.name,
        option=entry.name,
        severity=Severity.WARNING,
    )
