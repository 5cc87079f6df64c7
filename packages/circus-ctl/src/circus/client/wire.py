"""Between what is asked and one JSON frame, by the standard library alone. Pure.

The typed models of circus.protocol are loaded only by those who use them: a one-shot call pays for neither
pydantic nor asyncio.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from circus.exc import CallError

__all__ = ["CallIds", "Document", "cast_message", "make_json", "make_message", "pack", "unpack"]

Document = dict[str, Any]
"""A JSON object."""


def make_message(command: str, **props: Any) -> Document:
    """A request that is answered."""
    return {"command": command, "properties": props}


def cast_message(command: str, **props: Any) -> Document:
    """A request that is not answered."""
    return {"command": command, "msg_type": "cast", "properties": props}


def make_json(command: str, **props: Any) -> str:
    """`make_message` as text."""
    return json.dumps(make_message(command, **props))


class CallIds:
    """Ids that no other client makes, nor this one twice."""

    __slots__ = ("_count", "_prefix")

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:08x}"


def pack(cmd: Mapping[str, Any] | str, *, call_id: str) -> tuple[Document, bytes]:
    """The request with its id, as a document and as a frame. The argument is left as it is.

    Args:
        cmd: a mapping, its JSON text, or just the word of a command.
        call_id: what the reply will carry.

    Raises:
        CallError: it cannot be written as a JSON object.
    """
    if isinstance(cmd, str):
        cmd = _read_text(cmd)
    document: Document = {**cmd, "id": call_id}
    try:
        return document, json.dumps(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CallError(f"cannot send this request: {error}") from error


def _read_text(text: str) -> Document:
    if not text.lstrip().startswith("{"):
        return make_message(text.strip())
    try:
        return cast("Document", json.loads(text))
    except ValueError as error:
        raise CallError(f"cannot send this request: it is not JSON: {error}") from error


def unpack(frames: list[bytes]) -> Document:
    """The reply in what was received; an empty delimiter in front of it is skipped.

    Raises:
        CallError: it is not a JSON object.
    """
    raw = frames[-1] if frames else b""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CallError(f"the answer is not JSON: {raw[:60]!r}") from error
    if not isinstance(document, dict):
        raise CallError(f"the answer is not a JSON object: {raw[:60]!r}")
    return cast("Document", document)
