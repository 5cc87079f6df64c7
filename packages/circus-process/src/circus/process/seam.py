"""The seam between deciding and doing: who forks and who reaps is behind `Spawner`, what runs is a `Child`.

The local spawner (`circus.process.spawn`), the fake of the tests (`circus.process.testing`) and, some day, a
spawner in another, longer-lived process all stand behind these two protocols and pass the same conformance
tests.
"""

from collections.abc import Callable
from typing import Protocol

from circus.process.exits import ExitStatus
from circus.process.spec import ProcessSpec

__all__ = ["Child", "Spawner"]


class Child(Protocol):
    """A handle to one process that we are responsible for.

    The handle owns the pidfd and our ends of the pipes until `take_stdout` and its siblings hand an end over;
    `close` releases what is left and may be called any number of times. An exit is seen exactly once.
    """

    @property
    def label(self) -> str: ...
    @property
    def pid(self) -> int: ...

    @property
    def start_time(self) -> int:
        """Clock ticks since boot at which it started (procfs ``stat``, field 22): with the pid, its identity."""
        ...

    @property
    def started_at(self) -> float:
        """Monotonic seconds at which it was spawned."""
        ...

    @property
    def exit(self) -> ExitStatus | None:
        """How it ended; None while it runs."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to this very process, never to a recycled pid.

        Raises:
            ProcessGoneError: it has been reaped.
            PermissionError: it changed its identity and we may not signal it.
        """
        ...

    def signal_tree(self, number: int) -> tuple[int, ...]:
        """Signal every process of its tree (group, session, descendants, re-parented orphans), itself included.

        Works after its own exit, too. Returns the pids that were signalled; empty means that nobody was found.
        """
        ...

    def survivors(self) -> tuple[int, ...]:
        """The pids of its tree that still run, itself included; zombies do not count."""
        ...

    def on_exit(self, callback: Callable[["Child"], None]) -> None:
        """Call back on the event loop, once, when it has been reaped; at the next turn if it already was."""
        ...

    async def wait(self) -> ExitStatus:
        """Wait until it has been reaped; any number of waiters. Cancelling a wait changes nothing."""
        ...

    def take_stdin(self) -> int | None:
        """Our end of that pipe, now owned by the caller; None if there is none or it was taken."""
        ...

    def take_stdout(self) -> int | None: ...
    def take_stderr(self) -> int | None: ...

    def close(self) -> None:
        """Release the pidfd and the pipe ends that were not taken. Does not end the process."""
        ...


class Spawner(Protocol):
    """Starts processes."""

    def spawn(self, spec: ProcessSpec) -> Child:
        """Start a process; called on the event loop that watches its exit, returns after a successful exec.

        Raises:
            SpawnError: it could not be started; it names the stage, and nothing is left behind.
        """
        ...
