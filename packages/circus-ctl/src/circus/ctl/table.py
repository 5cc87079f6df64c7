"""Every command by name: where it lives and what it does in one line. Pure, and light.

Theory: only the module of the command that is asked for is imported; this table is all that completion, the list of
commands and the guess at a misspelt one need.
"""

from enum import Enum
from typing import Final, NamedTuple

__all__ = ["COMMANDS", "Command", "Operand", "nearest"]


class Operand(Enum):
    """What a command's first argument names, for completion."""

    NOTHING = "nothing"
    WATCHER = "watcher"
    WATCHERS = "watchers"
    """One or more."""
    COMMAND = "command"
    FILE = "file"


class Command(NamedTuple):
    """One command."""

    module: str
    function: str
    summary: str
    operand: Operand = Operand.NOTHING
    own_options: frozenset[str] = frozenset()
    """Options that mean something else after this command than they do globally."""
    hidden: bool = False


_WATCHER, _WATCHERS = Operand.WATCHER, Operand.WATCHERS

COMMANDS: Final[dict[str, Command]] = {
    "add": Command("control", "add", "Add a watcher"),
    "audit": Command("query", "audit", "Show the last changes and who asked for them"),
    "auth": Command("auth", "auth", "Make, list and take back keys for other machines"),
    "check": Command("local", "check", "Check a configuration file", Operand.FILE),
    "completion": Command("local", "completion", "Install or print shell completion"),
    "decr": Command("control", "decr", "Keep fewer workers", _WATCHER),
    "describe": Command("query", "describe", "Show everything about a watcher", _WATCHERS),
    "diff": Command("control", "diff", "Show what reloadconfig would change"),
    "dstats": Command("query", "dstats", "Show CPU and memory of circusd itself"),
    "env": Command("query", "env", "Show the environment of a watcher's workers", _WATCHER),
    "events": Command("follow", "events", "Follow events as they happen"),
    "get": Command("query", "get", "Show options of a watcher", _WATCHER),
    "globaloptions": Command("query", "globaloptions", "Show options of circusd"),
    "incr": Command("control", "incr", "Keep more workers", _WATCHER),
    "ipython": Command("local", "ipython", "Not offered any more", hidden=True),
    "is-active": Command("query", "is_active", "Tell by the exit code whether a watcher is active", _WATCHER),
    "kill": Command("control", "kill", "Stop workers with a signal; they are replaced", _WATCHER),
    "list": Command("query", "list_", "List watchers, or the pids of one", _WATCHER),
    "listen": Command("follow", "listen", "Print published messages as they come"),
    "listsockets": Command("query", "listsockets", "List the sockets that circusd holds"),
    "logs": Command("follow", "logs", "Show what workers wrote, or follow it", _WATCHERS),
    "numprocesses": Command("query", "numprocesses", "Count workers", _WATCHER),
    "numwatchers": Command("query", "numwatchers", "Count watchers"),
    "options": Command("query", "options", "Show all options of a watcher", _WATCHER),
    "quit": Command("control", "quit_", "Stop everything, then circusd"),
    "reload": Command("control", "reload", "Replace workers gracefully", _WATCHER),
    "reloadconfig": Command("control", "reloadconfig", "Apply changes of the configuration file"),
    "reopenlogs": Command("control", "reopenlogs", "Open log files anew after a rotation", _WATCHER),
    "restart": Command("control", "restart", "Stop and start watchers", _WATCHER),
    "rm": Command("control", "rm", "Remove a watcher", _WATCHER),
    "scale": Command("control", "scale", "Set how many workers watchers keep", _WATCHERS),
    "schema": Command("local", "schema", "Print the JSON Schema of protocol and options"),
    "set": Command("control", "set_", "Change options of a watcher", _WATCHER),
    "signal": Command("control", "signal_", "Send a signal to workers", _WATCHER),
    "start": Command("control", "start", "Start watchers", _WATCHER),
    "stats": Command("query", "stats", "Show CPU and memory of workers", _WATCHER),
    "status": Command("query", "status", "Show the state of watchers", _WATCHER),
    "stop": Command("control", "stop", "Stop watchers", _WATCHER),
    "top": Command("follow", "top", "Watch CPU and memory live"),
    "version": Command("query", "version", "Show version, uptime and endpoints of circusd"),
    "wait": Command(
        "follow", "wait", "Wait until a watcher is in a state", _WATCHER, frozenset({"--timeout"})
    ),
}


def nearest(word: str) -> str | None:
    """The command that was most likely meant."""
    import difflib  # noqa: PLC0415 - only after a mistake

    matches = difflib.get_close_matches(word.lower(), COMMANDS, n=1)
    return matches[0] if matches else None
