"""What to start and what to stop, given what is wanted and what there is: from counts alone, so at constant cost. Pure.

Theory. A worker is *staying* (of the present generation, or about to be refilled in its slot), *old* (of an earlier
generation, to be replaced) or *leaving*. A reload makes all staying workers old at once; what follows is the same rule as
ever: start what is missing, stop what is too much. Old workers leave as new ones become ready, so that there are never fewer
ready ones than wanted; a sequential reload stops one, starts one. Nothing is started beyond wanted + surge living processes,
and beside a singleton's process nothing is.
"""

from dataclasses import dataclass
from typing import final

__all__ = ["Census", "Plan", "Wish", "plan", "portion", "surge"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted.

    Args:
        up: whether anything is to run at all.
        count: how many workers then.
        singleton: never two processes at once, not even for a moment.
        sequential: replace old workers one after the other.
    """

    up: bool
    count: int
    singleton: bool = False
    sequential: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What there is.

    Args:
        staying: slots of the present generation that stay.
        old: slots of earlier generations that were not told to leave yet.
        leaving: slots whose worker is on its way out for good.
        alive: processes that may live: starting, up, stopping and being killed, stuck ones for a singleton.
        ready: staying workers that are up.
        starting: workers between the decision to start and being up.
        rested: whether the pause between two starts is over.
    """

    staying: int = 0
    old: int = 0
    leaving: int = 0
    alive: int = 0
    ready: int = 0
    starting: int = 0
    rested: bool = True


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How many slots to fill, and how many to empty of old and of surplus workers."""

    start: int = 0
    stop_old: int = 0
    stop_extra: int = 0


_NOTHING = Plan()


def portion(whole: Plan, most: int) -> Plan:
    """As much of a plan as is to be done in one go; the rest is what the next plan says."""
    return Plan(min(whole.start, most), min(whole.stop_old, most), min(whole.stop_extra, most))


def surge(wish: Wish) -> int:
    """How many processes may live beyond the wanted number while workers are being replaced."""
    return 0 if wish.singleton else max(1, wish.count)


def plan(wish: Wish, census: Census) -> Plan:
    """The next moves; nothing to do once it returns an empty plan and nobody is on the way."""
    if not wish.up:
        return Plan(stop_old=census.old, stop_extra=census.staying)
    extra = max(0, census.staying - wish.count)
    room = max(0, wish.count + surge(wish) - census.alive)
    missing = max(0, wish.count - census.staying)
    if census.old == 0:
        if not extra and not missing:
            return _NOTHING
        return Plan(start=min(missing, room), stop_extra=extra)
    if not (wish.sequential or wish.singleton):
        leave = max(0, min(census.old, census.old + census.ready - wish.count))
        return Plan(start=min(missing, room), stop_old=leave, stop_extra=extra)
    gap = max(0, wish.count - census.staying - census.old)
    surplus = max(0, census.staying + census.old - wish.count)
    if gap or surplus:
        return Plan(start=min(gap, room), stop_old=min(surplus, census.old), stop_extra=extra)
    quiet = census.leaving == 0 and census.starting == 0 and census.ready == census.staying
    return Plan(stop_old=1) if quiet and census.rested else _NOTHING
