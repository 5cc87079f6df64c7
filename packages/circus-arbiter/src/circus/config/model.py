"""The one model: what a configuration means, all defaults filled in, every value of its type. Pure.

`build` turns resolved sections into a frozen `Config`, or says everything that is wrong with them. Options
and their types are those of `circus.protocol.options`; nothing about a single option is decided here but what
the ini dialect needs: an empty value of an option without a default is the same as none.

Illegal states: two watchers whose names differ in case alone (commands find watchers without case); two
sockets of one name; a watcher without a command; one that names a socket which does not exist.
"""

import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar, final

from pydantic import ValidationError

from circus.config.document import DEFAULT, Document, Entry, Origin, Section
from circus.config.expand import Resolved, ResolvedWatcher
from circus.config.messages import option_of, say
from circus.config.problems import Problem, Severity, nearest
from circus.protocol.options import (
    FLAPPING_OPTIONS,
    OBSOLETE_OPTIONS,
    ArbiterOptions,
    PluginOptions,
    SocketOptions,
    WatcherOptions,
    nest,
)
from circus.sockets import CONFIGURED_UMASK, SocketSpec, markers, protocol_number

__all__ = ["Config", "PluginConfig", "SocketConfig", "WatcherConfig", "build"]

_SECTIONS = ("circus", "env", "env:", "watcher:", "socket:", "plugin:")
_LIMITS = frozenset(name[7:].lower() for name in dir(resource) if name.startswith("RLIMIT_"))
Model = TypeVar("Model", ArbiterOptions, SocketOptions, PluginOptions, WatcherOptions)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherConfig:
    """One watcher. ``options.env`` is what is configured; what `copy_env` adds is not in it."""

    name: str
    options: WatcherOptions
    origin: Origin = field(compare=False)

    @property
    def sockets(self) -> frozenset[str]:
        """The sockets whose markers stand in its command or arguments, in lower case."""
        return markers(self.options.cmd, self.options.args, self.options.shell_args)

    def uses(self, socket: str) -> bool:
        """Whether a worker gets this socket, by a marker, by `use_sockets` or as standard input."""
        chosen = self.options.use_sockets
        named = socket.lower() in chosen if isinstance(chosen, tuple) else chosen
        standard_input = (self.options.stdin_socket or "").lower()
        return named or socket.lower() in self.sockets or socket.lower() == standard_input


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SocketConfig:
    """One socket; its name is in lower case."""

    name: str
    options: SocketOptions
    origin: Origin = field(compare=False)

    def spec(self) -> SocketSpec:
        """What is to be bound.

        Raises:
            ValueError: options contradict one another.
        """
        options = self.options
        given: dict[str, Any] = {
            "host": options.host,
            "port": options.port,
            "family": options.family,
            "type": options.type,
            "proto": options.proto,
        }
        mask = options.umask
        return SocketSpec(
            name=self.name,
            path=options.path,
            interface=options.interface,
            umask=CONFIGURED_UMASK if mask is None and options.path is not None else mask,
            replace=options.replace,
            reuse_port=options.so_reuseport,
            blocking=options.blocking,
            backlog=options.backlog,
            **{name: value for name, value in given.items() if value is not None},
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PluginConfig:
    """One plugin; its name is that of the section, as watchers show it: ``plugin:statsd``."""

    name: str
    options: PluginOptions
    origin: Origin = field(compare=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration.

    Args:
        arbiter: the options of the daemon.
        watchers: by name.
        sockets: by name.
        plugins: by name.
        env: ``[env]``; every watcher's options have it already.
        files: what was read, the main file first.
    """

    arbiter: ArbiterOptions = field(default_factory=ArbiterOptions)
    watchers: tuple[WatcherConfig, ...] = ()
    sockets: tuple[SocketConfig, ...] = ()
    plugins: tuple[PluginConfig, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    files: tuple[str, ...] = ()

    def watcher(self, name: str) -> WatcherConfig | None:
        """The watcher of a name, in any case."""
        return next((item for item in self.watchers if item.name.lower() == name.lower()), None)

    @property
    def socket_specs(self) -> tuple[SocketSpec, ...]:
        """What is to be bound."""
        return tuple(item.spec() for item in self.sockets)


def build(document: Document, resolved: Resolved) -> tuple[Config | None, tuple[Problem, ...]]:
    """The model of a document, and what is wrong; no model where something is an error."""
    default = document.get(DEFAULT)
    maker = _Builder(frozenset(entry.origin for entry in default.entries) if default else frozenset())
    arbiter = maker.arbiter(resolved.circus)
    watchers = [item for item in map(maker.watcher, resolved.watchers) if item is not None]
    sockets = [item for item in map(maker.socket, resolved.sockets) if item is not None]
    plugins = [item for item in map(maker.plugin, resolved.plugins) if item is not None]
    problems = [
        *maker.problems,
        *_sections(resolved),
        *_twins((item.section for item in resolved.watchers), "watchers", "watcher:"),
        *_twins(resolved.sockets, "sockets", "socket:"),
        *(problem for item in watchers for problem in _use_of_sockets(item, resolved.sockets)),
    ]
    if any(problem.severity is Severity.ERROR for problem in problems):
        return None, tuple(problems)
    config = Config(
        arbiter=arbiter,
        watchers=tuple(watchers),
        sockets=tuple(sockets),
        plugins=tuple(plugins),
        env=MappingProxyType(dict(resolved.env)),
        files=document.files,
    )
    return config, tuple(problems)


def _warning(text: str, section: Section, entry: Entry | None = None) -> Problem:
    return Problem(
        text=text,
        origin=entry.origin if entry is not None else section.origin,
        section=section.name,
        option=entry.name if entry is not None else None,
        severity=Severity.WARNING,
    )


def _sections(resolved: Resolved) -> Iterator[Problem]:
    """What is wrong with sections as such."""
    for section in resolved.unknown:
        kind, colon, rest = section.name.partition(":")
        near = nearest(kind + colon, _SECTIONS) or nearest(kind, ("circus", "env"))
        yield Problem(
            text=f"there is no such section; sections are {', '.join(f'[{name}]' for name in _SHOWN)}",
            origin=section.origin,
            section=section.name,
            suggestion=None if near is None else f"[{near}{rest if near.endswith(':') else ''}]",
        )
    for section in resolved.empty:
        yield _warning("this section is empty, and ignored", section)
    for section, pattern in resolved.unmatched:
        yield _warning(f"{pattern!r} matches no watcher", section)


_SHOWN = ("circus", "env", "env:WATCHERS", "watcher:NAME", "socket:NAME", "plugin:NAME")


def _twins(sections: Iterable[Section], what: str, prefix: str) -> Iterator[Problem]:
    seen: dict[str, Section] = {}
    for section in sections:
        first = seen.setdefault(section.name.lower(), section)
        if first is not section:
            yield Problem(
                text=f"two {what} of this name (case does not count): the other is at {first.origin}",
                origin=section.origin,
                section=prefix + section.name,
            )


def _use_of_sockets(watcher: WatcherConfig, sockets: Iterable[Section]) -> Iterator[Problem]:
    known = {section.name for section in sockets}
    options, section = watcher.options, f"watcher:{watcher.name}"
    wanted = options.use_sockets if isinstance(options.use_sockets, tuple) else ()
    there = f"there is no [socket:{{}}]; sockets are: {', '.join(sorted(known)) or 'none'}"
    for option, names in (
        ("use_sockets", wanted),
        ("stdin_socket", (options.stdin_socket.lower(),) if options.stdin_socket else ()),
    ):
        for name in names:
            if name not in known:
                yield Problem(
                    text=there.format(name),
                    origin=watcher.origin,
                    section=section,
                    option=option,
                    suggestion=nearest(name, known),
                )
    for name in sorted(watcher.sockets):
        if name not in known:
            text = f"$(circus.sockets.{name}) stays as it is: {there.format(name)}"
        elif options.use_sockets is False:
            text = f"$(circus.sockets.{name}) is used: set use_sockets = true"
        else:
            continue
        yield Problem(text=text, origin=watcher.origin, section=section, severity=Severity.WARNING)


@final
class _Builder:
    """Validates sections one by one and collects what is wrong."""

    def __init__(self, inherited: frozenset[Origin]) -> None:
        self._inherited = inherited
        """Where entries stand that come from ``[DEFAULT]``: they may be meant for other sections."""
        self.problems: list[Problem] = []

    def arbiter(self, section: Section | None) -> ArbiterOptions:
        if section is None:
            return ArbiterOptions()
        values = self._values(section, ArbiterOptions)
        if values.get("stats_endpoint") is not None and "statsd" not in values:
            entry = section.get("stats_endpoint")
            self.problems.append(
                _warning("statistics are published, as if statsd = true were set", section, entry)
            )
            values["statsd"] = True
        return self._validated(ArbiterOptions, section, section.name, values) or ArbiterOptions()

    def watcher(self, item: ResolvedWatcher) -> WatcherConfig | None:
        section, shown = item.section, f"watcher:{item.section.name}"
        values = self._values(section, WatcherOptions, shown=shown)
        own = values.pop("env", None)
        if own is not None and not isinstance(own, dict):
            text = f"this is ignored: write an [env:{section.name}] section"
            entry = section.get("env")
            self.problems.append(_warning(text, Section(shown, section.origin), entry))
            own = None
        values["env"] = {**item.env, **(own or {})}
        if not section.name:
            self._error("a watcher needs a name: write [watcher:NAME]", section, shown)
        elif not values.get("cmd"):
            self._error("a watcher needs a cmd", section, shown)
        options = self._validated(WatcherOptions, section, shown, nest(values))
        if options is None:
            return None
        return WatcherConfig(name=section.name, options=options, origin=section.origin)

    def socket(self, section: Section) -> SocketConfig | None:
        shown = f"socket:{section.name}"
        values = self._values(section, SocketOptions, shown=shown)
        if values.get("path") is not None:
            for name in ("host", "port"):
                if values.pop(name, None) is not None:
                    text = "this is ignored: the socket has a path"
                    self.problems.append(_warning(text, Section(shown, section.origin), section.get(name)))
        if values.get("proto") is not None:
            try:
                values["proto"] = protocol_number(values["proto"])
            except ValueError as error:
                self._error(str(error), section, shown, section.get("proto"))
                return None
        options = self._validated(SocketOptions, section, shown, values)
        if options is None:
            return None
        made = SocketConfig(name=section.name, options=options, origin=section.origin)
        try:
            made.spec()
        except ValueError as error:
            self._error(str(error).partition(": ")[2], section, shown)
            return None
        return made

    def plugin(self, section: Section) -> PluginConfig | None:
        values = self._values(section, PluginOptions)
        texts = {
            name: value if isinstance(value, str) or name in PluginOptions.model_fields else str(value)
            for name, value in values.items()
        }
        options = self._validated(PluginOptions, section, section.name, texts)
        if options is None:
            return None
        return PluginConfig(name=section.name, options=options, origin=section.origin)

    def _error(self, text: str, section: Section, shown: str, entry: Entry | None = None) -> None:
        origin = entry.origin if entry is not None else section.origin
        option = entry.name if entry is not None else None
        self.problems.append(Problem(text=text, origin=origin, section=shown, option=option))

    def _values(self, section: Section, model: type[Model], *, shown: str | None = None) -> dict[str, Any]:
        """The entries that count, and a word on those that do not."""
        values: dict[str, Any] = {}
        shown = section.name if shown is None else shown
        for entry in section.entries:
            note = _note(entry.name, model)
            inherited = entry.origin in self._inherited
            if note is not None and not (inherited and not note.keep):
                self.problems.append(
                    Problem(
                        text=note.text,
                        origin=entry.origin,
                        section=shown,
                        option=entry.name,
                        severity=note.severity,
                        suggestion=note.suggestion,
                    )
                )
            if note is None or note.keep:
                known = model.model_fields.get(entry.name)
                if entry.value != "" or known is None or known.default is not None:
                    values[entry.name] = entry.value
        return values

    def _validated(
        self, model: type[Model], section: Section, shown: str, values: Mapping[str, Any]
    ) -> Model | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            said: set[str | None] = set()
            for item in error.errors(include_url=False):
                option = option_of(item["loc"])
                entry = _entry(section, option)
                if option in said:
                    continue
                said.add(option)
                if entry is not None:
                    option = entry.name
                origin = entry.origin if entry is not None else section.origin
                self.problems.append(
                    Problem(text=say(item, model), origin=origin, section=shown, option=option)
                )
        return None


def _entry(section: Section, option: str | None) -> Entry | None:
    if option is None:
        return None
    head = option.partition(".")[0]
    found = section.get(option)
    return found or next((item for item in section.entries if item.name.startswith(f"{head}.")), None)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    text: str
    severity: Severity = Severity.WARNING
    keep: bool = False
    suggestion: str | None = None


def _note(name: str, model: type[Model]) -> _Note | None:
    """What is to be said of the name of an option, and whether the option is kept all the same."""
    if name in model.model_fields or (model is WatcherOptions and _is_dotted(name)):
        return None
    if name in OBSOLETE_OPTIONS:
        return _Note(text=f"this option has no effect any more: {OBSOLETE_OPTIONS[name]}")
    near = nearest(name, model.model_fields)
    if model is PluginOptions:
        return None
    if model is WatcherOptions:
        if name.startswith("rlimit_"):
            limit = name.removeprefix("rlimit_")
            if limit in _LIMITS:
                return None
            close = nearest(limit, _LIMITS)
            text = f"this system has no such limit; limits are {', '.join(sorted(_LIMITS))}"
            return _Note(text=text, severity=Severity.ERROR, suggestion=close and f"rlimit_{close}")
        near = near or nearest(name, FLAPPING_OPTIONS)
        return _Note(text="unknown option; it is kept, and nothing here uses it", keep=True, suggestion=near)
    return _Note(text="unknown option", severity=Severity.ERROR, suggestion=near)


def _is_dotted(name: str) -> bool:
    head, _, rest = name.partition(".")
    return (bool(rest) and head in {"stdout_stream", "stderr_stream", "hooks"}) or name in FLAPPING_OPTIONS
