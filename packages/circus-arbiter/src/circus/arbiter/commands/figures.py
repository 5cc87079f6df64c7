"""Commands that measure: stats and dstats. Nobody waits for them.

They read the process table in a thread that rests now and again, and put replies together in slices.
"""

import asyncio
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from circus.arbiter.dispatch import Answer, Later, Reply
from circus.exc import MessageError
from circus.process import threads
from circus.process.facts import GONE, Observer
from circus.protocol import messages as ask

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine, Entry
    from circus.watcher.views import WorkerView

__all__ = ["dstats", "stats"]

_REST: Final = 50e-6
"""Seconds in which the loop wakes up and takes the interpreter, if it waits for it."""
_SLICE: Final = 250
"""Processes after which others are served before it goes on."""


def stats(engine: "Engine", request: ask.Stats) -> Answer:
    """CPU, memory and more of workers: of all, of one watcher's, or of one."""
    if request.name is None:
        return Later(_of_all(engine, list(engine.roster)))
    entry = engine.roster.get(request.name)
    if request.process is None:
        return Later(_of_watcher(engine, entry, extended=request.extended))
    if request.process not in entry.runner.pids():
        raise MessageError(f"process {request.process!r} not found in {request.name!r}")
    return Later(_of_process(engine, entry, request.process, extended=request.extended))


def dstats(engine: "Engine", _request: ask.Dstats) -> Answer:
    """The same of the daemon itself; its children are the workers, which `stats` tells of."""

    async def work() -> Reply:
        return {"info": (await _measure(engine.facts, [os.getpid()], children=False))[os.getpid()]}

    return Later(work())


async def _measure(
    observer: Observer, pids: Iterable[int], *, children: bool = True
) -> dict[int, dict[str, Any] | str]:
    """Figures by pid; a text where a process has gone meanwhile, as clients expect it."""
    return await threads.call(_shown, observer, tuple(pids), children=children)


def _shown(observer: Observer, pids: tuple[int, ...], *, children: bool) -> dict[int, dict[str, Any] | str]:
    pause = threading.Event()
    measured = observer.infos(pids, children=children, rest=lambda: pause.wait(_REST))
    return {pid: GONE if facts is None else cast("dict[str, Any]", facts) for pid, facts in measured.items()}


async def _of_all(engine: "Engine", entries: list["Entry"]) -> Reply:
    pids = {entry: entry.runner.pids() for entry in entries}
    measured = await _measure(engine.facts, (pid for group in pids.values() for pid in group))
    infos: Reply = {}
    placed = 0
    for entry, group in pids.items():
        own = infos[entry.name] = {pid: measured[pid] for pid in group}
        _place(entry.runner.workers(), own)
        placed += len(group)
        if placed > _SLICE:
            placed = 0
            await asyncio.sleep(0)
    return {"infos": infos}


async def _of_watcher(engine: "Engine", entry: "Entry", *, extended: bool) -> Reply:
    measured = await _measure(engine.facts, entry.runner.pids())
    await _complete(entry, measured, extended=extended)
    return {"name": entry.name, "info": measured}


async def _of_process(engine: "Engine", entry: "Entry", pid: int, *, extended: bool) -> Reply:
    measured = await _measure(engine.facts, [pid])
    await _complete(entry, measured, extended=extended)
    return {"process": pid, "info": measured[pid]}


async def _complete(entry: "Entry", measured: dict[int, dict[str, Any] | str], *, extended: bool) -> None:
    workers = entry.runner.workers()
    await asyncio.sleep(0)
    _place(workers, measured)
    await asyncio.sleep(0)  # the reply has to be encoded yet
    if not extended:
        return
    for pid, facts in measured.items():
        if not isinstance(facts, str):
            await entry.extend_stats(pid, facts)


def _place(workers: Iterable["WorkerView"], measured: dict[int, dict[str, Any] | str]) -> None:
    """Say whose slot each worker is in, and since when."""
    for worker in workers:
        facts = None if worker.pid is None else measured.get(worker.pid)
        if isinstance(facts, dict):
            facts["wid"] = worker.wid
            facts["started"] = worker.started_at
