"""Between bytes and messages: parse once, encode once. Pure; no input raises.

Properties: `parse_request` answers every byte string with a `Call`, well-formed or `Malformed`; what `encode_call`
writes it reads back equal; a reply always encodes, whatever a process put into its command line.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from circus.protocol.errors import ErrorNumber
from circus.protocol.messages import REQUESTS, Request

__all__ = ["Call", "Malformed", "describe_invalid", "encode", "encode_call", "parse_request"]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A request that is refused, with the reply's error number and text."""

    errno: ErrorNumber
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its envelope.

    Args:
        request: what is asked, or why it cannot be understood.
        id: whatever the client chose to tell its replies apart.
        cast: whether the client wants no reply.
        command: the word on the wire, for the log; empty if there is none.
    """

    request: Request | Malformed
    id: Any = None
    cast: bool = False
    command: str = ""


def parse_request(raw: bytes) -> Call:
    """Read one request frame. Never raises."""
    if not raw.strip():
        return Call(Malformed(ErrorNumber.INVALID_JSON, "error: empty command"))
    try:
        document = _document(raw)
    except (ValueError, RecursionError):
        return Call(Malformed(ErrorNumber.INVALID_JSON, "json invalid"))
    if not isinstance(document, dict):
        kind = type(document).__name__
        return Call(Malformed(ErrorNumber.INVALID_JSON, f"json invalid: an object is wanted, not {kind}"))
    return _parse_object(cast("dict[str, Any]", document))


def _document(raw: bytes) -> Any:
    """The JSON in a frame. What only the standard library reads (half a surrogate pair, as Python writes a file name that is
    not UTF-8) is read by it, so that its sender is answered by its id.
    """
    try:
        return from_json(raw, allow_inf_nan=True)
    except ValueError:
        return json.loads(raw)


def _parse_object(document: dict[str, Any]) -> Call:
    call_id, cast_ = document.get("id"), document.get("msg_type") == "cast"
    command, properties = document.get("command"), document.get("properties")

    def malformed(errno: ErrorNumber, reason: str) -> Call:
        return Call(Malformed(errno, reason), call_id, cast_, command if isinstance(command, str) else "")

    if not isinstance(command, str):
        return malformed(ErrorNumber.UNKNOWN_COMMAND, f"unknown command: {_short(command)}")
    model = REQUESTS.get(command.lower())
    if model is None:
        return malformed(ErrorNumber.UNKNOWN_COMMAND, f"unknown command: {_short(command)}")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        return malformed(ErrorNumber.MESSAGE_ERROR, "message invalid: 'properties' should be an object")
    try:
        request = model.model_validate(properties)
    except ValidationError as error:
        return malformed(ErrorNumber.MESSAGE_ERROR, describe_invalid(error))
    return Call(request, call_id, cast_, model.command)


def describe_invalid(error: ValidationError) -> str:
    """The first thing that is wrong, in one line, in the reference's words where it has some."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"message invalid {where!r} is missing"
    text = first["msg"].removeprefix("Value error, ")
    given = _short(first["input"])
    return f"message invalid {where!r}: {text} (given: {given})" if where else f"message invalid: {text}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def encode_call(
    request: Request,
    *,
    call_id: str | None,
    cast: bool = False,
    exclude_defaults: bool = True,
) -> bytes:
    """The frame of a request, as `parse_request` and the reference read it."""
    document: dict[str, Any] = {
        "command": request.command,
        "properties": request.model_dump(mode="json", exclude_defaults=exclude_defaults),
        "msg_type": "cast" if cast else "dealer",
    }
    if call_id is not None:
        document["id"] = call_id
    return to_json(document)


def encode(document: Any) -> bytes:
    """JSON bytes of a reply, an event or a frame. Text that no encoding can hold is written with backslashes."""
    try:
        return to_json(document, fallback=str, inf_nan_mode="constants")
    except (PydanticSerializationError, UnicodeEncodeError, ValueError):
        return to_json(_printable(document), fallback=str, inf_nan_mode="constants")


def _printable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case dict():
            pairs: dict[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {_printable(key): _printable(item) for key, item in pairs.items()}
        case list() | tuple() | set() | frozenset():
            return [_printable(item) for item in cast("list[Any]", value)]
        case _:
            return value
