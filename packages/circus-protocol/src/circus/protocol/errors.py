"""Error numbers of the control protocol, as the reference has them. Pure, and light."""

from enum import IntEnum

__all__ = ["ErrorNumber"]


class ErrorNumber(IntEnum):
    """``errno`` of an error reply."""

    NOT_SPECIFIED = 0
    """No more is known."""
    INVALID_JSON = 1
    """The request is not JSON, or not a JSON object."""
    UNKNOWN_COMMAND = 2
    """There is no such command."""
    MESSAGE_ERROR = 3
    """A property is missing, of the wrong type, or names nothing that exists."""
    OS_ERROR = 4
    """The operating system refused."""
    COMMAND_ERROR = 5
    """The command was understood and failed, or is not allowed to this peer."""
    BAD_MSG_DATA_ERROR = 6
    """The daemon failed to make an answer; its log says why."""
