"""The reference of the control protocol: each command with its message, properties, reply and command line."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from circus.ctl.table import COMMANDS
from circus.protocol.errors import ErrorNumber
from circus.protocol.messages import REQUESTS, Request
from circus.protocol.replies import REPLIES, OkReply, Reply
from parts.helps import usage
from parts.markdown import NOTHING, code, fence, first_paragraph, table
from parts.sources import attribute_docs
from parts.types import type_words

__all__ = ["EXAMPLES", "PARTS"]

EXAMPLES = Path(__file__).with_name("messages.json")
"""A request and its reply for each command; the tests hold both against the models."""

_ENVELOPE = frozenset(Reply.model_fields)


def _properties(model: type[Request]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        default: Any = field.get_default(call_default_factory=True)
        shown = "must be given" if default is PydanticUndefined else NOTHING
        if default is not PydanticUndefined and default not in (None, {}):
            shown = code(json.dumps(default))
        rows.append([code(name), type_words(model, name), shown, field.description or ""])
    return table(("property", "type", "default", "meaning"), rows)


def _reply_keys(model: type[BaseModel]) -> str:
    docs = attribute_docs(model)
    rows = [
        [code(name), type_words(model, name), field.description or docs.get(name, "")]
        for name, field in model.model_fields.items()
        if name not in _ENVELOPE or not issubclass(model, Reply)
    ]
    return table(("key", "type", "meaning"), rows)


def _reply(word: str) -> str:
    models = REPLIES.get(word, (OkReply,))
    if models == (OkReply,):
        return "Reply: `status` is `ok`: accepted; with `waiting`, done.\n"
    lines = ["Reply:\n"]
    for model in models:
        keys = _reply_keys(model)
        doc = first_paragraph(model.__doc__) if model.__doc__ != Reply.__doc__ else ""
        lines.append(f"`{model.__name__}`{': ' + doc if doc and 'Reply' not in doc else ''}\n\n{keys}")
    return "\n".join(lines)


def _pretty(value: Any, indent: int = 0) -> str:
    """JSON whose lines are short, and no more of them than that needs."""
    text = json.dumps(value)
    if len(text) + indent <= 96 or not isinstance(value, (dict, list)) or not value:
        return text
    inner = " " * (indent + 2)
    if isinstance(value, list):
        items: list[Any] = value
        body = [_pretty(item, indent + 2) for item in items]
        return "[\n" + ",\n".join(inner + text for text in body) + "\n" + " " * indent + "]"
    body = [f"{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
    return "{\n" + ",\n".join(inner + text for text in body) + "\n" + " " * indent + "}"


def _command(word: str, model: type[Request], example: dict[str, Any]) -> str:
    who = "Everybody on this machine may ask it." if model.reads_only else "Only those who may command."
    parts = [f"### {word}\n", f"{first_paragraph(model.__doc__)} {who}\n"]
    if word in COMMANDS and not COMMANDS[word].hidden:
        parts.append(fence("text", usage(("circusctl", word))))
    parts += [_properties(model), _reply(word)]
    parts.append(fence("json", _pretty(example["request"])))
    parts.append(fence("json", _pretty(example["reply"])))
    return "\n".join(part for part in parts if part)


def _commands() -> str:
    examples = json.loads(EXAMPLES.read_text())
    return "\n".join(_command(word, REQUESTS[word], examples[word]) for word in sorted(REQUESTS))


def _errors() -> str:
    docs = attribute_docs(ErrorNumber)
    return table(
        ("errno", "name", "meaning"),
        [(str(int(number)), code(number.name), docs[number.name]) for number in ErrorNumber],
    )


def _nested() -> str:
    """The models that replies are made of."""
    from circus.protocol import replies  # noqa: PLC0415 - names are looked up in it

    names = [name for name in replies.__all__ if not name.endswith("Reply") and name != "REPLIES"]
    parts = []
    for name in names:
        model: type[BaseModel] = getattr(replies, name)
        parts.append(f"### {name}\n\n{first_paragraph(model.__doc__)}\n\n{_reply_keys(model)}")
    return "\n".join(parts)


PARTS = {"commands": _commands, "error-numbers": _errors, "reply-parts": _nested}
