"""The exception tree of the arbiter, and the one table that turns exceptions into wire errors. Pure."""

from typing import final

from circus.exc import AlreadyExist, ArgumentError, CircusError, ConflictError, MessageError
from circus.protocol.errors import ErrorNumber

__all__ = ["ArbiterError", "CommandFailedError", "EndpointError", "Exit", "ForbiddenError", "error_number"]


class ArbiterError(CircusError):
    """The root of what the daemon raises by itself."""


class EndpointError(ArbiterError):
    """An endpoint cannot be bound.

    Args:
        purpose: what it is for: commands, events.
        endpoint: its address.
        cause: why not, and what to do.
    """

    def __init__(self, purpose: str, endpoint: str, cause: str) -> None:
        super().__init__(f"cannot listen for {purpose} at {endpoint}: {cause}")
        self.endpoint = endpoint
        self.cause = cause


class CommandFailedError(ArbiterError):
    """A command was understood, tried, and did not succeed; the text says what and why."""


@final
class Exit(Exception):  # noqa: N818 - an outcome, not an error
    """Why the arbiter ended although nobody asked for it; the text is the reason."""


class ForbiddenError(ArbiterError):
    """This peer may not ask for that."""


_NUMBERS: tuple[tuple[type[Exception], ErrorNumber], ...] = (
    (MessageError, ErrorNumber.MESSAGE_ERROR),
    (ArgumentError, ErrorNumber.MESSAGE_ERROR),
    (AlreadyExist, ErrorNumber.COMMAND_ERROR),
    (ConflictError, ErrorNumber.COMMAND_ERROR),
    (ForbiddenError, ErrorNumber.COMMAND_ERROR),
    (CommandFailedError, ErrorNumber.COMMAND_ERROR),
    (ArbiterError, ErrorNumber.COMMAND_ERROR),
    (OSError, ErrorNumber.OS_ERROR),
)


def error_number(error: Exception) -> ErrorNumber | None:
    """The error number of an expected exception; None for one that nobody foresaw."""
    return next((number for kind, number in _NUMBERS if isinstance(error, kind)), None)
