"""All workers of a watcher in one message, as columns. Pure.

Topic ``table.<watcher>``: a display of 5,000 processes reads one message a watcher and tick in place of 5,000.

Theory. A column is kept as a list and as JSON. At a tick only the rows whose sample is another one are made anew, and only the
columns in which that changes something are written anew. So that nothing changes by the mere passing of time, a table tells when
its workers started, and what time it is: `uptime` less `started` is the age.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, final

from circus.protocol.codec import encode
from circus.stats.frames import share, state_word
from circus.stats.roster import Watcher
from circus.stats.sampler import Moment, Sample

__all__ = ["Tables"]

_COMMAND: Final = 256
"""Characters of a command line that stand in a table."""
_COLUMNS: Final = (
    "pid",
    "wid",
    "cpu",
    "mem",
    "rss",
    "started",
    "restarts",
    "threads",
    "state",
    "fds",
    "read_rate",
    "write_rate",
    "tree_cpu",
    "tree_rss",
    "tree_size",
    "username",
    "command",
)


def _row(sample: Sample, wid: int | None, restarts: int | None, memory: int) -> tuple[Any, ...]:
    """In the order of `_COLUMNS`."""
    hot, slow = sample.hot, sample.slow
    return (
        sample.pid,
        wid,
        round(sample.cpu, 1),
        share(hot.rss, memory),
        hot.rss,
        sample.started,
        restarts,
        hot.threads,
        state_word(hot.state),
        slow.fds,
        sample.read_rate,
        sample.write_rate,
        round(sample.tree_cpu, 1),
        sample.tree_rss,
        sample.tree_size,
        slow.username,
        slow.command[:_COMMAND],
    )


@final
@dataclass(slots=True)
class _Made:
    """A table, and what it was made of."""

    samples: list[Sample]
    workers: dict[int, int | None]
    worker_restarts: dict[int, int]
    columns: list[list[Any]]
    texts: list[bytes]
    """Each column with its name, as JSON."""
    text: bytes
    """All of them."""


@final
class Tables:
    """Makes the tables.

    Args:
        memory: bytes of memory of the machine.
    """

    def __init__(self, *, memory: int) -> None:
        self._memory = memory
        self._made: dict[str, _Made] = {}

    def encode(self, samples: list[Sample], *, watcher: Watcher, moment: Moment) -> bytes:
        """The table of a watcher."""
        made = self._made.get(watcher.name)
        if made is None or made.workers != watcher.workers or made.worker_restarts != watcher.worker_restarts:
            made = None
        if made is None or len(made.samples) != len(samples):
            made = self._made[watcher.name] = self._make(samples, watcher)
        elif made.samples != samples:
            self._change(made, samples, watcher)
        head = {
            "watcher": watcher.name,
            "status": watcher.status,
            "restarts": watcher.restarts,
            "time": moment.wall,
            "uptime": moment.uptime,
            "count": len(samples),
        }
        return b'%b,"columns":%b}' % (encode(head)[:-1], made.text)

    def keep(self, names: Collection[str]) -> None:
        """Forget the others."""
        if len(self._made) > len(names):
            self._made = {name: made for name, made in self._made.items() if name in names}

    def _row(self, sample: Sample, watcher: Watcher) -> tuple[Any, ...]:
        wid = watcher.workers.get(sample.pid)
        restarts = None if wid is None else watcher.worker_restarts.get(wid, 0)
        return _row(sample, wid, restarts, self._memory)

    def _make(self, samples: list[Sample], watcher: Watcher) -> _Made:
        rows = [self._row(sample, watcher) for sample in samples]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in _COLUMNS]
        texts = [_text(name, column) for name, column in zip(_COLUMNS, columns, strict=True)]
        workers, restarts = dict(watcher.workers), dict(watcher.worker_restarts)
        return _Made(samples, workers, restarts, columns, texts, _join(texts))

    def _change(self, made: _Made, samples: list[Sample], watcher: Watcher) -> None:
        dirty: set[int] = set()
        for at, (before, sample) in enumerate(zip(made.samples, samples, strict=True)):
            if before is sample:
                continue
            for index, value in enumerate(self._row(sample, watcher)):
                if made.columns[index][at] != value:
                    made.columns[index][at] = value
                    dirty.add(index)
        for index in dirty:
            made.texts[index] = _text(_COLUMNS[index], made.columns[index])
        made.samples = samples
        if dirty:
            made.text = _join(made.texts)


def _text(name: str, column: list[Any]) -> bytes:
    """A column that holds the same value for all is that one value."""
    is_one = bool(column) and column.count(column[0]) == len(column)
    return b'"%b":%b' % (name.encode(), encode(column[0] if is_one else column))


def _join(texts: list[bytes]) -> bytes:
    return b"{%b}" % b",".join(texts)
