"""The types of arguments that commands share."""

from enum import Enum
from typing import Annotated, cast

import typer

from circus.ctl.session import Session

__all__ = ["Match", "Matching", "Names", "Waiting", "session_of"]


class Match(str, Enum):  # noqa: UP042 - typer shows members of a str enum by value
    """How a name is matched against those of the watchers."""

    simple = "simple"
    glob = "glob"
    regex = "regex"


Waiting = Annotated[bool, typer.Option("--waiting", help="Answer when it is done, not when it is accepted.")]
Matching = Annotated[Match, typer.Option("--match", help="How NAME is matched.")]
Names = list[str] | None


def session_of(context: typer.Context) -> Session:
    """The session that the command runs in."""
    return cast("Session", context.obj)
