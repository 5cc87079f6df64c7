"""How many watchers are reloaded at a time when all of them are: `Rollout` decides, and is pure; `roll` acts.

Theory. One watcher after the other is as slow as all graceful timeouts together: a hundred watchers whose workers take 30 s to
leave would take most of an hour, and whoever waits for the answer, too. All at once is fast, and doubles every process on the
machine for as long as the slowest takes (or, where the old stop first, leaves nobody). In between: those that are being reloaded
have together at most a quarter of all workers, and there is always at least one. So a reload takes at most some nine times as
long as its slowest watcher, however many there are.

The highest priority comes first, and the next one when all of it is done.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, final

__all__ = ["SHARE", "Item", "Rollout", "roll"]

SHARE = 4
"""One worker in so many may belong to a watcher that is being reloaded."""


class Ranked(Protocol):
    """What is reloaded."""

    @property
    def priority(self) -> int: ...


T = TypeVar("T", bound=Ranked)
R = TypeVar("R")


@final
@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """A watcher, and how many workers it is to have."""

    watcher: T
    workers: int


@final
class Rollout(Generic[T]):
    """The order of one reload of everything.

    Args:
        items: the watchers, from the highest priority to the lowest.
    """

    def __init__(self, items: Iterable[Item[T]]) -> None:
        self._waiting: list[Item[T]] = list(items)[::-1]
        self._budget = sum(item.workers for item in self._waiting) // SHARE
        self._under_way: dict[int, Item[T]] = {}
        self._busy = 0

    def next(self) -> Sequence[Item[T]]:
        """Those that are to begin now, in their order; empty where the next has to wait, or nobody is left."""
        begun: list[Item[T]] = []
        while self._waiting and self._admits(self._waiting[-1]):
            item = self._waiting.pop()
            self._under_way[id(item)] = item
            self._busy += item.workers
            begun.append(item)
        return begun

    def _admits(self, item: Item[T]) -> bool:
        if not self._under_way:
            return True
        first = next(iter(self._under_way.values()))
        same = first.watcher.priority == item.watcher.priority
        return same and self._busy + item.workers <= self._budget

    def done(self, item: Item[T]) -> None:
        """This one, which had begun, is reloaded."""
        self._busy -= self._under_way.pop(id(item)).workers


async def roll(
    items: Sequence[Item[T]], begin: Callable[[T], "asyncio.Future[R]"], *, stopped: Callable[[], bool]
) -> list[tuple[T, R]]:
    """Reload them.

    Args:
        items: the watchers, from the highest priority to the lowest.
        begin: tells one to reload; the future is done when it is.
        stopped: whether no further one is to begin.

    Returns:
        What came of those that had begun, in the order of the items.
    """
    rollout = Rollout(items)
    under_way: dict[asyncio.Future[R], Item[T]] = {}
    results: dict[int, R] = {}
    while True:
        if not stopped():
            under_way.update((begin(item.watcher), item) for item in rollout.next())
        if not under_way:
            return [(item.watcher, results[id(item)]) for item in items if id(item) in results]
        for future in (await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED))[0]:
            item = under_way.pop(future)
            results[id(item)] = future.result()
            rollout.done(item)
