"""What a supervisor is told to run, the same for all of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import final

__all__ = ["Job", "LogJob"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogJob:
    """Where output goes.

    Args:
        folder: of the files.
        limit: bytes a file, then it is rotated.
        files: how many are kept, enough to keep everything.
        time_prefix: whether each line is to begin with the time.
    """

    folder: Path
    limit: int
    files: int
    time_prefix: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Args:
    folder: for configuration and state; of this run alone.
    command: the worker and its arguments.
    workers: how many of them.
    one_each: a watcher (service, program) for each worker in place of one for all.
    log: where their output goes; None: nowhere in particular.
    stats: whether the supervisor is to publish figures of its processes.
    port: a listening socket of the supervisor's to give to the workers, as descriptor; None: none.
    """

    folder: Path
    command: tuple[str, ...]
    workers: int = 1
    one_each: bool = False
    log: LogJob | None = None
    stats: bool = False
    port: int | None = None
    names: tuple[str, ...] = field(init=False)
    """Of the watchers."""

    def __post_init__(self) -> None:
        count = self.workers if self.one_each else 1
        object.__setattr__(self, "names", tuple(f"w{number}" for number in range(1, count + 1)))
