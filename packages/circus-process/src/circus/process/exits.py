"""How a process ended, as a value. Pure; imports nothing of ours."""

from dataclasses import dataclass
from signal import Signals
from typing import final

__all__ = ["ExitStatus", "signal_name"]


def signal_name(number: int) -> str:
    """``SIGTERM`` for 15; ``signal 99`` for a number without a name (real-time signals)."""
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


@final
@dataclass(frozen=True, slots=True)
class ExitStatus:
    """Exactly one of an exit code (0-255) and a terminating signal (1-64); or neither, if nobody can know.

    Neither happens for an adopted process that was not our child: that it is gone can be seen, how it ended
    cannot.
    """

    code: int | None = None
    signal: int | None = None
    core_dumped: bool = False

    def __post_init__(self) -> None:
        if self.code is not None and self.signal is not None:
            raise ValueError("an exit has a code or a signal, never both")

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with code 0."""
        return self.code == 0

    @property
    def returncode(self) -> int | None:
        """The convention of `subprocess`: the code, or minus the signal; None if unknown."""
        return self.code if self.signal is None else -self.signal

    def describe(self) -> str:
        """``exit code 3``, ``killed by SIGKILL``, ``killed by SIGSEGV (core dumped)``, ``gone``."""
        if self.signal is not None:
            return f"killed by {signal_name(self.signal)}" + (" (core dumped)" if self.core_dumped else "")
        return "gone" if self.code is None else f"exit code {self.code}"
