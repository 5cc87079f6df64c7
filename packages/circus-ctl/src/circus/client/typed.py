"""Between models and documents, for clients that want types. Pure."""

from typing import Any

from pydantic import ValidationError

from circus.client.errors import CallError
from circus.client.wire import Document
from circus.protocol.messages import Request
from circus.protocol.replies import REPLIES, ErrorReply, OkReply, Reply

__all__ = ["as_document", "as_reply"]


def as_document(request: Request) -> Document:
    """The request as it stands on the wire, without its id."""
    properties = request.model_dump(mode="json", exclude_defaults=True)
    return {"command": request.command, "properties": properties}


def as_reply(request: Request, document: dict[str, Any]) -> Reply:
    """The first model that the reply to this request fits.

    Raises:
        CallError: it fits none.
    """
    if document.get("status") == "error" and "reason" in document:
        return ErrorReply.model_validate(document)
    models: tuple[type[Reply], ...] = (*REPLIES.get(request.command, ()), OkReply)
    wrong: ValidationError | None = None
    for model in models:
        try:
            return model.model_validate(document)
        except ValidationError as error:
            wrong = wrong or error
    raise CallError(f"the answer to {request.command!r} is not understood: {wrong}")
