"""Asking a daemon for something: check who asks and what, call, translate the answer, write the audit line.

Everything that the page, a script or a bulk action has done goes through `perform`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from circus.exc import CallError, NotRunning
from circus.protocol import REQUESTS, ErrorNumber, Request
from circus.protocol.codec import describe_invalid
from circus.web.audit import AuditTrail, without_secrets
from circus.web.auth import Person, Role
from circus.web.link import Link

__all__ = ["COMMANDS", "NEW_COMMANDS", "Asked", "Outcome", "perform", "perform_many"]

COMMANDS: dict[str, type[Request]] = {
    name: model for name, model in REQUESTS.items() if name not in {"listen", "ipython"}
}
"""Every command that can be sent through the console."""

NEW_COMMANDS = frozenset({"describe", "logs", "audit", "version", "schema", "reopenlogs"})
"""Commands that daemons before version 1 do not know."""

AT_ONCE = 16

STATUS_OF = {
    ErrorNumber.UNKNOWN_COMMAND: 501,
    ErrorNumber.MESSAGE_ERROR: 422,
    ErrorNumber.INVALID_JSON: 422,
    ErrorNumber.OS_ERROR: 409,
    ErrorNumber.COMMAND_ERROR: 409,
    ErrorNumber.NOT_SPECIFIED: 409,
    ErrorNumber.BAD_MSG_DATA_ERROR: 502,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom, and from where."""

    person: Person
    address: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """An HTTP status and the document that goes with it."""

    status: int
    document: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it was accepted."""
        return self.status == 200


async def perform(
    link: Link, *, command: str, properties: Mapping[str, Any], asked: Asked, trail: AuditTrail
) -> Outcome:
    """One command. Never raises for what a daemon or a person does wrong."""
    model = COMMANDS.get(command)
    if model is None:
        return Outcome(404, {"reason": f"There is no command {command!r}."})
    try:
        request = model.model_validate(properties)
    except ValidationError as error:
        return Outcome(422, {"reason": describe_invalid(error)})
    if not model.reads_only and asked.person.role is not Role.OPERATOR:
        outcome = Outcome(403, {"reason": "You may look, and change nothing: you are signed in as a viewer."})
    elif (refusal := _not_offered(link, request)) is not None:
        outcome = Outcome(501, {"reason": refusal})
    else:
        outcome = await _call(link, request)
    if model.reads_only:
        return _for_eyes(outcome, asked.person) if command in {"options", "get"} else outcome
    trail.note(
        asked.person,
        address=asked.address,
        endpoint=link.endpoint,
        command=command,
        properties=request.model_dump(mode="json", exclude_unset=True),
        outcome="ok" if outcome.ok else "refused",
        reason="" if outcome.ok else str(outcome.document.get("reason", "")),
    )
    if outcome.ok:
        link.touch(getattr(request, "name", None))
    return outcome


async def perform_many(
    link: Link,
    *,
    command: str,
    names: Sequence[str],
    properties: Mapping[str, Any],
    asked: Asked,
    trail: AuditTrail,
) -> dict[str, Outcome]:
    """The same command for many watchers; each has its own outcome."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Outcome:
        async with gate:
            given = {**properties, "name": name}
            return await perform(link, command=command, properties=given, asked=asked, trail=trail)

    async with asyncio.TaskGroup() as group:
        tasks = {
            name: group.create_task(one(name), name=f"{command} {name}") for name in dict.fromkeys(names)
        }
    return {name: task.result() for name, task in tasks.items()}


def _not_offered(link: Link, request: Request) -> str | None:
    """Why this daemon must not be asked. An old one ignores `dry_run`: it would do what was only to be planned."""
    if link.offers:
        return None
    if getattr(request, "dry_run", False):
        return "This daemon is older than version 1 and cannot show a plan: it would reload at once."
    if request.command in NEW_COMMANDS:
        return f"This daemon is older than version 1 and does not know {request.command!r}."
    return None


async def _call(link: Link, request: Request) -> Outcome:
    try:
        reply = await link.call(request.command, request.model_dump(mode="json", exclude_unset=True))
    except NotRunning as error:
        return Outcome(503, {"reason": f"The daemon does not run: {error}"})
    except CallError as error:
        late = str(error) == "Timed out."
        text = "The daemon did not answer in time; what was asked may still happen." if late else str(error)
        return Outcome(504 if late else 503, {"reason": text})
    reply.pop("id", None)
    if reply.get("status") != "error":
        return Outcome(200, reply)
    number = reply.get("errno", 0)
    known = number in ErrorNumber._value2member_map_
    status = STATUS_OF[ErrorNumber(number)] if known else 409
    return Outcome(status, {"reason": str(reply.get("reason", "")), "errno": number})


def _for_eyes(outcome: Outcome, person: Person) -> Outcome:
    """Viewers see the names of environment variables, not what is in them."""
    options = outcome.document.get("options")
    if person.role is Role.OPERATOR or not isinstance(options, dict):
        return outcome
    shown = without_secrets(cast("dict[str, Any]", options))
    return Outcome(outcome.status, {**outcome.document, "options": shown})
