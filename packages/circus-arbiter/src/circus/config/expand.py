"""Variables in values, and the environment of each watcher. Pure.

Two kinds of variables. ``$(circus.env.NAME)`` and ``((circus.env.NAME))``, in any case, may stand in every value
and are replaced by the most special of: ``[env:…]`` sections whose patterns match the watcher, ``[env]``, the
environment of the process. What is not known stays as it is. ``$NAME``, in capitals, is replaced in values of
``[env]`` and ``[env:…]`` alone, by the environment of the process alone: ``PATH = $PATH:/opt/bin``. Variables that
a watcher copies from the process (``copy_env``) are never looked into: they are literal.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, cast, final

from circus.config.document import DEFAULT, Document, Entry, Section
from circus.process.expand import expand
from circus.process.expand import variables as table

__all__ = ["Resolved", "ResolvedWatcher", "resolve", "shell_variables", "substitute"]

_SHELL = re.compile(r"\$([A-Z]+[A-Z0-9_]*)")


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(circus.env.NAME)``; names are compared without case, and the last of such twins counts.

    >>> substitute("$(circus.env.home)/((CIRCUS.ENV.X))/$(circus.wid)", {"HOME": "/root"})
    '/root/((CIRCUS.ENV.X))/$(circus.wid)'
    """
    return _replacer(variables)(text) if "circus.env." in text.lower() else text


def _replacer(variables: Mapping[str, str]) -> Callable[[str], str]:
    known = table({"env": variables})
    return lambda text: expand(text, known)


def shell_variables(value: str, environ: Mapping[str, str]) -> str:
    """Replace ``$NAME``; what the process does not have is empty, as in a shell.

    >>> shell_variables(" $BIN:/opt $1 ", {"BIN": "/bin"})
    '/bin:/opt $1'
    """
    return _SHELL.sub(lambda match: environ.get(match[1], ""), value).strip()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedWatcher:
    """A watcher's section with its variables replaced.

    Args:
        section: its name is that of the watcher, without ``watcher:``.
        written: ``[env]`` and ``[env:…]`` as they are written.
        env: the same with ``$NAME`` replaced: what is configured for the workers.
    """

    section: Section
    written: Mapping[str, str]
    env: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A document with its variables replaced; watchers, sockets and plugins are sorted by name.

    Args:
        circus: the options of the daemon.
        env: ``[env]`` with ``$NAME`` replaced.
        watchers: sections that are not empty.
        sockets: likewise, under their lower-case names.
        plugins: likewise, under their whole names: ``plugin:statsd``.
        unmatched: ``[env:…]`` sections and the patterns in them that match no watcher.
        empty: sections without options.
        unknown: sections of no meaning.
    """

    circus: Section | None
    env: Mapping[str, str]
    watchers: tuple[ResolvedWatcher, ...]
    sockets: tuple[Section, ...]
    plugins: tuple[Section, ...]
    unmatched: tuple[tuple[Section, str], ...]
    empty: tuple[Section, ...]
    unknown: tuple[Section, ...]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _deep(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _deep(item, change) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_deep(item, change) for item in cast("list[object]", value)]
    return value


def _expanded(section: Section, change: Callable[[str], str]) -> Section:
    return replace(
        section,
        entries=tuple(replace(entry, value=_deep(entry.value, change)) for entry in section.entries),
    )


def _with_defaults(section: Section, defaults: tuple[Entry, ...]) -> Section:
    own = {entry.name for entry in section.entries}
    return replace(
        section, entries=(*(entry for entry in defaults if entry.name not in own), *section.entries)
    )


def patterns(section: Section) -> tuple[str, ...]:
    """The patterns of an ``[env:a,b*]`` section."""
    return tuple(part.strip() for part in section.name.partition(":")[2].split(","))


def resolve(document: Document, environ: Mapping[str, str]) -> Resolved:
    """Replace the variables of a document.

    Args:
        document: what stands in the files.
        environ: the environment of the process.
    """
    default = document.get(DEFAULT)
    defaults = default.entries if default is not None else ()
    whole = [_with_defaults(section, defaults) for section in document.sections if section.name != DEFAULT]
    env_section = next((section for section in whole if section.name == "env"), None)
    written: dict[str, str] = {}
    for entry in env_section.entries if env_section is not None else ():
        written[entry.name] = substitute(_text(entry.value), {**environ, **written})
    everywhere = {**environ, **{name: shell_variables(text, environ) for name, text in written.items()}}
    change = _replacer(everywhere)
    special = [section for section in whole if section.name.startswith("env:")]
    watchers = [
        _watcher(replace(section, name=section.name.partition(":")[2].strip()), special, written, environ)
        for section in whole
        if section.name.startswith("watcher:") and section.entries
    ]
    names = [item.section.name for item in watchers]
    return Resolved(
        circus=next((_expanded(section, change) for section in whole if section.name == "circus"), None),
        env={name: shell_variables(text, environ) for name, text in written.items()},
        watchers=tuple(sorted(watchers, key=lambda item: item.section.name)),
        sockets=_sorted(whole, "socket:", lambda name: name.rpartition("socket:")[2].strip().lower(), change),
        plugins=_sorted(whole, "plugin:", str, change),
        unmatched=tuple(
            (section, pattern)
            for section in special
            for pattern in patterns(section)
            if not any(fnmatchcase(name, pattern) for name in names)
        ),
        empty=tuple(
            section
            for section in whole
            if section.name.startswith(("watcher:", "socket:", "plugin:")) and not section.entries
        ),
        unknown=tuple(section for section in whole if not _known(section.name)),
    )


def _known(name: str) -> bool:
    return name in {"circus", "env"} or name.startswith(("watcher:", "socket:", "plugin:", "env:"))


def _sorted(
    sections: list[Section], prefix: str, name: Callable[[str], str], change: Callable[[str], str]
) -> tuple[Section, ...]:
    chosen = [
        _expanded(replace(section, name=name(section.name)), change)
        for section in sections
        if section.name.startswith(prefix) and section.entries
    ]
    return tuple(sorted(chosen, key=lambda section: section.name))


def _watcher(
    section: Section, special: list[Section], everywhere: Mapping[str, str], environ: Mapping[str, str]
) -> ResolvedWatcher:
    written = dict(everywhere)
    for source in special:
        for pattern in patterns(source):
            if fnmatchcase(section.name, pattern):
                for entry in source.entries:
                    written[entry.name] = substitute(_text(entry.value), {**environ, **written})
    env = {name: shell_variables(text, environ) for name, text in written.items()}
    return ResolvedWatcher(
        section=_expanded(section, _replacer({**environ, **env})), written=written, env=env
    )
