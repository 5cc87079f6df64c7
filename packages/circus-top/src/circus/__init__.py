"""The front door of Circus: ``from circus import get_arbiter``.

Every source tree of the workspace carries this same file; only the circus-arbiter wheel ships it,
so that each layer can be installed alone (docs/adr/0001-namespace.md). Importing it loads nothing else.
"""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging import Logger

    from circus.arbiter import Arbiter, ThreadedArbiter, get_arbiter

    logger: Logger

__all__ = ["Arbiter", "ThreadedArbiter", "__version__", "get_arbiter", "logger", "version_info"]

__version__ = "1.0.0"
version_info = (1, 0, 0)


def __getattr__(name: str) -> Any:
    if name in {"Arbiter", "ThreadedArbiter", "get_arbiter"}:
        from importlib import import_module

        return getattr(import_module("circus.arbiter"), name)
    if name == "logger":
        from logging import getLogger

        return getLogger("circus")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
