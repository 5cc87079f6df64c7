"""What `reloadconfig` has to do, decided from two configurations. Pure.

Theory. Sockets are compared by content. A rebound socket has a new descriptor, so those who use it (by a marker
in the command or its arguments, by `use_sockets`, or as standard input) are replaced, and nobody else. A watcher
is compared option by option, added and removed ones too: the number of processes alone is scaled, options that
are live are set, anything else replaces its workers gracefully. Options of the daemon that are read once are
named, not applied. Steps are in the order in which they are carried out: what goes first (from the lowest
priority), then sockets, then what stays and comes (from the highest priority); names decide between equals.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, assert_never, final

from circus.config.model import Config, PluginConfig, WatcherConfig
from circus.protocol.options import (
    ArbiterOptions,
    Change,
    Options,
    WatcherOptions,
    change_of,
)
from circus.sockets import rebinding

__all__ = ["Action", "Kind", "OptionChange", "Plan", "Step", "diff"]


class Kind(Enum):
    """What a step is about."""

    ARBITER = "arbiter"
    SOCKET = "socket"
    WATCHER = "watcher"
    PLUGIN = "plugin"


class Action(Enum):
    """What a step does."""

    ADD = "add"
    """Bind, or start."""
    REMOVE = "remove"
    """Close, or stop and forget."""
    REBIND = "rebind"
    """Close a socket and bind it anew: its users get new descriptors."""
    SCALE = "scale"
    """Change the number of processes, and nothing else."""
    SET = "set"
    """Change options that hold at once; workers, and descriptors of a socket, stay."""
    RELOAD = "reload"
    """Change options and replace the workers gracefully."""


@final
@dataclass(frozen=True, slots=True)
class OptionChange:
    """One option, by its flat name; None stands for none."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.name}: {_shown(self.name, self.old)} -> {_shown(self.name, self.new)}"


