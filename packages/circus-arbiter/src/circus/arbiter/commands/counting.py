"""Commands on numbers: incr, decr, numprocesses, numwatchers."""

from typing import TYPE_CHECKING

from circus.arbiter.dispatch import Answer, Reply, Work
from circus.arbiter.outcome import raise_if_failed
from circus.protocol import messages as ask
from circus.watcher import commands as tell

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine

__all__ = ["decr", "incr", "numprocesses", "numwatchers"]


def incr(engine: "Engine", request: ask.Incr) -> Answer:
    """Keep more workers; the reply of one that waits has the new number."""
    return _scale(engine, request.name, request.nb)


def decr(engine: "Engine", request: ask.Decr) -> Answer:
    """Keep fewer workers, not below none."""
    return _scale(engine, request.name, -request.nb)


def _scale(engine: "Engine", name: str, delta: int) -> Answer:
    entry = engine.roster.get(name)
    if entry.options.singleton:
        return {"numprocesses": entry.runner.snapshot().wanted, "singleton": True}

    async def work() -> Reply:
        outcomes = await engine.tell([entry], tell.Scale(delta))
        raise_if_failed(outcomes)
        return {"numprocesses": outcomes[0][1].count}

    return Work(work())


def numprocesses(engine: "Engine", request: ask.NumProcessesOf) -> Answer:
    """How many workers run."""
    if request.name is None:
        return {"numprocesses": sum(entry.runner.snapshot().running for entry in engine.roster)}
    return {
        "numprocesses": engine.roster.get(request.name).runner.snapshot().running,
        "watcher_name": request.name,
    }


def numwatchers(engine: "Engine", _request: ask.NumWatchers) -> Answer:
    """How many watchers there are."""
    return {"numwatchers": len(engine.roster)}
