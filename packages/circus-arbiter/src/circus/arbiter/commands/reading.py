"""Commands that only look: list, status, options, describe, logs and the like. They change nothing and never wait."""

from typing import TYPE_CHECKING, Any

from circus.arbiter.dispatch import Answer
from circus.arbiter.errors import CommandFailedError
from circus.arbiter.views import describe_watcher, option_values, socket_view, trouble
from circus.exc import MessageError
from circus.protocol import messages as ask

if TYPE_CHECKING:
    from circus.arbiter.engine import Engine

__all__ = [
    "audit",
    "describe",
    "get",
    "globaloptions",
    "ipython",
    "list_",
    "listen",
    "listsockets",
    "logs",
    "options",
    "schema",
    "status",
    "version",
]


def list_(engine: "Engine", request: ask.List) -> Answer:
    """Names of all watchers, or pids of one watcher's workers."""
    if request.name is None:
        return {"watchers": engine.roster.keys}
    return {"pids": list(engine.roster.get(request.name).runner.pids())}


def status(engine: "Engine", request: ask.Status) -> Answer:
    """The state of one watcher, or of all."""
    if request.name is not None:
        snapshot = engine.roster.get(request.name).runner.snapshot()
        return {"status": snapshot.status.value, **trouble(snapshot)}
    statuses: dict[str, str] = {}
    troubles: dict[str, dict[str, Any]] = {}
    for entry in engine.roster:
        statuses[entry.name] = entry.runner.status.value
        if entry.runner.troubled:
            troubles[entry.name] = trouble(entry.runner.snapshot())
    reply: dict[str, Any] = {"statuses": statuses}
    if troubles:
        reply["details"] = troubles
    return reply


def options(engine: "Engine", request: ask.OptionsOf) -> Answer:
    """All options of a watcher."""
    return {"options": option_values(engine.roster.get(request.name).runner.spec)}


def get(engine: "Engine", request: ask.Get) -> Answer:
    """Some options of a watcher."""
    values = option_values(engine.roster.get(request.name).runner.spec)
    for key in request.keys:
        if key not in values:
            raise MessageError(f"{key!r} option not found")
    return {"options": {key: values[key] for key in request.keys}}


def globaloptions(engine: "Engine", request: ask.GlobalOptions) -> Answer:
    """Options of the daemon."""
    values = engine.global_options()
    if not request.option:
        return {"options": values}
    if request.option not in values:
        raise MessageError(f"{request.option!r} not an existing option")
    return {"options": {request.option: values[request.option]}}


def listsockets(engine: "Engine", _request: ask.ListSockets) -> Answer:
    """The sockets that the daemon holds, by descriptor."""
    views = [socket_view(bound) for bound in engine.sockets.values() if bound is not None]
    return {"sockets": sorted(views, key=lambda view: view["fd"])}


def describe(engine: "Engine", request: ask.Describe) -> Answer:
    """Everything about one watcher."""
    return describe_watcher(engine.roster.get(request.name))


def logs(engine: "Engine", request: ask.Logs) -> Answer:
    """The last lines that captured workers wrote."""
    entry = engine.roster.get(request.name)
    return {"lines": entry.log_lines(request), "captured": entry.captures}


def audit(engine: "Engine", request: ask.Audit) -> Answer:
    """The last changes, and who asked for them."""
    return {"entries": engine.audit.last(request.lines)}


def version(engine: "Engine", _request: ask.Version) -> Answer:
    """Who we are."""
    return engine.identity()


def schema(_engine: "Engine", _request: ask.Schema) -> Answer:
    """The JSON Schema of the protocol and of all options."""
    from circus.protocol.schema import json_schema  # noqa: PLC0415 - all models of the protocol: for those who ask

    return {"schema": json_schema()}


def listen(_engine: "Engine", _request: ask.Listen) -> Answer:
    """Refused: events are published, not asked for."""
    raise MessageError("invalid message. use a pub/sub socket")


def ipython(_engine: "Engine", _request: ask.Ipython) -> Answer:
    """Refused, always."""
    raise CommandFailedError(
        "there is no ipython kernel in circusd: it would let everybody who may connect run code in it."
        " Use the client library, or a debugger on circusd's pid"
    )
