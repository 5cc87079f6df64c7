"""The OpenAPI document, from the table of operations and the models of the control protocol. Pure."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from circus.protocol import REPLIES
from circus.protocol.replies import OkReply
from circus.web import views
from circus.web.actions import COMMANDS
from circus.web.api import OPERATIONS, Operation
from circus.web.auth import Role

__all__ = ["document"]

_TEXT = {
    400: "not JSON, or not to this host",
    401: "not signed in",
    403: "not allowed",
    404: "no such thing",
    409: "the daemon refused",
    413: "too large",
    415: "not JSON",
    422: "the values are not right",
    429: "too many failures",
    501: "this daemon does not offer it",
    502: "the daemon failed",
    503: "the daemon does not answer",
    504: "the daemon did not answer in time",
}


@cache
def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1. Each command of the control protocol is an operation of its own."""
    models: list[type[BaseModel]] = [views.Problem, OkReply]
    for operation in OPERATIONS:
        models += [model for model in (operation.body, operation.reply) if model is not None]
    models += COMMANDS.values()
    models += [model for name in COMMANDS for model in REPLIES.get(name, ())]
    references, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)],
        ref_template="#/components/schemas/{model}",
    )
    refs: dict[type[BaseModel], dict[str, Any]] = {
        model: dict(references[model, "validation"]) for model in models
    }
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        if "{command}" not in operation.path:
            path = operation.path.replace(":path", "")
            paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, refs)
    for name, model in COMMANDS.items():
        paths[f"/api/daemons/{{daemon}}/commands/{name}"] = {"post": _command(name, model, refs)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Circus console",
            "version": version,
            "description": "Everything that the pages of circushttpd do.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(operation: Operation, refs: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    reply: dict[str, Any] = refs[operation.reply] if operation.reply is not None else {"type": "object"}
    if operation.many:
        reply = {"type": "array", "items": reply}
    failures = {400, *operation.failures}
    failures |= {401} if operation.role is not None else set()
    failures |= {403} if operation.role is Role.OPERATOR or operation.method == "POST" else set()
    failures |= {413, 415} if operation.method == "POST" else set()
    failures |= {422} if operation.body is not None or operation.failures[1:] else set()
    media = "text/plain" if operation.tag == "metrics" else "application/json"
    if operation.reply is None and media == "text/plain":
        reply = {"type": "string"}
    found: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            "200": {"description": "done", "content": {media: {"schema": reply}}},
            **_failures(failures, refs),
        },
    }
    if operation.path == "/health":
        found["responses"]["503"] = {"description": "something fails", "content": {media: {"schema": reply}}}
    if operation.method == "POST":
        schema = refs[operation.body] if operation.body is not None else {"type": "object"}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.role is None:
        found["security"] = []
    return found


def _command(
    name: str, model: type[BaseModel], refs: dict[type[BaseModel], dict[str, Any]]
) -> dict[str, Any]:
    replies = [refs[one] for one in REPLIES.get(name, (OkReply,))]
    failures = {400, 401, 403, 404, 409, 413, 415, 422, 501, 502, 503, 504}
    return {
        "operationId": f"command_{name}",
        "summary": (model.__doc__ or name).strip().splitlines()[0],
        "tags": ["control protocol"],
        "parameters": [_path_parameter("daemon", "string")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": refs[model]}}},
        "responses": {
            "200": {
                "description": "accepted",
                "content": {"application/json": {"schema": {"anyOf": replies}}},
            },
            **_failures(failures, refs),
        },
    }


def _failures(statuses: set[int], refs: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    content = {"application/json": {"schema": refs[views.Problem]}}
    return {str(one): {"description": _TEXT[one], "content": content} for one in sorted(statuses)}


def _path_parameter(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        _path_parameter(name, "integer" if name == "pid" else "string")
        for name in ("daemon", "watcher", "pid")
        if f"{{{name}" in operation.path
    ]
    fields = COMMANDS["logs"].model_json_schema()["properties"]
    found += [
        {"name": name, "in": "query", "required": False, "schema": fields[name]} for name in operation.query
    ]
    return found
