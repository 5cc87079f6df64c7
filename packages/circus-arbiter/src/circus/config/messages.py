"""What validation found, in words for the person who wrote the file. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import ErrorDetails

__all__ = ["option_of", "say"]

_NESTED = frozenset({"stdout_stream", "stderr_stream", "hooks"})

_SAYINGS: Mapping[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "missing": lambda _value, _context: "it is missing",
    "int_parsing": lambda value, _context: f"{value!r} is not a whole number",
    "int_type": lambda value, _context: f"{value!r} is not a whole number",
    "int_from_float": lambda value, _context: f"{value!r} is not a whole number",
    "int_parsing_size": lambda value, _context: f"{value!r} is too large",
    "float_parsing": lambda value, _context: f"{value!r} is not a number",
    "float_type": lambda value, _context: f"{value!r} is not a number",
    "finite_number": lambda value, _context: f"{value!r} is not finite",
    "string_type": lambda value, _context: f"{value!r} is not text",
    "greater_than_equal": lambda value, context: f"{value!r} is below {_number(context['ge'])}",
    "less_than_equal": lambda value, context: f"{value!r} is above {_number(context['le'])}",
    "literal_error": lambda value, context: f"{value!r} is not allowed; write {context['expected']}",
    "value_error": lambda _value, context: str(context["error"]),
}


def _number(bound: float) -> str:
    """Older versions of pydantic say 0.0 where newer ones say 0."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def option_of(location: tuple[int | str, ...]) -> str | None:
    """The flat name of what validation points at; None where it is the section as a whole."""
    if not location:
        return None
    head = str(location[0])
    if len(location) > 1 and head in _NESTED:
        return f"{head}.{location[1]}"
    if len(location) > 1 and head == "rlimits":
        return f"rlimit_{location[1]}"
    return head


def say(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One finding as a sentence, with what the option is for, as that says what is allowed."""
    saying = _SAYINGS.get(error["type"])
    text = saying(error["input"], error.get("ctx", {})) if saying is not None else error["msg"].lower()
    info = model.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    if info is None or not info.description:
        return text
    extra = info.json_schema_extra
    unit = cast("dict[str, Any]", extra).get("unit") if isinstance(extra, dict) else None
    return f"{text} ({info.description}{f', in {unit}' if unit else ''})"
