"""The HTTP API over a made-up daemon."""

import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, TypeAdapter

from circus.exc import CallError, NotRunning
from circus.web import views
from circus.web.actions import COMMANDS
from circus.web.options import option_views
from web_world import World


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/api/daemons", list[views.DaemonView]),
        ("/api/endpoints", list[views.EndpointView]),
        ("{d}", views.DaemonDetail),
        ("{d}/sockets", list[views.SocketSeen]),
        ("{d}/events", list[views.EventView]),
        ("{d}/watchers/web", views.WatcherDetail),
        ("{d}/watchers/plugin:resources", views.WatcherDetail),
        ("/api/audit", list[views.Action]),
        ("/api/options", list[views.OptionView]),
        ("/api/session", views.SessionView),
    ],
)
async def test_answers_have_the_documented_shapes(operator, world: World, path: str, model: Any):
    world.link.picture.apply_event(
        "watcher.web.reap", {"process_pid": 3, "time": 1.0, "why": "crash"}, now=11
    )
    await operator.post(f"{world.path}/commands/stop", json={"name": "mail", "match": "simple"})
    answer = await operator.get(path.format(d=world.path))
    assert answer.status_code == 200
    TypeAdapter(model).validate_python(answer.json())


async def test_a_command_reaches_the_daemon_as_it_was_asked_and_is_written_down(operator, world: World):
    answer = await operator.post(f"{world.path}/commands/incr", json={"name": "web", "nb": 2})
    assert (answer.status_code, answer.json()["numprocesses"]) == (200, 6)
    assert world.caller.asked == [{"command": "incr", "properties": {"name": "web", "nb": 2}}]
    entry = (await operator.get("/api/audit")).json()[0]
    assert (entry["who"], entry["command"], entry["outcome"]) == ("token (operator)", "incr", "ok")


async def test_every_command_of_the_protocol_has_an_address(operator, world: World):
    document = (await operator.get("/api/openapi.json")).json()
    for name in COMMANDS:
        assert f"/api/daemons/{{daemon}}/commands/{name}" in document["paths"]
    assert "ipython" not in COMMANDS
    assert (await operator.post(f"{world.path}/commands/ipython", json={})).status_code == 404


@pytest.mark.parametrize(
    ("error", "status"), [(CallError("Timed out."), 504), (NotRunning("nobody"), 503), (CallError("?"), 503)]
)
async def test_a_daemon_that_does_not_answer_is_said_to_be_so(operator, world: World, error, status):
    world.caller.broken = error
    answer = await operator.post(f"{world.path}/commands/restart", json={"name": "web"})
    assert answer.status_code == status
    assert (await operator.get("/api/audit")).json()[0]["outcome"] == "refused"


async def test_what_is_wrong_with_a_request_is_said(operator, world: World):
    refused = await operator.post(f"{world.path}/commands/stop", json={"name": ""})
    assert (refused.status_code, "name" in refused.json()["reason"]) == (422, True)
    for body in (b"{", b"[]", b"7"):
        headers = {"content-type": "application/json"}
        answer = await operator.post(f"{world.path}/commands/stop", content=body, headers=headers)
        assert answer.status_code == 400
    assert (await operator.get("/api/daemons/none")).status_code == 404
    assert (await operator.get(f"{world.path}/watchers/none")).status_code == 404
    assert world.caller.asked == []


async def test_one_command_for_many_tells_what_became_of_each(operator, world: World):
    body = {"command": "incr", "names": ["web", "none", "mail"], "properties": {}}
    answer = (await operator.post(f"{world.path}/bulk", json=body)).json()
    assert (answer["done"], list(answer["refused"])) == (["web", "mail"], ["none"])


async def test_an_old_daemon_is_never_asked_to_plan_since_it_would_act(old_world: World):
    async with old_world.client(authorization=f"Bearer {'o' * 40}") as client:
        answer = await client.post(f"{old_world.path}/commands/reloadconfig", json={"dry_run": True})
        assert (answer.status_code, "older than version 1" in answer.json()["reason"]) == (501, True)
        assert (await client.get(f"{old_world.path}/watchers/web/logs")).status_code == 501
        assert old_world.caller.asked == []


