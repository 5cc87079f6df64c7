"""What went wrong, in one line for a script and with a way out for a person. Pure."""

from enum import IntEnum
from typing import Final

from circus.client.errors import AccessDenied, CallError, NotRunning, TimedOut, TunnelError, WentAway

__all__ = ["ExitCode", "Failure", "from_call", "hint_for"]


class ExitCode(IntEnum):
    """What circusctl exits with."""

    OK = 0
    FAILED = 1
    """Nobody answered, or the arguments make no request."""
    USAGE = 2
    """No such command or option."""
    REFUSED = 3
    """The daemon said error."""
    UNKNOWN_STATE = 4
    """`is-active`: there is no such watcher."""


class Failure(Exception):  # noqa: N818 - not an error of ours: what the user is told
    """Ends the command.

    Args:
        text: one line.
        hint: what to do about it, for a person.
        code: what to exit with.
    """

    def __init__(self, text: str, *, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(text)
        self.hint = hint
        self.code = code


_TIMED_OUT: Final = """\
Either circusd is reached and busy, or something else holds its endpoint.

If it is busy, give it longer: --timeout SECONDS. Commands with --waiting are
answered when the work is done, which takes as long as the workers take to end.

If it is the wrong place, name the right one: --endpoint tcp://HOST:PORT or
--endpoint ipc://PATH, or the environment variable CIRCUSCTL_ENDPOINT.
"""


def hint_for(error: CallError) -> str:
    """What a person can do about it."""
    match error:
        case TimedOut():
            return _TIMED_OUT
        case WentAway():
            return "look into its log; the request may have been carried out"
        case NotRunning():
            return "start it with: circusd FILE.ini, or name another place: --endpoint or CIRCUSCTL_ENDPOINT"
        case TunnelError():
            return "try the same server with the ssh command"
        case AccessDenied():
            return "run this as the user that runs circusd, or as root; a remote endpoint wants keys"
        case _:
            return ""


def from_call(error: CallError) -> Failure:
    """What the user is told of a call that failed."""
    text = str(error) if isinstance(error, TimedOut) else f"error: {error}"
    return Failure(text, hint=hint_for(error))
