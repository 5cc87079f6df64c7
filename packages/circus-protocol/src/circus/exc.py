"""The exceptions that clients and embedding programs catch, by the reference's names. Light: imports nothing."""

__all__ = [
    "AlreadyExist",
    "ArgumentError",
    "CallError",
    "CircusError",
    "ConflictError",
    "MessageError",
    "NotRunning",
]


class CircusError(Exception):
    """The root of what Circus raises across its public interfaces."""


class AlreadyExist(CircusError):  # noqa: N818 - the reference's name
    """There is a watcher of that name already."""


class MessageError(CircusError):
    """A message is understood and refused: a property is missing, of the wrong type, or names nothing."""


class ArgumentError(CircusError):
    """A command has too few, too many or wrong arguments."""


class ConflictError(CircusError):
    """Two exclusive operations collide. Kept for clients that catch it; our daemon queues instead."""


class CallError(CircusError):
    """A call did not get its answer. ``str(error) == "Timed out."`` for a time-out, as clients match it."""


class NotRunning(CallError):  # noqa: N818 - says it best
    """Nobody listens at the endpoint, as opposed to somebody who is slow."""
