"""What a benchmark needs of a supervisor: one class a peer, and nothing of any peer elsewhere."""

import os
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.job import Job

__all__ = ["WORK", "Missing", "Peer", "apt_get", "first_line", "python_environment"]

WORK = Path(__file__).parent.parent.parent / ".venv-peers"
"""Where peers and compiled programs are; safe to delete."""


class Missing(Exception):  # noqa: N818 - an outcome: the peer is left out
    """A peer cannot be installed; the text says why."""


class Peer(ABC):
    """A supervisor."""

    name: str
    """As on the command line and in results."""
    most_workers: int = 100_000
    """That it can be asked for."""
    publishes_figures: bool = False
    """Whether it can be told to publish figures of its processes."""
    gives_sockets: bool = False
    """Whether its workers can share a listening socket of its own, and be replaced gracefully."""

    @abstractmethod
    def install(self) -> None:
        """Make it usable; quick where it already is.

        Raises:
            Missing: it cannot be.
        """

    @abstractmethod
    def version(self) -> str:
        """As it says itself."""

    @abstractmethod
    def configure(self, job: Job) -> list[str]:
        """Write its configuration into the job's folder; the command that runs it in the foreground."""

    def environment(self, job: Job) -> Mapping[str, str]:  # noqa: ARG002 - for those who need it
        """Variables beside the usual ones."""
        return {}

    def daemon(self, job: Job, started: int) -> int:  # noqa: ARG002 - for those who go into the background
        """The pid of the daemon, given that of the command that started it."""
        return started

    def stop(self, job: Job, daemon: int) -> None:  # noqa: ARG002 - for those who have a command for it
        """Ask it to stop everything and end; returns at once."""
        os.kill(daemon, signal.SIGTERM)

    # -- what only some have: None where there is no such thing -----------------------------------------------------

    def answers(self, job: Job) -> Callable[[], object] | None:  # noqa: ARG002
        """The cheapest request; raises OSError, ValueError or RuntimeError where it is not answered."""
        return None

    def lists(self, job: Job) -> Callable[[], object] | None:  # noqa: ARG002
        """The pids of all workers of the first watcher."""
        return None

    def figures(self, job: Job) -> Callable[[], object] | None:  # noqa: ARG002
        """Processor time and memory of every worker of the first watcher."""
        return None

    def status_command(self, job: Job) -> list[str] | None:  # noqa: ARG002
        """The command that a user types to see what runs."""
        return None

    def watches(self, job: Job) -> AbstractContextManager[object] | None:  # noqa: ARG002
        """Subscribe to the figures that it publishes, for as long as the context lasts."""
        return None

    def logs(self, job: Job) -> bool:  # noqa: ARG002
        """Whether it can write output as the job wants."""
        return True

    def reloads(self, job: Job) -> Callable[[], object] | None:  # noqa: ARG002
        """Replace every worker gracefully; returns when that is done."""
        return None


def first_line(*argv: str) -> str:
    """The first line that a command says."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    return next(iter((done.stdout + done.stderr).strip().splitlines()), "").strip()


def python_environment(name: str, *packages: str) -> Path:
    """A virtual environment with these packages, compiled; its folder of programs.

    Raises:
        Missing: they cannot be installed.
    """
    folder = WORK / name
    done = folder / ".installed"
    if not done.exists() or done.read_text() != " ".join(packages):
        for argv in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--compile", *packages],
        ):
            made = subprocess.run(argv, capture_output=True, text=True, check=False)
            if made.returncode:
                raise Missing(f"{' '.join(argv)}: {made.stderr.strip()[-300:]}")
        done.write_text(" ".join(packages))
    return folder / "bin"


def apt_get(package: str, program: str) -> None:
    """See to a program from Debian.

    Raises:
        Missing: it is not there and cannot be installed.
    """
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{program} is not installed: apt-get install {package}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for argv in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
    ):
        subprocess.run(argv, capture_output=True, check=False, env=environment)
    if not shutil.which(program):
        raise Missing(f"apt-get install {package} did not bring {program}")
