"""Whether the old `circus` distribution is installed beside ours: both own the same files, so neither works then.

Theory: an installed distribution is a folder ``NAME-VERSION.dist-info`` on the path. It is looked for by name, for
`importlib.metadata` would bring the mail and zip packages along: 3 MiB of memory for one question.
"""

import os
import re
import sys
from collections.abc import Iterable

__all__ = ["find_conflicting_distribution"]

_OLD = re.compile(r"circus(?:-(?P<version>[^-]+))?(?:-py[\d.]+)?\.(?:dist|egg)-info", re.IGNORECASE)


def find_conflicting_distribution(path: Iterable[str] | None = None) -> str | None:
    """What to say if the old distribution is there; None if it is not.

    Args:
        path: folders that modules are imported from; default: those of this interpreter.
    """
    for folder in sys.path if path is None else path:
        try:
            found = next(
                (match for name in os.listdir(folder or ".") if (match := _OLD.fullmatch(name))), None
            )
        except OSError:  # the path may name what is not there, and zip files
            continue
        if found is not None:
            return (
                f"the distribution 'circus' ({found['version'] or 'of unknown version'}) is installed in the same"
                " environment and overwrites parts of this one; remove it, then install circus-arbiter again:"
                " pip uninstall circus && pip install --force-reinstall circus-arbiter"
            )
    return None
