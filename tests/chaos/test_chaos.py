"""The chaos run in its short form. `make chaos` runs it for longer, and by a seed of your choice."""

import os

import chaos
import pytest

from requires import needs_daemon

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("CHAOS_SEED", "20240801"))


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 3 + 120)
@needs_daemon()
def test_everything_at_once() -> None:
    chaos.run(seconds=SECONDS, seed=SEED, watchers=100)
