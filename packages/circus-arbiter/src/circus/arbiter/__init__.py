"""The arbiter: watchers, sockets, endpoints and commands under one roof.

`Engine` is the core; `Arbiter`, `ThreadedArbiter` and `get_arbiter` are the front door for programs that embed it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circus.arbiter.build import Blueprint, from_config
    from circus.arbiter.compat import Arbiter, ThreadedArbiter, get_arbiter
    from circus.arbiter.engine import Engine, Exit
    from circus.arbiter.errors import ArbiterError, EndpointError

__all__ = [
    "Arbiter",
    "ArbiterError",
    "Blueprint",
    "EndpointError",
    "Engine",
    "Exit",
    "ThreadedArbiter",
    "from_config",
    "get_arbiter",
]

_HOME = {
    "Arbiter": "compat",
    "ArbiterError": "errors",
    "Blueprint": "build",
    "EndpointError": "errors",
    "Engine": "engine",
    "Exit": "engine",
    "ThreadedArbiter": "compat",
    "from_config": "build",
    "get_arbiter": "compat",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
