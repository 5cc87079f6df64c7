"""The OpenAPI document, held against the application by generated requests."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq.asyncio
from hypothesis import HealthCheck, settings

from circus.web.link import link_id
from circus.web.openapi import document
from web_world import OPERATOR, World, make_world

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
openapi_checks = pytest.importorskip("schemathesis.specs.openapi.checks")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    # The test client runs each application in a thread with a loop of its own, kept until the next call.
    pytest.mark.allow_leaks("threads", "descriptors"),
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]
WORLD: list[World] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The application of the moment."""
    await WORLD[0].app(scope, receive, send)


def with_real_names() -> dict[str, Any]:
    """The document, with names that exist where a path asks for one."""
    found: dict[str, Any] = copy.deepcopy(document("1.0.0"))
    known = {"daemon": [link_id("ipc:///made-up")], "watcher": ["web", "images"], "pid": [41001, 7]}
    for operations in found["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"]["enum"] = known[parameter["name"]]
    return found


schema = schemathesis.openapi.from_dict(with_real_names())
schema.app = app


@pytest.fixture(autouse=True)
def _world(tmp_path_factory: Any) -> Iterator[None]:
    context = zmq.asyncio.Context()
    WORLD[:] = [make_world(Path(tmp_path_factory.mktemp("api")), context)]
    yield
    WORLD.clear()
    context.destroy(linger=0)


COMMANDS = "/api/daemons/{daemon}/commands/"
SENT_ON = [openapi_checks.status_code_conformance, openapi_checks.content_type_conformance]
"""For commands as they are: the daemon's models take texts for numbers, as the old ones did, and the stand-in knows some alone."""


# Connecting needs a hub that runs, on one loop: test_api.py does it.
@schema.exclude(path="/api/endpoints/connect").parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests_are_answered_as_documented(case: Any):
    case.headers = {**(case.headers or {}), "authorization": f"Bearer {OPERATOR}", "host": "127.0.0.1:8080"}
    health = case.operation.path == "/health"  # where 503 is an answer like another
    checks = SENT_ON if case.operation.path.startswith(COMMANDS) else CHECKS
    case.call_and_validate(checks=CHECKS[1:] if health else checks)


def test_what_paths_ask_for_is_there():
    """Otherwise all generated requests would be answered with 404, and pass."""
    (parameter,) = schema.raw_schema["paths"]["/api/daemons/{daemon}"]["get"]["parameters"]
    assert set(parameter["schema"]["enum"]) <= set(WORLD[0].hub.links)
