"""circusd, the daemon: command line, configuration, pid file, signals, log, going into the background."""

import gc
import sys
from types import ModuleType
from typing import NoReturn

from circus.circusd.background import daemonize

__all__ = ["daemonize", "main"]


def main() -> NoReturn:
    """Run circusd with this process's arguments, and end with its exit code."""
    # What imports make stays, so looking for garbage in it is in vain; the daemon turns the collector on when it serves.
    gc.disable()
    # pydantic would look for plugins of other packages, and for that load the mail and zip packages: a tenth of the time
    # until the first worker runs, and 3 MiB. Were that module of pydantic's ever renamed, this would have no effect.
    no_plugins = ModuleType("pydantic.plugin._loader")
    no_plugins.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(no_plugins.__name__, no_plugins)
    from circus.circusd.daemon import main as run  # noqa: PLC0415 - `daemonize` alone stays light

    raise SystemExit(run())
