"""Telling of troubles: into the log, and to the owner of a hub where the owner lives."""

import contextlib
import logging
from collections.abc import Callable

from circus.stream.model import OutputTrouble, TroubleKind
from circus.stream.tail import Call

__all__ = ["tell"]

_log = logging.getLogger("circus.stream")


def tell(
    trouble: OutputTrouble, on_trouble: Callable[[OutputTrouble], None] | None, call: Call | None
) -> None:
    """Log it and tell whom it concerns; raises nothing.

    Args:
        trouble: what happened.
        on_trouble: whom; None: nobody but the log.
        call: where; None: here.
    """

    def say() -> None:
        level = logging.INFO if trouble.kind is TroubleKind.RECOVERED else logging.WARNING
        _log.log(level, "%s", trouble.describe())
        if on_trouble is None:
            return
        try:
            on_trouble(trouble)
        except Exception:  # noqa: BLE001 - the owner's code; the outputs of all go on
            _log.exception("the callback for output troubles raised")

    if call is None:
        say()
        return
    with contextlib.suppress(RuntimeError):  # the owner's loop is closed: nobody listens
        call(say)
