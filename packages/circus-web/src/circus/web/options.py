"""The options of watchers for forms: from the one model of them. Pure."""

from functools import cache
from typing import Any, cast

from circus.protocol import WatcherOptions

__all__ = ["option_views"]


@cache
def option_views() -> list[dict[str, Any]]:
    """Name, kind of value, default, doc and what a change takes of each option."""
    schema = WatcherOptions.model_json_schema()
    definitions = cast("dict[str, Any]", schema.get("$defs", {}))
    return [
        {
            "name": name,
            "type": _type_of(field, definitions),
            "default": field.get("default"),
            "doc": field.get("description", ""),
            "change": field.get("change", "live"),
            "unit": field.get("unit"),
        }
        for name, field in cast("dict[str, dict[str, Any]]", schema["properties"]).items()
    ]


def _type_of(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        field = cast("dict[str, Any]", definitions.get(str(field["$ref"]).rpartition("/")[2], {}))
    if "enum" in field:
        return "|".join(map(str, cast("list[Any]", field["enum"])))
    kinds = [str(field["type"])] if "type" in field else []
    choices = cast("list[dict[str, Any]]", field.get("anyOf", []))
    kinds += [_type_of(choice, definitions) for choice in choices]
    found = list(dict.fromkeys(kind for kind in kinds if kind != "null"))
    return found[0] if len(found) == 1 else "string"
