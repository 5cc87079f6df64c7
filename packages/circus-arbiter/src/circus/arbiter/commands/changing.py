"""Commands that change what there is: add, rm, set, reloadconfig."""

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from circus.arbiter.dispatch import Answer, Later, Reply, Work
from circus.arbiter.outcome import info, raise_if_failed
from circus.exc import MessageError
from circus.process import threads
from circus.process.limits import RESOURCES
from circus.protocol import messages as ask
from circus.protocol.codec import describe_invalid
from circus.protocol.options import WatcherOptions, is_watcher_option
from circus.watcher import commands as tell
from circus.watcher.spec import WatcherError, WatcherSpec

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine

__all__ = ["add", "reloadconfig", "rm", "set_"]

_STREAMS = frozenset({"stdout_stream", "stderr_stream"})


def _known(options: dict[str, Any], *, beside: frozenset[str] = frozenset()) -> None:
    """Refuse what is not an option, in the reference's words."""
    for key, value in options.items():
        if not (is_watcher_option(key) or key in beside):
            raise MessageError(f"unknown key {key!r}")
        if key.startswith("rlimit_") and key.removeprefix("rlimit_").lower() not in RESOURCES:
            raise MessageError(f"{key!r} isn't a valid rlimit setting")
        if key in _STREAMS and isinstance(value, dict) and value and "class" not in value:
            raise MessageError(f"{key!r} must have a 'class' key")


def _resolve(name: str, options: WatcherOptions) -> WatcherSpec:
    try:
        return WatcherSpec.resolve(name, options)
    except WatcherError as error:
        raise MessageError(str(error)) from error


def add(engine: "Engine", request: ask.Add) -> Answer:
    """Add a watcher, and start it if asked to."""
    _known(request.options)
    try:
        base = WatcherOptions.model_validate({"cmd": request.cmd, "args": request.args})
        spec = _resolve(request.name, base.changed(request.options))
    except ValidationError as error:
        raise MessageError(describe_invalid(error)) from error
    entry = engine.add(spec)
    if not request.start:
        return {}

    async def work() -> Reply:
        outcomes = await engine.tell([entry], tell.Start())
        raise_if_failed(outcomes)
        return info(
            outcomes[0][1]
        )  # not under a key of its own: so it has always been, for this command alone

    return Work(work())


def rm(engine: "Engine", request: ask.Rm) -> Answer:
    """Take a watcher out and stop it; with nostop its workers go on, unwatched."""
    engine.roster.get(request.name)
    entry = engine.take_out(request.name)

    async def work() -> Reply:
        outcome = await engine.dismiss(entry, leave_running=request.nostop)
        raise_if_failed([(entry.name, outcome)])
        return {"info": info(outcome)}

    return Work(work())


def set_(engine: "Engine", request: ask.Set) -> Answer:
    """Change options of a watcher: at once, or by a graceful reload where workers have to be new for it."""
    entry = engine.roster.get(request.name)
    spec = entry.runner.spec
    _known(request.options, beside=frozenset(spec.options.unknown))
    try:  # what cannot be is refused at once; what holds when its turn comes is for the owner to know
        _resolve(entry.name, spec.options.changed(request.options))
    except ValidationError as error:
        raise MessageError(describe_invalid(error)) from error

    async def work() -> Reply:
        outcomes = await engine.tell([entry], tell.Change(request.options))
        raise_if_failed(outcomes)
        return {"info": info(outcomes[0][1])}

    return Work(work())


def reloadconfig(engine: "Engine", request: ask.ReloadConfig) -> Answer:
    """Read the configuration again and apply what differs; with dry_run, only tell."""
    if engine.configuration is None:
        raise MessageError("this arbiter was not started from a configuration file")

    if request.dry_run:

        async def look() -> Reply:
            plan = await threads.call(engine.plan_reload)
            return {"plan": plan.as_dict(), "text": plan.render()}

        return Later(look())

    async def work() -> Reply:
        plan = await engine.reload_configuration()
        return {"plan": plan.as_dict()}

    return Work(work())
