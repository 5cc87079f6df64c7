"""How the world is looked at: screens, orders, rows, questions, and what a key can ask for. Pure data.

Theory. The list on the screen is one sequence of `Row`s, whatever they show; the cursor is the *identity* of a row and not a
position, so that an action never hits what just moved under it.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple, final

from circus.top.model import Daemon, Socket, Watcher
from circus.top.process import Process

__all__ = [
    "Action",
    "Ask",
    "Effect",
    "Identity",
    "Mode",
    "Perform",
    "Prompt",
    "PromptKind",
    "Quit",
    "Row",
    "RowKind",
    "Sort",
    "View",
]


class Sort(Enum):
    """What the list is ordered by."""

    CPU = "cpu"
    MEMORY = "mem"
    AGE = "age"
    PID = "pid"
    NAME = "name"
    RESTARTS = "restarts"


class Mode(Enum):
    """Which screen is shown."""

    LIST = "list"
    DETAIL = "detail"
    EVENTS = "events"
    HELP = "help"


class RowKind(Enum):
    """What a row shows."""

    DAEMON = "daemon"
    TROUBLE = "trouble"
    WATCHER = "watcher"
    PROCESS = "process"
    SOCKETS = "sockets"
    SOCKET = "socket"
    OWN = "own"
    OWN_PROCESS = "own process"


@final
class Row(NamedTuple):
    """One row of the list. Its first three parts are its identity."""

    kind: RowKind
    endpoint: str
    key: str | int | tuple[str, int]
    daemon: Daemon
    watcher: Watcher | None = None
    process: Process | None = None
    socket: Socket | None = None


Identity = tuple[RowKind, str, str | int | tuple[str, int]]


class Action(Enum):
    """What can be done to a watcher or a process; the value is the command."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    KILL = "kill"
    SIGNAL = "signal"
    INCR = "incr"
    DECR = "decr"


class PromptKind(Enum):
    """What the last line asks for."""

    FILTER = "filter"
    CONFIRM = "confirm"
    SIGNAL = "signal"


@final
@dataclass(frozen=True, slots=True)
class Prompt:
    """A question on the last line."""

    kind: PromptKind
    text: str = ""
    """What was typed."""
    action: Action | None = None
    row: Row | None = None
    signum: int | None = None


@final
@dataclass(frozen=True, slots=True)
class View:
    """How the world is looked at."""

    mode: Mode = Mode.LIST
    sort: Sort = Sort.CPU
    reverse: bool = False
    filter: str = ""
    folded: frozenset[Identity] = field(default_factory=frozenset[Identity])
    cursor: Identity | None = None
    position: int = 0
    """Of the cursor, when its row was last seen."""
    top: int = 0
    """First row on the screen; or first line, of the other screens."""
    whole_trees: bool = True
    paused: bool = False
    prompt: Prompt | None = None
    message: str = ""

    def saying(self, text: str) -> "View":
        """The same, with this on its last line."""
        return replace(self, message=text)


@final
@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


@final
@dataclass(frozen=True, slots=True)
class Ask:
    """Get the details (or, for a prompt, just the options) of a watcher."""

    endpoint: str
    watcher: str


@final
@dataclass(frozen=True, slots=True)
class Perform:
    """Send a command.

    Args:
        endpoint: to which daemon.
        command: its word.
        properties: its properties.
        about: what it does, for the message that tells how it went.
    """

    endpoint: str
    command: str
    properties: dict[str, Any]
    about: str


Effect = Quit | Ask | Perform
