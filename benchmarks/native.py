"""The two C programs, compiled where they are missing or older than their source."""

import shutil
import subprocess
from pathlib import Path

__all__ = ["FLOOR", "WORKER", "build"]

_SOURCES = Path(__file__).parent / "native"
_BUILT = Path(__file__).parent.parent / ".venv-peers" / "native"
WORKER = _BUILT / "worker"
FLOOR = _BUILT / "floor"


def build() -> None:
    """Compile.

    Raises:
        RuntimeError: there is no C compiler, or it refuses.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("the benchmark needs a C compiler: apt-get install gcc libc6-dev")
    _BUILT.mkdir(parents=True, exist_ok=True)
    for made in (WORKER, FLOOR):
        source = _SOURCES / f"{made.name}.c"
        if made.exists() and made.stat().st_mtime >= source.stat().st_mtime:
            continue
        done = subprocess.run(
            [compiler, "-O2", "-o", str(made), str(source)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{source} cannot be compiled:\n{done.stderr}")
