"""Keep N copies of one command alive: slots, restart policy, hooks, and the one task that owns them.

Theory of the package. What is wanted is a frozen `WatcherSpec`; what is, is a table of slots. Pure modules decide:
`machine` (the life of one worker, as a table), `restart` (how soon after an exit), `plan` (whom to start and to stop, from counts
alone), `status` (the word to show). One task acts, `WatcherRunner`: it takes commands, exits, timers and hook results from one
queue, and answers each command with an `Outcome` that says what really happened. It knows options, never messages.

`Watcher` is the layer for programs that want to run N processes and no daemon.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circus.watcher.commands import Command, Outcome
    from circus.watcher.compat import Watcher
    from circus.watcher.events import Event, Why
    from circus.watcher.pace import Pace
    from circus.watcher.runner import WatcherRunner
    from circus.watcher.spec import WatcherError, WatcherSpec
    from circus.watcher.status import Phase, Status
    from circus.watcher.views import WatcherSnapshot, WorkerView

__all__ = [
    "Command",
    "Event",
    "Outcome",
    "Pace",
    "Phase",
    "Status",
    "Watcher",
    "WatcherError",
    "WatcherRunner",
    "WatcherSnapshot",
    "WatcherSpec",
    "Why",
    "WorkerView",
]

_HOME = {
    "Command": "commands",
    "Event": "events",
    "Outcome": "commands",
    "Pace": "pace",
    "Phase": "status",
    "Status": "status",
    "Watcher": "compat",
    "WatcherError": "spec",
    "WatcherRunner": "runner",
    "WatcherSnapshot": "views",
    "WatcherSpec": "spec",
    "Why": "events",
    "WorkerView": "views",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
