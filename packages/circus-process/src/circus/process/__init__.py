"""Run one process well: spawn, signal, wait, kill the whole tree, limits, identity, facts.

Theory of the package. What is to be run is a frozen `ProcessSpec` with nothing left to decide. A `Spawner` turns it into a
`Child`, a handle: the only way to signal the process or to learn of its end. The end is an `ExitStatus`, a value, and a start
that fails is a `SpawnError` that names the step. Deciding modules are pure (`expand`, `limits`, `tree`, `chain`); those that act
are thin (`spawn`, `reap`, `handle`, `forest`).

Three front doors: `LocalSpawner` for programs with an event loop, `Process` for plain scripts without one, and
`circus.process.testing` for tests without real processes. Importing this package loads none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circus.process.compat import DEAD_OR_ZOMBIE, OTHER, RUNNING, UNEXISTING, Process
    from circus.process.errors import ProcessError, ProcessGoneError, SpawnError, Stage
    from circus.process.exits import ExitStatus
    from circus.process.forest import Forest
    from circus.process.handle import LocalChild, adopt
    from circus.process.seam import Child, Spawner
    from circus.process.spawn import LocalSpawner
    from circus.process.spec import Identity, ProcessSpec, Stdio

__all__ = [
    "DEAD_OR_ZOMBIE",
    "OTHER",
    "RUNNING",
    "UNEXISTING",
    "Child",
    "ExitStatus",
    "Forest",
    "Identity",
    "LocalChild",
    "LocalSpawner",
    "Process",
    "ProcessError",
    "ProcessGoneError",
    "ProcessSpec",
    "SpawnError",
    "Spawner",
    "Stage",
    "Stdio",
    "adopt",
]

_HOME = {
    "DEAD_OR_ZOMBIE": "compat",
    "OTHER": "compat",
    "RUNNING": "compat",
    "UNEXISTING": "compat",
    "Child": "seam",
    "ExitStatus": "exits",
    "Forest": "forest",
    "Identity": "spec",
    "LocalChild": "handle",
    "LocalSpawner": "spawn",
    "Process": "compat",
    "ProcessError": "errors",
    "ProcessGoneError": "errors",
    "ProcessSpec": "spec",
    "SpawnError": "errors",
    "Spawner": "seam",
    "Stage": "errors",
    "Stdio": "spec",
    "adopt": "handle",
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
