"""One typed function a command; `handlers` is the table of all of them.

A function takes the request and answers as `circus.arbiter.dispatch` says: everything that can be refused is refused
before it returns.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from circus.arbiter.commands import changing, counting, figures, life, reading
from circus.protocol import messages as ask

if TYPE_CHECKING:
    from circus.arbiter.dispatch import Handler
    from circus.arbiter.engine import Engine

__all__ = ["handlers"]

_TABLE: Mapping[type[ask.Request], Callable[..., Any]] = {
    ask.Add: changing.add,
    ask.Audit: reading.audit,
    ask.Decr: counting.decr,
    ask.Describe: reading.describe,
    ask.Dstats: figures.dstats,
    ask.Get: reading.get,
    ask.GlobalOptions: reading.globaloptions,
    ask.Incr: counting.incr,
    ask.Ipython: reading.ipython,
    ask.Kill: life.kill,
    ask.List: reading.list_,
    ask.Listen: reading.listen,
    ask.ListSockets: reading.listsockets,
    ask.Logs: reading.logs,
    ask.NumProcessesOf: counting.numprocesses,
    ask.NumWatchers: counting.numwatchers,
    ask.OptionsOf: reading.options,
    ask.Quit: life.quit_,
    ask.Reload: life.reload,
    ask.ReloadConfig: changing.reloadconfig,
    ask.ReopenLogs: life.reopenlogs,
    ask.Restart: life.restart,
    ask.Rm: changing.rm,
    ask.Schema: reading.schema,
    ask.Set: changing.set_,
    ask.Signal: life.signal,
    ask.Start: life.start,
    ask.Stats: figures.stats,
    ask.Status: reading.status,
    ask.Stop: life.stop,
    ask.Version: reading.version,
}


def handlers(engine: "Engine") -> Mapping[type[ask.Request], "Handler"]:
    """The handler of each command, bound to what it acts on."""
    return {model: partial(function, engine) for model, function in _TABLE.items()}
