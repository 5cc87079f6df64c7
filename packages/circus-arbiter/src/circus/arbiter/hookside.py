"""What the hooks of circusd's watchers are given: `Watcher` and `Arbiter` objects, as they know them from 0.19.

Theory: circusd runs an engine and has no such objects. Hooks are rare and look at little, so the objects are made by the first
hook that is called, in the thread of its watcher; they pass what they are asked to do on to the engine's loop.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

from circus.arbiter.compat import Arbiter
from circus.arbiter.engine import Engine
from circus.arbiter.entry import Entry

__all__ = ["HookObjects"]


@final
class HookObjects:
    """Makes what hooks are given; one for each engine."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arbiter: Arbiter | None = None
        self._lock = threading.Lock()

    def attach(self, engine: Engine) -> None:
        """Look at this engine, which is to run on the running loop."""
        self._engine, self._loop = engine, asyncio.get_running_loop()

    def of(self, entry: Entry) -> Mapping[str, Any]:
        """The keywords of one watcher's hooks."""
        return _OnDemand(lambda: self._make(entry))

    def _make(self, entry: Entry) -> Mapping[str, Any]:
        assert self._engine is not None
        assert self._loop is not None
        with self._lock:  # hooks of several watchers run in threads of their own
            if self._arbiter is None:
                self._arbiter = Arbiter.of(self._engine, self._loop)
            return self._arbiter.hook_keywords(entry)


@final
class _OnDemand(Mapping[str, Any]):
    """The keywords ``watcher`` and ``arbiter``, made with the first look."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make

    @functools.cached_property
    def _made(self) -> Mapping[str, Any]:
        return self._make()

    def __getitem__(self, key: str) -> Any:
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("watcher", "arbiter"))

    def __len__(self) -> int:
        return 2
