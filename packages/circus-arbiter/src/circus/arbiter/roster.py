"""Which watchers there are, found by name or pattern, in the order of priority. Pure bookkeeping.

Illegal states: two watchers whose names differ by capitals alone. Lookups are O(1); a pattern is O(watchers).
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from circus.exc import AlreadyExist, MessageError

__all__ = ["Roster", "by_priority", "priority_groups"]


class Named(Protocol):
    """What can be in a roster."""

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...


T = TypeVar("T", bound=Named)


def by_priority(watchers: Iterable[T]) -> list[T]:
    """The order of starting: the highest first, those of one priority as they came."""
    return sorted(watchers, key=lambda watcher: -watcher.priority)


def priority_groups(watchers: Iterable[T]) -> list[list[T]]:
    """The order of stopping: the lowest first; those of one priority stop together."""
    groups: dict[int, list[T]] = {}
    for watcher in watchers:
        groups.setdefault(watcher.priority, []).append(watcher)
    return [groups[priority] for priority in sorted(groups)]


class Roster(Generic[T]):
    """Watchers by name, in the order they were added."""

    def __init__(self) -> None:
        self._by_name: dict[str, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    @property
    def keys(self) -> list[str]:
        """The names in lower case, sorted, as `list` answers them."""
        return sorted(self._by_name)

    def add(self, watcher: T) -> None:
        """Add one.

        Raises:
            AlreadyExist: there is one of that name.
        """
        if watcher.name in self:
            raise AlreadyExist(f"{watcher.name!r} already exist")
        self._by_name[watcher.name.lower()] = watcher

    def remove(self, name: str) -> T:
        """Take one out.

        Raises:
            MessageError: there is none of that name.
        """
        watcher = self.get(name)
        del self._by_name[name.lower()]
        return watcher

    def get(self, name: str) -> T:
        """The one of that name, in any case.

        Raises:
            MessageError: there is none, in the reference's words.
        """
        watcher = self._by_name.get(name.lower())
        if watcher is None:
            raise MessageError(f"program {name} not found")
        return watcher

    def matching(self, pattern: str | None, match: str) -> list[T]:
        """All that a pattern matches, or all if there is no pattern.

        Args:
            pattern: a name, a glob or a regular expression; capitals do not matter.
            match: ``simple``, ``glob`` or ``regex`` (which has to match from the start of the name).

        Raises:
            MessageError: nothing matches, or the expression is not one.
        """
        if pattern is None:
            return list(self)
        if match == "simple":
            return [self.get(pattern)]
        try:
            expression = re.compile(
                fnmatch.translate(pattern.lower()) if match == "glob" else pattern.lower()
            )
        except re.error as error:
            raise MessageError(f"{pattern!r} is not a regular expression: {error}") from error
        found = [watcher for key, watcher in self._by_name.items() if expression.match(key)]
        if not found:
            raise MessageError(f"program {pattern} not found")
        return found
