"""The words of this package, as values: where bytes come from, what went wrong, how a drain ended. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, final

__all__ = ["DrainReport", "Ended", "OutputError", "OutputTrouble", "Source", "StreamName", "TroubleKind"]

StreamName = Literal["stdout", "stderr"]


class OutputError(ValueError):
    """A stream cannot be made or opened; the text names the option, its value and the way out."""


@final
@dataclass(frozen=True, slots=True)
class Source:
    """One pipe of one worker.

    Args:
        watcher: the name of its watcher.
        wid: the worker id.
        pid: the process id.
        stream: which of its outputs.
    """

    watcher: str
    wid: int
    pid: int
    stream: StreamName = "stdout"

    @property
    def label(self) -> str:
        """``web.2 stdout``: how logs and errors call it."""
        return f"{self.watcher}.{self.wid} {self.stream}"


class TroubleKind(Enum):
    """What there is to say about an output."""

    LOSING = "losing"
    """Bytes are being dropped, and counted, since now."""
    RECOVERED = "recovered"
    """The sink takes bytes again; ``dropped_bytes`` were lost in between."""
    DEGRADED = "degraded"
    """Nothing is lost, but something is not as asked for: a file that cannot be rotated grows on."""


@final
@dataclass(frozen=True, slots=True)
class OutputTrouble:
    """One change in the health of an output: said once when it begins and once when it is over.

    Args:
        source: whose output.
        kind: what happened.
        error: the cause, in words.
        dropped_bytes: how many bytes this spell has cost so far.
    """

    source: Source
    kind: TroubleKind
    error: str
    dropped_bytes: int

    def describe(self) -> str:
        """One line for a log."""
        match self.kind:
            case TroubleKind.LOSING:
                return f"output of {self.source.label} (pid {self.source.pid}) is being lost: {self.error}"
            case TroubleKind.RECOVERED:
                return (
                    f"output of {self.source.label} (pid {self.source.pid}) goes on;"
                    f" {self.dropped_bytes} bytes were lost: {self.error}"
                )
            case TroubleKind.DEGRADED:
                return f"output of {self.source.label} (pid {self.source.pid}): {self.error}"


class Ended(Enum):
    """Why an output is over."""

    EOF = "eof"
    """Every writer closed its end: nothing more can come."""
    DEADLINE = "deadline"
    """Somebody, a grandchild as a rule, still holds the pipe; what was in it was read, then it was closed."""
    CLOSED = "closed"
    """The hub was closed; what was in the pipe was read first."""
    FAILED = "failed"
    """The pipe itself could not be read; `Attachment.last_error` says why."""


@final
@dataclass(frozen=True, slots=True)
class DrainReport:
    """What became of an output.

    Args:
        bytes: how many its sink took.
        dropped: how many were lost.
        pending: how many still wait for a sink that blocks; 0 unless a deadline ended the wait.
        reason: how it ended.
    """

    bytes: int
    dropped: int
    pending: int
    reason: Ended
