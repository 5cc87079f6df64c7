"""The whole protocol as JSON Schema, from the models. Pure."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from circus.protocol.events import EVENTS
from circus.protocol.messages import REQUESTS
from circus.protocol.options import ArbiterOptions, PluginOptions, SocketOptions, WatcherOptions
from circus.protocol.replies import REPLIES, ErrorReply, OkReply
from circus.protocol.stats import ProcessFrame, SocketFrame, WatcherFrame

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """One document: ``requests``, ``replies``, ``events``, ``options`` and ``stats`` refer to ``$defs``."""
    groups: dict[str, dict[str, type[BaseModel]]] = {
        "requests": dict(REQUESTS),
        "events": dict(EVENTS),
        "options": {
            "circus": ArbiterOptions,
            "watcher": WatcherOptions,
            "socket": SocketOptions,
            "plugin": PluginOptions,
        },
        "stats": {"process": ProcessFrame, "watcher": WatcherFrame, "socket": SocketFrame},
    }
    replies = {name: list(models) for name, models in REPLIES.items()}
    everything = [model for group in groups.values() for model in group.values()]
    everything += [OkReply, ErrorReply, *(model for models in replies.values() for model in models)]
    references, document = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(everything)], title="Circus control protocol"
    )

    def ref(model: type[BaseModel]) -> dict[str, Any]:
        return dict(references[model, "validation"])

    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
    for title, group in groups.items():
        schema[title] = {name: ref(model) for name, model in group.items()}
    schema["replies"] = {name: {"anyOf": [ref(m) for m in models]} for name, models in replies.items()}
    schema["replies"]["*"] = {"anyOf": [ref(OkReply), ref(ErrorReply)]}
    return schema