async def test_logs(operator, world: World):
    world.fake.write("web", 1, 7, "stderr", "boom")
    answer = await operator.get(f"{world.path}/watchers/web/logs?lines=1")
    assert [line["data"] for line in answer.json()["lines"]] == ["boom"]
    assert (await operator.get(f"{world.path}/watchers/web/logs?lines=many")).status_code == 422


async def test_health_is_for_everybody_and_its_reasons_for_those_signed_in(operator, world: World):
    async with world.client() as nobody:
        answer = await nobody.get("/health")
        assert (answer.status_code, answer.json()["problems"], answer.json()["reasons"]) == (503, 2, None)
    assert any("payments" in reason for reason in (await operator.get("/health")).json()["reasons"])
    for name in ("payments", "search"):
        world.link.picture.set_described(name, {"state": "active", "wanted": 0}, now=10.0)
    assert (await operator.get("/health")).status_code == 200


async def test_metrics_are_read_by_prometheus(operator, world: World):
    frame = {"cpu": 12.5, "mem": 1.0, "mem_info1": "10M"}
    pid = world.fake.workers["web"][0].pid
    await operator.get("/metrics")  # from now on figures are taken
    world.link.picture.apply_stats(f"stat.web.{pid}", frame, now=time.monotonic())
    text = (await operator.get("/metrics")).text
    found = {
        (s.name, s.labels.get("watcher")): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }
    assert found["circus_watcher_cpu_percent", "web"] == 12.5
    assert found["circus_watcher_memory_bytes", "web"] == 10 * 2**20
    assert found["circus_watcher_healthy", "payments"] == 0
    assert found["circus_up", None] == 1


async def test_connecting_is_limited_to_what_was_configured(operator, world: World):
    answer = await operator.post("/api/endpoints/connect", json={"endpoint": "tcp://169.254.169.254:80"})
    assert (answer.status_code, "--allow-endpoint" in answer.json()["reason"]) == (403, True)
    assert (
        await operator.post("/api/endpoints/connect", json={"endpoint": "file:///etc"})
    ).status_code == 422
    assert (await operator.post(f"{world.path}/disconnect", json={})).status_code == 200
    assert (await operator.get("/api/daemons")).json() == []
    assert [one["connected"] for one in (await operator.get("/api/endpoints")).json()] == [False]


async def test_viewers_see_names_of_the_environment_and_not_its_values(operator, viewer, world: World):
    world.fake.options["web"]["env"] = {"KEY": "s3cret"}
    seen = await viewer.get(f"{world.path}/watchers/web/options")
    assert seen.json()["options"]["env"] == {"KEY": "(hidden)"}
    asked = await viewer.post(f"{world.path}/commands/options", json={"name": "web"})
    assert "s3cret" not in asked.text
    assert "s3cret" in (await operator.get(f"{world.path}/watchers/web/options")).text


async def test_secrets_do_not_reach_the_audit_list(operator, world: World):
    await operator.post(
        f"{world.path}/commands/set", json={"name": "web", "options": {"env": {"K": "s3cret"}}}
    )
    assert "s3cret" not in (await operator.get("/api/audit")).text


@pytest.mark.parametrize("name", ["a%0Ab", "a/%0A/options"])
async def test_an_address_that_no_route_can_match_is_refused_as_any_other(operator, world: World, name: str):
    answer = await operator.get(f"{world.path}/watchers/{name}")
    assert (answer.status_code, answer.json()) == (404, {"reason": "There is no such address."})


def test_options_are_those_of_the_one_model():
    names = {one["name"]: one for one in option_views()}
    assert (names["graceful_timeout"]["type"], names["graceful_timeout"]["change"]) == ("number", "live")
    assert all(one["doc"] for one in names.values())


def test_views_are_closed_models():
    assert all(issubclass(getattr(views, name), BaseModel) for name in views.__all__ if name != "Figures")


async def test_pages_are_served_and_unknown_api_addresses_are_not_pages(operator: httpx.AsyncClient):
    for path in ("/", "/watchers", "/d/x/w/y/log", "/login"):
        answer = await operator.get(path)
        assert (answer.status_code, "<title>Circus" in answer.text) == (200, True)
    assert (await operator.get("/api/nothing")).status_code == 404
    assert (await operator.get("/static/../cli.py")).status_code in {200, 404}
    assert "argparse" not in (await operator.get("/static/%2e%2e/cli.py")).text
