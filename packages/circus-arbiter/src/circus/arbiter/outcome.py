"""From what a watcher says it did to what a client is told. Pure."""

from collections.abc import Iterable
from typing import Any

from circus.arbiter.errors import CommandFailedError
from circus.watcher.commands import Outcome

__all__ = ["info", "raise_if_failed"]


def info(outcome: Outcome) -> dict[str, Any]:
    """The reference's keys (started, stopped, kept), and beside them what had to be killed or would not die."""
    told: dict[str, Any] = {
        "started": sorted(outcome.started),
        "stopped": sorted(outcome.stopped),
        "kept": sorted(outcome.kept),
    }
    if outcome.killed:
        told["killed"] = sorted(outcome.killed)
    if outcome.stuck:
        told["stuck"] = sorted(outcome.stuck)
    if outcome.waits_for:
        told["waits_for"] = list(outcome.waits_for)
    if outcome.superseded_by:
        told["superseded_by"] = outcome.superseded_by
    return told


def raise_if_failed(outcomes: Iterable[tuple[str, Outcome]]) -> None:
    """Say what did not happen.

    A command that a later one overrode did what it could: that is told, and no failure.

    Raises:
        CommandFailedError: something failed or would not die, with each reason.
    """
    reasons: list[str] = []
    for name, outcome in outcomes:
        reasons += [
            reason if subject in reason else f"{name}: {subject}: {reason}"
            for subject, reason in outcome.failures.items()
        ]
        if outcome.stuck:
            pids = ", ".join(map(str, outcome.stuck))
            reasons.append(f"{name}: processes that SIGKILL did not end: {pids}")
    if reasons:
        raise CommandFailedError("; ".join(reasons))
