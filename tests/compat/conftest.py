"""The two sides of each comparison: the reference's daemon, and ours.

``COMPAT_TARGET=reference`` puts the reference on both sides: then everything has to be equal, which proves the
normalising. Without it, ours is compared.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from requires import OURS, REFERENCE, daemon_installed

SELF_CHECK = os.environ.get("COMPAT_TARGET") == "reference"


@dataclass(frozen=True, slots=True)
class Sides:
    """Where the programs of both sides are, and a short folder for their sockets."""

    folder: Path
    reference: Path
    ours: Path
    itself: bool
    """Whether the reference is on both sides, so that no difference is meant."""


@pytest.fixture
def sides() -> Iterator[Sides]:
    if not (REFERENCE / "circusd").exists():
        pytest.skip("the reference is not installed: make reference")
    if not SELF_CHECK and not daemon_installed():
        pytest.skip("circusd is not installed: make setup")
    folder = Path(
        tempfile.mkdtemp(prefix="cc")
    )  # a unix socket's path has 107 bytes; tmp_path alone may take 90
    yield Sides(folder, REFERENCE, REFERENCE if SELF_CHECK else OURS, SELF_CHECK)
    shutil.rmtree(folder)
