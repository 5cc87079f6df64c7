"""Whether the old `circus` distribution is installed beside ours: both own the same files, so neither works then. Pure."""

from collections.abc import Iterable
from importlib import metadata

__all__ = ["find_conflicting_distribution"]


def find_conflicting_distribution(names: Iterable[str] | None = None) -> str | None:
    """What to say if the old distribution is there; None if it is not.

    Args:
        names: names of the installed distributions; default: those of this environment.
    """
    if names is None:
        try:
            found = metadata.version("circus")
        except metadata.PackageNotFoundError:
            return None
    else:
        if "circus" not in {name.lower() for name in names}:
            return None
        found = "installed"
    return (
        f"the distribution 'circus' ({found}) is installed in the same environment and overwrites parts of this one;"
        " remove it, then install circus-arbiter again:"
        " pip uninstall circus && pip install --force-reinstall circus-arbiter"
    )
