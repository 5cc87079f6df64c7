"""What a watcher needs of the world, as protocols: the tests stand behind them, and so may a process of another machine.

`circus.process.seam.Spawner` and `Child` are two more.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol, final

from circus.process.errors import ProcessGoneError
from circus.process.seam import Child
from circus.watcher.spec import WatcherSpec

__all__ = ["NoOutput", "OneByOne", "Output", "Trees"]


class Trees(Protocol):
    """Looking at, and signalling, the process trees of many workers with one look at the process table."""

    def survivors_of(self, children: Iterable[Child], /) -> Mapping[int, tuple[int, ...]]:
        """For each child (by pid) the pids of its tree that still run."""
        ...

    def certain(self, child: Child, /) -> bool:
        """Whether nobody having been found in this tree just now means that nobody is in it."""
        ...

    def signal_trees(self, children: Iterable[Child], number: int, /) -> Mapping[int, tuple[int, ...]]:
        """Signal every process of every tree; for each child (by pid) the pids that were signalled."""
        ...


@final
class OneByOne:
    """`Trees` by means of each child alone: right, and slow with many."""

    def survivors_of(self, children: Iterable[Child], /) -> dict[int, tuple[int, ...]]:
        """See `Trees`."""
        return {child.pid: child.survivors() for child in children}

    def certain(self, child: Child, /) -> bool:
        """See `Trees`: there is nobody to ask but the child, which has answered."""
        return child.exit is not None

    def signal_trees(self, children: Iterable[Child], number: int, /) -> dict[int, tuple[int, ...]]:
        """See `Trees`."""
        result: dict[int, tuple[int, ...]] = {}
        for child in children:
            try:
                result[child.pid] = child.signal_tree(number)
            except (ProcessGoneError, PermissionError):
                result[child.pid] = ()
        return result


class Output(Protocol):
    """Where the output of one watcher's workers goes. Owned by the watcher's runner."""

    def captures(self) -> tuple[bool, bool]:
        """Whether stdout and stderr are pipes to us."""
        ...

    def open(self) -> None:
        """Get ready before the first worker.

        Raises:
            OSError, ValueError: a stream cannot be opened or made.
        """
        ...

    def prepare(self) -> None:
        """Get ready for one more worker.

        Raises:
            OSError: there is no room for what moves its output; later there may be.
        """
        ...

    def attach(self, wid: int, child: Child) -> None:
        """Take the child's pipe ends and move what comes."""
        ...

    async def drain(self, timeout: float, *, wid: int | None = None) -> None:  # noqa: ASYNC109 - a deadline that is part of the meaning
        """Wait until what ended workers wrote is in the sinks, at most so many seconds; of one slot alone if ``wid`` says so."""
        ...

    def configure(self, spec: WatcherSpec) -> None:
        """Use the streams of a new specification; nothing that was written is lost.

        Raises:
            OSError, ValueError: a stream cannot be opened or made; the old ones stay.
        """
        ...

    def reopen(self) -> None:
        """Close and open files again."""
        ...

    def tail(self, wid: int, lines: int) -> tuple[str, ...]:
        """The last lines of the latest worker in that slot."""
        ...

    @property
    def lost_bytes(self) -> int:
        """Bytes lost so far."""
        ...

    @property
    def last_error(self) -> str:
        """Why output was lost last; empty if none was."""
        ...

    async def close(self) -> None:
        """Flush and close the sinks; `open` may follow."""
        ...


@final
class NoOutput:
    """`Output` where nothing is captured: workers write where we write."""

    lost_bytes = 0
    last_error = ""

    def captures(self) -> tuple[bool, bool]:
        """Nothing."""
        return False, False

    def open(self) -> None:
        """Nothing to open."""

    def prepare(self) -> None:
        """Nothing to get ready."""

    def attach(self, wid: int, child: Child) -> None:
        """Nothing to take."""

    async def drain(self, timeout: float, *, wid: int | None = None) -> None:  # noqa: ASYNC109 - a deadline that is part of the meaning
        """Nothing to wait for."""

    def configure(self, spec: WatcherSpec) -> None:
        """Nothing to change."""

    def reopen(self) -> None:
        """Nothing to reopen."""

    def tail(self, wid: int, lines: int) -> tuple[str, ...]:  # noqa: ARG002 - as the protocol says
        """Nothing is kept."""
        return ()

    async def close(self) -> None:
        """Nothing to close."""
