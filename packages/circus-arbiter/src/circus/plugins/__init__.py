"""Plugins: programs of their own that watch what circusd publishes and give it commands.

Theory: a plugin is a class, named in ``[plugin:x]``; circusd runs it as a watcher, in a process of its own, so that
nothing it does can delay or harm the daemon. It has one event loop: events come to `CircusPlugin.handle_recv` one after
the other, timers and sockets are served between them. Commands go through the control client, each with a deadline.
What a plugin decides is pure and tested without a daemon; the class around it only listens and calls.

    from circus.plugins import CircusPlugin

    class Mail(CircusPlugin):
        name = "mail"

        def handle_recv(self, data):
            watcher, event, message = self.split_data(data)

Names resolve on first use, since circusd needs only the command line of a plugin.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circus.plugins.base import CircusPlugin
    from circus.plugins.command import main, plugin_args
    from circus.plugins.events import WatcherEvent
    from circus.plugins.periodic import PeriodicCallback

__all__ = ["CircusPlugin", "PeriodicCallback", "WatcherEvent", "main", "plugin_args"]

_HOME_OF = {
    "CircusPlugin": "base",
    "PeriodicCallback": "periodic",
    "WatcherEvent": "events",
    "main": "command",
    "plugin_args": "command",
}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
