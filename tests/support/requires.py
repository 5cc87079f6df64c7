"""What a test needs from the machine: without it the test is skipped, with the line that installs it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

__all__ = [
    "OURS",
    "REFERENCE",
    "ROOT",
    "needs_daemon",
    "needs_program",
    "needs_reference",
    "needs_root",
]

ROOT = Path(__file__).resolve().parents[2]
_TOLD = os.environ.get("CIRCUS_REFERENCE_PYTHON")
REFERENCE = Path(_TOLD).parent if _TOLD else ROOT / ".venv-reference" / "bin"
"""Programs of the reference: made by `make reference`, or those beside the Python that CIRCUS_REFERENCE_PYTHON names."""
OURS = Path(sys.executable).parent
"""Programs of this workspace."""


def needs_program(program: str, *, debian: str | None = None) -> pytest.MarkDecorator:
    """Skip without a program; `debian` is the package that has it, if it is named otherwise."""
    return pytest.mark.skipif(
        shutil.which(program) is None,
        reason=f"{program} is not installed: apt-get install {debian or program}",
    )


def needs_root() -> pytest.MarkDecorator:
    """Skip where users and groups cannot be changed."""
    return pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run the tests as root, in a container")


def needs_reference() -> pytest.MarkDecorator:
    """Skip without the reference's environment."""
    return pytest.mark.skipif(
        not (REFERENCE / "circusd").exists(), reason="the reference is not installed: make reference"
    )


def daemon_installed() -> bool:
    """Whether this workspace's circusd is installed; one that is broken is for a test to say."""
    return (OURS / "circusd").exists()


def needs_daemon() -> pytest.MarkDecorator:
    """Skip without this workspace's circusd."""
    return pytest.mark.skipif(not daemon_installed(), reason="circusd is not installed: make setup")
