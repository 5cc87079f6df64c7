"""circusd-stats: publishes what the processes of a circusd use.

Theory. circusd says who runs (a snapshot, then events: `roster`); the kernel says what they use (`proc`, `sampler`, `hits`);
`frames` turns that into the reference's messages; `streamer` is the one shell around them. It looks only while somebody
subscribes, scrapes or is sent figures, so that unwatched it never wakes up.

circusd runs it as ``python -c 'from circus import stats; stats.main()'``. Importing this loads nothing else.
"""

__all__ = ["main"]


def main() -> None:
    """Run circusd-stats with the options of the command line. Exits 0 at a signal, 1 if it cannot start."""
    from circus.stats.cli import main as run  # noqa: PLC0415 - `from circus import stats` stays light

    run()