def _shown(name: str, value: Any) -> str:
    """An option's value for a person; values of the environment may be secret, so they are not shown."""
    if value is None:
        return "unset"
    return "(set)" if name.startswith("env.") else repr(value)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do.

    Args:
        kind: what it is about.
        action: what is done with it.
        name: of the socket, watcher or plugin; empty for the arbiter.
        changes: the options that differ, by name.
        reason: why, where `changes` do not say it: the sockets that are rebound.
    """

    kind: Kind
    action: Action
    name: str
    changes: tuple[OptionChange, ...] = ()
    reason: str | None = None

    def __str__(self) -> str:
        details = [str(change) for change in self.changes]
        if self.reason is not None:
            details.append(self.reason)
        subject = f"{self.kind.value} {self.name}".rstrip()
        tail = f" ({'; '.join(details)})" if details else ""
        return f"{self.action.value} {subject}{tail}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done to get from one configuration to another.

    Args:
        steps: in the order in which they are carried out.
        needs_restart: options of the daemon that differ and are read only when it starts. They are not applied.
    """

    steps: tuple[Step, ...] = ()
    needs_restart: tuple[OptionChange, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.steps)

    def of(self, kind: Kind, *actions: Action) -> tuple[Step, ...]:
        """The steps of a kind, and of some actions if given."""
        return tuple(
            step for step in self.steps if step.kind is kind and (not actions or step.action in actions)
        )

    def render(self) -> str:
        """The plan for a person, a line a step."""
        lines = [str(step) for step in self.steps] or ["nothing to do"]
        lines += [f"not applied until circusd is restarted: {change}" for change in self.needs_restart]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The plan for the wire: plain values, the rendered text beside them."""
        return {
            "steps": [
                {
                    "kind": step.kind.value,
                    "action": step.action.value,
                    "name": step.name,
                    "changed": [change.name for change in step.changes],
                    "reason": step.reason,
                    "text": str(step),
                }
                for step in self.steps
            ],
            "needs_restart": [change.name for change in self.needs_restart],
            "text": self.render(),
        }


def _flat(options: Options) -> dict[str, Any]:
    """Options by flat name; those that are at their default are left out, so that adding and removing shows."""
    found: dict[str, Any] = {}
    for name, value in options:
        if name in {"stdout_stream", "stderr_stream"}:
            inner: Mapping[str, Any] = value.model_dump(by_alias=True, exclude_defaults=True)
            found.update((f"{name}.{key}", item) for key, item in inner.items())
            if value.stream is not None:
                found[f"{name}.stream"] = value.stream
        elif name == "hooks":
            found.update((f"hooks.{key}", (item.target, item.ignore_failure)) for key, item in value.items())
        elif name == "rlimits":
            found.update((f"rlimit_{key}", item) for key, item in value.items())
        elif name == "env":
            found.update((f"env.{key}", item) for key, item in value.items())
        else:
            found[name] = value
    return found


def _compare(old: Options, new: Options) -> tuple[OptionChange, ...]:
    before, after = _flat(old), _flat(new)
    missing = object()
    return tuple(
        OptionChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name, missing) != after.get(name, missing)
    )


def _action(changes: Iterable[OptionChange], model: type[Options]) -> Action:
    names = [change.name for change in changes]
    if names == ["numprocesses"]:
        return Action.SCALE
    if all(_live(model, name) for name in names):
        return Action.SET
    return Action.RELOAD


def _live(model: type[Options], name: str) -> bool:
    change = change_of(model, name)
    match change:
        case Change.LIVE:
            return True
        case Change.RELOAD | Change.RESTART:
            return False
        case _:
            assert_never(change)


Named = TypeVar("Named", WatcherConfig, PluginConfig)


def _by_name(items: Iterable[Named]) -> dict[str, Named]:
    return {item.name: item for item in items}


def _watchers(old: Config, new: Config, rebound: frozenset[str]) -> tuple[list[Step], list[Step]]:
    """What goes, and what changes and comes."""
    before, after = _by_name(old.watchers), _by_name(new.watchers)
    going = [before[name] for name in before.keys() - after.keys()]
    gone = [
        Step(kind=Kind.WATCHER, action=Action.REMOVE, name=item.name)
        for item in sorted(going, key=lambda item: (item.options.priority, item.name))
    ]
    steps: list[Step] = []
    for item in sorted(after.values(), key=lambda item: (-item.options.priority, item.name)):
        if item.name not in before:
            steps.append(Step(kind=Kind.WATCHER, action=Action.ADD, name=item.name))
            continue
        changes = _compare(before[item.name].options, item.options)
        moved = sorted(name for name in rebound if item.uses(name) or before[item.name].uses(name))
        if moved:
            reason = f"it uses {', '.join(moved)}"
            steps.append(
                Step(kind=Kind.WATCHER, action=Action.RELOAD, name=item.name, changes=changes, reason=reason)
            )
        elif changes:
            action = _action(changes, WatcherOptions)
            steps.append(Step(kind=Kind.WATCHER, action=action, name=item.name, changes=changes))
    return gone, steps


def _plugins(old: Config, new: Config) -> tuple[list[Step], list[Step]]:
    before, after = _by_name(old.plugins), _by_name(new.plugins)
    gone = [
        Step(kind=Kind.PLUGIN, action=Action.REMOVE, name=name)
        for name in sorted(
            before.keys() - after.keys(), key=lambda name: (before[name].options.priority, name)
        )
    ]
    steps: list[Step] = []
    for item in sorted(after.values(), key=lambda item: (-item.options.priority, item.name)):
        if item.name not in before:
            steps.append(Step(kind=Kind.PLUGIN, action=Action.ADD, name=item.name))
        elif changes := _compare(before[item.name].options, item.options):
            steps.append(Step(kind=Kind.PLUGIN, action=Action.RELOAD, name=item.name, changes=changes))
    return gone, steps


def _sockets(old: Config, new: Config) -> tuple[list[Step], frozenset[str]]:
    """The steps, and the names whose descriptors change."""
    plan = rebinding(old.socket_specs, new.socket_specs)
    before = {item.name: item.options for item in old.sockets}
    after = {item.name: item.options for item in new.sockets}
    steps: list[Step] = []
    for action, names in (
        (Action.REMOVE, plan.removed),
        (Action.REBIND, plan.rebound),
        (Action.SET, plan.adjusted),
        (Action.ADD, plan.added),
    ):
        for name in names:
            changes = _compare(before[name], after[name]) if name in before and name in after else ()
            steps.append(Step(kind=Kind.SOCKET, action=action, name=name, changes=changes))
    return steps, frozenset({*plan.rebound, *plan.added, *plan.removed})


def diff(old: Config, new: Config) -> Plan:
    """Decide how to get from one configuration to another.

    A socket that appears or goes counts as rebound for those that use it: a worker with `use_sockets`
    has to get it, or lose it.
    """
    sockets, moved = _sockets(old, new)
    watchers_gone, watchers = _watchers(old, new, moved)
    plugins_gone, plugins = _plugins(old, new)
    changes = _compare(old.arbiter, new.arbiter)
    live = tuple(change for change in changes if _live(ArbiterOptions, change.name))
    arbiter = [Step(kind=Kind.ARBITER, action=Action.SET, name="", changes=live)] if live else []
    return Plan(
        steps=(*plugins_gone, *watchers_gone, *sockets, *arbiter, *watchers, *plugins),
        needs_restart=tuple(change for change in changes if change not in live),
    )
