"""The exception tree of this package. An error names the stage, the subject and the cause."""

from enum import Enum

__all__ = ["ProcessError", "ProcessGoneError", "SpawnError", "Stage"]


class Stage(Enum):
    """The steps of a spawn, in their order; the value reads on in "cannot start web.2: <value> ...: <cause>"."""

    EXPAND = "expanding the command"
    RESOLVE_IDENTITY = "setting user or group"
    OPEN_PIPES = "opening pipes"
    FIND_EXECUTABLE = "finding the executable"
    FORK = "creating a process"
    SET_CWD = "entering the working directory"
    SET_LIMITS = "setting limits"
    SET_IDENTITY = "becoming the user or group"
    EXEC = "executing"
    WATCH = "watching the process"


class ProcessError(Exception):
    """The root of what circus.process raises by itself."""


class ProcessGoneError(ProcessError):
    """The process has been reaped: there is nothing left to signal."""

    def __init__(self, label: str, pid: int) -> None:
        super().__init__(f"{label} (pid {pid}) is gone")
        self.label = label
        self.pid = pid


class SpawnError(ProcessError):
    """A process could not be started; nothing of it is left.

    Args:
        label: which process: ``web.2``.
        stage: the step that failed.
        subject: what that step was about: a path, a user name, a limit.
        cause: the error beneath; also set as ``__cause__`` by whoever raises.
        retryable: whether the same spawn may work later (out of processes or descriptors, a missing file).
    """

    def __init__(self, label: str, stage: Stage, subject: str, *, cause: str, retryable: bool = True) -> None:
        super().__init__(f"cannot start {label}: {stage.value} {subject!r}: {cause}")
        self.label = label
        self.stage = stage
        self.subject = subject
        self.cause = cause
        self.retryable = retryable
