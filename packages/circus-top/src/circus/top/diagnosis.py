"""Why there is nothing to see, and what to do about it. Pure."""

from dataclasses import dataclass
from typing import Final, final

__all__ = ["Signs", "diagnose"]

_PATIENCE: Final = 3.0
"""Seconds after which figures that do not come are missed."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known about one daemon at one moment; times are seconds from now into the past.

    Args:
        endpoint: where it was asked.
        stats_endpoint: where its figures should come from.
        error: why it cannot be asked; None if it answers.
        is_down: whether the error says that nobody listens.
        asked: whether it was asked at all.
        has_stats: whether it runs circusd-stats; None if that is not known.
        is_linked: whether the connection to the figures stands.
        linking_for: since when that connection is wanted.
        figures_ago: since when no figures came; None if none ever did.
        stats_only: whether the endpoint turned out to be that of circusd-stats.
        is_empty: whether it answers, and has no watchers.
        foreign: the pid of the circusd that the figures are of, if it is another one.
    """

    endpoint: str
    stats_endpoint: str | None = None
    error: str | None = None
    is_down: bool = False
    asked: bool = True
    has_stats: bool | None = None
    is_linked: bool = False
    linking_for: float = 0.0
    figures_ago: float | None = None
    stats_only: bool = False
    is_empty: bool = False
    foreign: int | None = None


def diagnose(signs: Signs) -> tuple[str | None, str | None]:
    """What is wrong and what to do; (None, None) if nothing is."""
    late = signs.figures_ago is None or signs.figures_ago > _PATIENCE
    if signs.stats_only:
        if late:
            return f"no figures from {signs.endpoint}", "circusd-stats left; it is waited for"
        return None, None
    if not signs.asked:
        return "connecting", None
    if signs.error is not None:
        if signs.is_down:
            return f"circusd is not running: nobody listens at {signs.endpoint}", (
                "start circusd, or give its endpoint with --endpoint"
            )
        return signs.error, "is this the endpoint of circusd, and is it not too busy to answer?"
    if signs.is_empty:
        return "no processes: circusd has no watchers", (
            "write a [watcher:NAME] into its file, then circusctl reloadconfig; or circusctl add"
        )
    if not late:
        return None, None
    if signs.has_stats is False:
        return "no live figures: stats are off", "add `statsd = True` to [circus] and restart circusd"
    if signs.foreign is not None:
        return f"no figures: those at {signs.stats_endpoint} are of another circusd, pid {signs.foreign}", (
            "give each circusd a stats_endpoint of its own in [circus]"
        )
    if signs.linking_for < _PATIENCE:
        return (None, None) if signs.figures_ago is not None else ("waiting for figures", None)
    if not signs.is_linked:
        return f"no figures: nobody publishes at {signs.stats_endpoint}", (
            "does circusd-stats run? circusctl status circusd-stats, and its log, tell"
        )
    if signs.figures_ago is None:
        return (
            f"no figures come from {signs.stats_endpoint}",
            "is that the stats_endpoint, and circusd-stats well?",
        )
    return (
        f"no figures for {signs.figures_ago:.0f} s",
        "circusd-stats is busy or stopped; what is shown is old",
    )
