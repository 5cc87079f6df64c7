"""Commands on the life of workers: start, stop, restart, reload, kill, signal, reopenlogs, quit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circus.arbiter.dispatch import Answer, Later, Reply, Work
from circus.arbiter.entry import turns_to_start
from circus.arbiter.errors import CommandFailedError
from circus.arbiter.outcome import info, raise_if_failed
from circus.arbiter.roster import by_priority
from circus.exc import ArgumentError, MessageError
from circus.protocol import messages as ask
from circus.watcher import commands as tell
from circus.watcher.commands import Outcome

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine, Entry

__all__ = ["kill", "quit_", "reload", "reopenlogs", "restart", "signal", "start", "stop"]


def _result(outcomes: Sequence[tuple[str, Outcome]], *, single: bool) -> Reply:
    """The reply of one that waits: what was done; for a single watcher in the reference's form."""
    raise_if_failed(outcomes)
    if single:
        return {"info": info(outcomes[0][1])}
    return {"info": {name: info(outcome) for name, outcome in outcomes}}


def start(engine: "Engine", request: ask.Start) -> Answer:
    """Start the one that matches; without a name, or where several match, those of them that start by themselves."""
    entries = engine.roster.matching(request.name, request.match)
    single = request.name is not None and len(entries) == 1
    if not single:
        entries = [entry for entry in entries if entry.autostart]

    async def work() -> Reply:
        outcomes = await engine.start_watchers(turns_to_start(by_priority(entries)))
        return _result(outcomes, single=single)

    return Work(work())


def stop(engine: "Engine", request: ask.Stop) -> Answer:
    """Stop what matches; without a name, everything."""
    entries = engine.roster.matching(request.name, request.match)

    async def work() -> Reply:
        outcomes = await engine.stop_watchers(entries)
        return _result(outcomes, single=request.name is not None and len(entries) == 1)

    return Work(work())


def restart(engine: "Engine", request: ask.Restart) -> Answer:
    """Restart what matches; without a name, everything, by the configuration as it is in the file now."""
    entries = engine.roster.matching(request.name, request.match)
    if request.name is None:

        async def everything() -> Reply:
            await engine.restart_everything(entries)
            return {}

        return Work(everything())

    async def work() -> Reply:
        outcomes = await engine.tell(entries, tell.Restart())
        return _result(outcomes, single=len(entries) == 1)

    return Work(work())


def reload(engine: "Engine", request: ask.Reload) -> Answer:
    """Replace workers of one watcher, or of all in their order."""
    command = tell.Reload(graceful=request.graceful, sequential=request.sequential)
    entries = list(engine.roster) if request.name is None else [engine.roster.get(request.name)]

    async def work() -> Reply:
        if request.name is None:
            return _result(await engine.reload_all(command, entries), single=False)
        return _result(await engine.tell(entries, command), single=True)

    return Work(work())


def kill(engine: "Engine", request: ask.Kill) -> Answer:
    """End workers; they are replaced."""
    entry = engine.roster.get(request.name)
    _check_pid(entry, request.pid)
    command = tell.Kill(pid=request.pid, signum=request.signum, graceful_timeout=request.graceful_timeout)

    async def work() -> Reply:
        return _result(await engine.tell([entry], command), single=True)

    return Work(work())


def signal(engine: "Engine", request: ask.Signal) -> Answer:
    """Send a signal to workers, or to their children."""
    if request.childpid is not None and request.pid is None:
        raise ArgumentError("cannot specify childpid without pid")
    entry = engine.roster.get(request.name)
    _check_pid(entry, request.pid)
    command = tell.SignalWorkers(
        signum=request.signum,
        pid=request.pid,
        childpid=request.childpid,
        children=request.children,
        recursive=request.recursive,
    )

    async def work() -> Reply:
        raise_if_failed(await engine.tell([entry], command))
        return {}

    # It is sent at once. Whoever names a process is told whether it was; of all of them, some may just have ended.
    return Work(work()) if request.pid is None else Later(work())


def _check_pid(entry: "Entry", pid: int | None) -> None:
    if pid is not None and pid not in entry.runner.pids():
        raise MessageError(f"process {pid} not found in {entry.name!r}")


def reopenlogs(engine: "Engine", request: ask.ReopenLogs) -> Answer:
    """Open log files anew."""
    entries = list(engine.roster) if request.name is None else [engine.roster.get(request.name)]

    async def work() -> Reply:
        engine.reopen_own_logs()
        raise_if_failed(await engine.tell(entries, tell.ReopenLogs()))
        return {}

    return Work(work())


def quit_(engine: "Engine", _request: ask.Quit) -> Answer:
    """Stop everything, then the daemon. A reply that waits comes when all workers are gone."""

    async def work() -> dict[str, Any]:
        engine.request_stop("the quit command")
        survivors = await engine.watchers_gone()
        if survivors:
            raise CommandFailedError(f"processes that would not die: {', '.join(map(str, survivors))}")
        return {}

    return Work(work())
