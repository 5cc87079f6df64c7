"""Start on demand: be told, once, when a connection waits at one of some sockets."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Protocol, final

__all__ = ["Demand", "LoopDemand"]


class Demand(Protocol):
    """Watches sockets for one watcher."""

    def arm(self, sockets: Mapping[str, int], callback: Callable[[str], None]) -> None:
        """Call back with the name of the first that becomes readable, once; the sockets are not touched. Replaces an
        earlier arming.
        """
        ...

    def disarm(self) -> None:
        """Watch nothing any more. Idempotent."""
        ...


@final
class LoopDemand:
    """`Demand` on the running event loop. Several watchers may watch one socket: each watches a duplicate of its own."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fds: list[int] = []

    def arm(self, sockets: Mapping[str, int], callback: Callable[[str], None]) -> None:
        """See `Demand`."""
        self.disarm()
        self._loop = asyncio.get_running_loop()
        for name, fd in sockets.items():
            ours = os.dup(fd)
            self._fds.append(ours)
            self._loop.add_reader(ours, self._readable, name, callback)

    def _readable(self, name: str, callback: Callable[[str], None]) -> None:
        self.disarm()
        callback(name)

    def disarm(self) -> None:
        """See `Demand`."""
        fds, self._fds = self._fds, []
        for fd in fds:
            assert self._loop is not None
            self._loop.remove_reader(fd)
            os.close(fd)
