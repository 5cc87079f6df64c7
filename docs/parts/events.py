"""The tables of events and of statistics."""

from pydantic import BaseModel

from circus.protocol.events import EVENTS, Event
from circus.protocol.stats import ProcessFrame, SocketFrame, WatcherFrame
from parts.markdown import code, first_paragraph, table
from parts.sources import attribute_docs
from parts.types import type_words

__all__ = ["PARTS"]


def _keys(model: type[BaseModel], *, without: frozenset[str] = frozenset()) -> str:
    docs = attribute_docs(model)
    return table(
        ("key", "type", "meaning"),
        [
            (
                code(name) + ("" if field.is_required() else " (may be missing)"),
                type_words(model, name),
                field.description or docs.get(name, ""),
            )
            for name, field in model.model_fields.items()
            if name not in without
        ],
    )


def _events() -> str:
    common = frozenset(Event.model_fields)
    parts = []
    for word, model in sorted(EVENTS.items()):
        keys = _keys(model, without=common)
        parts.append(f"### {word}\n\n{first_paragraph(model.__doc__)}\n\n{keys}")
    return "\n".join(parts)


def _stats() -> str:
    frames = (("A worker", ProcessFrame), ("A watcher", WatcherFrame), ("A socket", SocketFrame))
    return "\n".join(
        f"### {title}\n\n{first_paragraph(model.__doc__)}\n\n{_keys(model)}" for title, model in frames
    )


PARTS = {"event-common": lambda: _keys(Event), "events": _events, "stats-frames": _stats}
