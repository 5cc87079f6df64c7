"""How much is measured: full, quick, growing, or for the tests of the suite's shape."""

from dataclasses import dataclass, replace
from typing import final

__all__ = ["FULL", "GROWTH", "QUICK", "TINY", "Plan"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Times in seconds.

    Args:
        fleets: numbers of workers that everything is measured with.
        large: a number that only start, rest, storm and stop are measured with; 0: none.
        repeats: of each run; those of all peers take turns.
        deaths: workers killed one after the other, a run.
        settle: time between the start and the look at what rest costs.
        rest: how long that look is.
        looks: how often to look again where something stirred: others on the machine may have called. The quietest counts.
        requests: of the cheapest kind, a run.
        flood: bytes that one worker writes.
        rotate: bytes a log file.
        reloaded: workers behind a socket while it is reloaded.
        load: clients that ask them meanwhile, one request after the other.
        timeout: for anything at all.
    """

    fleets: tuple[int, ...]
    large: int
    repeats: int
    deaths: int
    settle: float
    rest: float
    looks: int
    requests: int
    flood: int
    rotate: int
    reloaded: int
    load: int
    timeout: float


FULL = Plan(
    fleets=(1, 1000), large=5000, repeats=3, deaths=10, settle=4.0, rest=10.0, looks=1, requests=500,
    flood=200_000_000, rotate=16_000_000, reloaded=100, load=4, timeout=240.0,
)  # fmt: skip
GROWTH = replace(FULL, repeats=2, deaths=5, rest=5.0)
QUICK = Plan(
    fleets=(100,), large=0, repeats=1, deaths=3, settle=1.5, rest=2.0, looks=1, requests=100,
    flood=20_000_000, rotate=4_000_000, reloaded=20, load=2, timeout=60.0,
)  # fmt: skip
TINY = Plan(
    fleets=(3,), large=0, repeats=1, deaths=2, settle=1.5, rest=1.0, looks=5, requests=20,
    flood=1_000_000, rotate=200_000, reloaded=4, load=2, timeout=20.0,
)  # fmt: skip
