"""Programs that others built on Circus, in environments of their own, with our wheels in place of `circus` and `kantoku`.

`make test-dependents` makes the environments; they are large, so `make test` skips these tests.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from requires import ROOT


class Environment:
    """A virtual environment and a folder to work in."""

    def __init__(self, name: str, folder: Path, **variables: str) -> None:
        self.bin = ROOT / f".venv-{name}" / "bin"
        self.folder = folder
        self.env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", **variables}

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=180, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def start(self, *words: str) -> subprocess.Popen:
        log = (self.folder / "output.log").open("ab")
        with log:
            return subprocess.Popen(words, cwd=self.folder, env=self.env, stdout=log, stderr=log)

    def until(self, what: str, condition: Callable[[], object], deadline: float = 120.0) -> object:
        """Ask a foreign program again and again; it offers nothing to wait on."""
        end = time.monotonic() + deadline
        while not (result := condition()):
            assert time.monotonic() < end, f"{what} did not come; {self.output()}"
        return result

    def output(self) -> str:
        log = self.folder / "output.log"
        return log.read_text(errors="replace") if log.exists() else ""


def environment(name: str, folder: Path, **variables: str) -> Environment:
    if not (ROOT / f".venv-{name}" / "bin" / "python").exists():
        pytest.skip(f"there is no .venv-{name}: run make test-dependents")
    return Environment(name, folder, **variables)


def gone(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
