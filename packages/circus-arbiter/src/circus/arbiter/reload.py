"""Taking a changed configuration over: the plan is made purely (`circus.config.diff`), then carried out, all or nothing.

Theory: everything that can be refused is refused before anything is touched: the files are read, every watcher is resolved, new
addresses are bound. Only then are watchers removed, added and changed; each of those is a message to a watcher that cannot
fail any more, or fails for that watcher alone and is told by an event.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never, final

from circus.arbiter.build import Blueprint, from_config
from circus.arbiter.entry import turns_to_start
from circus.arbiter.errors import CommandFailedError
from circus.arbiter.roster import by_priority
from circus.config import Action, ConfigError, Kind, Plan, Step, diff, read_config
from circus.protocol.options import Change
from circus.sockets import BindError
from circus.watcher import commands as tell
from circus.watcher.spec import WatcherError, WatcherSpec

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine, Entry

__all__ = ["Reloading", "apply", "prepare"]

_WATCHED = frozenset({Kind.WATCHER, Kind.PLUGIN})


@final
@dataclass(frozen=True, slots=True)
class Reloading:
    """A plan, and what is run once it is carried out."""

    plan: Plan
    wanted: Blueprint


def prepare(blueprint: Blueprint) -> Reloading:
    """What differs between what runs and what the files say now. Reads files; changes nothing.

    Raises:
        CommandFailedError: the files cannot be taken over; the text has every problem.
    """
    assert blueprint.config is not None
    assert blueprint.path is not None
    try:
        config = read_config(blueprint.path)
        plan = diff(blueprint.config, config)
        # What needs a new daemon stays as it is; the plan says so.
        live = {name: getattr(config.arbiter, name) for name in _live_names(plan)}
        effective = replace(config, arbiter=blueprint.options.model_copy(update=live))
        wanted = from_config(effective, blueprint.path, local_endpoint=blueprint.local_endpoint)
    except (ConfigError, WatcherError, OSError) as error:
        raise CommandFailedError(f"the configuration stays as it was: {error}") from error
    return Reloading(plan, wanted)


def _live_names(plan: Plan) -> list[str]:
    return [change.name for step in plan.of(Kind.ARBITER) for change in step.changes]


async def apply(engine: "Engine", reloading: Reloading) -> None:
    """Make what runs what is wanted.

    Raises:
        CommandFailedError: a socket cannot be had; all is as before.
    """
    plan, wanted = reloading.plan, reloading.wanted
    specs = {spec.name.lower(): spec for spec in wanted.watchers}
    try:
        engine.sockets.apply(wanted.sockets)
    except (BindError, ValueError) as error:
        raise CommandFailedError(f"the configuration stays as it was: {error}") from error
    engine.blueprint = wanted
    steps = [step for step in plan.steps if step.kind in _WATCHED]
    gone = [
        engine.take_out(step.name)
        for step in steps
        if step.action is Action.REMOVE and step.name in engine.roster
    ]
    changes: list[asyncio.Future[tell.Outcome]] = []
    added: list[Entry] = []
    for step in steps:
        if step.action is Action.REMOVE:
            continue
        spec = specs[step.name.lower()]
        if step.action is Action.ADD and step.name not in engine.roster:
            added.append(engine.add(spec))
        else:
            changes += _change(engine.roster.get(step.name), step, spec)
    starts = turns_to_start(by_priority(entry for entry in added if entry.autostart))
    await asyncio.gather(*(engine.dismiss(entry) for entry in gone))
    await engine.start_watchers(starts)
    await asyncio.gather(*changes)


def _change(entry: "Entry", step: Step, spec: WatcherSpec) -> "list[asyncio.Future[tell.Outcome]]":
    """Tell a watcher its new options; new descriptors of sockets need new workers also where no option does."""
    change = spec.difference(entry.runner.spec).change
    told = [entry.runner.ask(tell.Configure(spec))]
    match step.action:
        case Action.RELOAD:
            if change is not Change.RELOAD:
                told.append(entry.runner.ask(tell.Reload()))
        case Action.ADD | Action.SET | Action.SCALE | Action.REMOVE | Action.REBIND:
            pass
        case _:
            assert_never(step.action)
    return told
