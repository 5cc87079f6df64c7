"""What a user may write for the type of an option or property, in words. Pure."""

import types
import typing
from typing import Any, Literal

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from circus.protocol import values

__all__ = ["type_words"]

_KNOWN: tuple[tuple[Any, str], ...] = (
    (values.Boolean, "boolean"),
    (values.SignalNumber, "signal: name or number"),
    (values.Mode, "file mode, octal"),
    (values.Principal, "name or number"),
    (values.Args, "text or list"),
    (values.Seconds, "number ≥ 0"),
    (values.IntegerText, "integer"),
    (values.LimitValue, "integer or `unlimited`"),
    (values.NumProcesses, "integer ≥ 0, or `auto`"),
    (values.UseSockets, "boolean, or names"),
    (values.EnvMapping, "names and values"),
    (values.SeparatedWords, "words"),
)
_PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any"}


def type_words(model: type[BaseModel], name: str) -> str:
    """The type of a field, as a user is told of it.

    Raises:
        TypeError: a type that this has no words for: add them here.
    """
    return _words(typing.get_type_hints(model, include_extras=True)[name])


def _words(hint: Any) -> str:
    for known, words in _KNOWN:
        if hint == known:
            return words
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in {typing.Union, types.UnionType}:
        each = dict.fromkeys(_words(argument) for argument in arguments if argument is not type(None))
        return " or ".join(each)
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in {list, tuple}:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return "mapping"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "mapping" if "Options" in hint.__name__ else hint.__name__
    raise TypeError(f"no words for the type {hint!r}")


def _annotated(inner: Any, metadata: tuple[Any, ...]) -> str:
    for note in metadata:
        if "_parse_constant" in getattr(getattr(note, "func", None), "__code__", _words.__code__).co_names:
            return "constant of `socket`"
    words = _words(inner)
    low, high = _bound(metadata, Ge), _bound(metadata, Le)
    if low is not None and high is not None and high < 2**31 - 1:
        return f"{words}, {low:,} to {high:,}"
    return words if low is None else f"{words} ≥ {low}" if "≥" not in words else words


def _bound(metadata: tuple[Any, ...], kind: type[Ge] | type[Le]) -> int | None:
    for note in metadata:
        for inner in note.metadata if isinstance(note, FieldInfo) else (note,):
            if isinstance(inner, kind):
                value: Any = inner.ge if isinstance(inner, Ge) else inner.le
                return int(value)
    return None
