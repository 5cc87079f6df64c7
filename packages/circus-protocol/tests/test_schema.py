import json
from pathlib import Path

import jsonschema
import pytest

from circus import exc
from circus.protocol import (
    EVENTS,
    REPLIES,
    REQUESTS,
    ErrorNumber,
    ErrorReply,
    OkReply,
    json_schema,
    parse_request,
)
from circus.protocol.events import log_topic, topic_name, watcher_topic
from circus.protocol.options import WatcherOptions
from circus.protocol.replies import StatusReply
from circus.protocol.stats import ProcessFrame, SocketFrame, WatcherFrame, stat_topic

SCHEMA = json_schema()
GOLDEN = sorted(Path(__file__).parent.glob("golden/*.json"))


def exchanges():
    for file in GOLDEN:
        for exchange in json.loads(file.read_text()):
            yield pytest.param(exchange, id=exchange["case"])


def check(document, schema):
    jsonschema.Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).validate(document)


def test_the_export_is_json_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_export_holds_everything():
    assert set(SCHEMA["requests"]) == set(REQUESTS)
    assert set(SCHEMA["events"]) == set(EVENTS)
    assert set(SCHEMA["replies"]) == {*REPLIES, "*"}
    assert set(SCHEMA["options"]) == {"circus", "watcher", "socket", "plugin"}
    for group in ("requests", "events", "options", "stats"):
        for reference in SCHEMA[group].values():
            assert reference["$ref"].removeprefix("#/$defs/") in SCHEMA["$defs"]


def test_every_option_is_described_in_the_export():
    properties = SCHEMA["$defs"]["WatcherOptions"]["properties"]
    assert set(properties) == set(WatcherOptions.model_fields)
    assert all(option.get("description") for option in properties.values())


def test_what_the_export_accepts_and_refuses():
    check({"name": "web", "nb": 2}, SCHEMA["requests"]["incr"])
    with pytest.raises(jsonschema.ValidationError, match="'name' is a required property"):
        check({"nb": 2}, SCHEMA["requests"]["incr"])
    with pytest.raises(jsonschema.ValidationError):
        check({"name": "web", "nb": -1}, SCHEMA["requests"]["incr"])


def test_golden_messages_exist_for_every_command_of_the_reference():
    assert {file.stem for file in GOLDEN} >= {
        "add", "decr", "dstats", "get", "globaloptions", "incr", "kill", "list", "listsockets", "numprocesses",
        "numwatchers", "options", "quit", "reload", "reloadconfig", "restart", "rm", "set", "signal", "start", "stats",
        "status", "stop",
    }  # fmt: skip


@pytest.mark.parametrize("exchange", list(exchanges()))
def test_the_references_requests_are_understood(exchange):
    call = parse_request(json.dumps(exchange["request"]).encode())
    assert call.id == exchange["request"]["id"]
    refused = exchange["reply"]["status"] == "error"
    understood = isinstance(call.request, tuple(REQUESTS.values()))
    assert understood or refused, call.request
    if understood:
        assert call.command == exchange["request"]["command"].lower()


@pytest.mark.parametrize("exchange", list(exchanges()))
def test_the_references_replies_fit_the_models(exchange):
    reply, command = exchange["reply"], exchange["request"]["command"].lower()
    if reply["status"] == "error":
        error = ErrorReply.model_validate(reply)
        assert ErrorNumber(error.errno) in ErrorNumber
        return
    models = REPLIES.get(command, (OkReply,))
    fitting = [model for model in models if _fits(model, reply)]
    assert fitting, f"none of {[model.__name__ for model in models]} fits {reply}"


def _fits(model, reply):
    try:
        parsed = model.model_validate(reply)
    except ValueError:
        return False
    return {**reply, **parsed.model_dump(exclude_unset=True)}.keys() == reply.keys()


def test_topics():
    assert topic_name("My Web") == "my_web"
    assert watcher_topic("My Web", "spawn") == b"watcher.my_web.spawn"
    assert watcher_topic("\udce9", "stop") == rb"watcher.\udce9.stop"
    assert log_topic("My Web", 2, "stdout") == b"log.my_web.2.stdout"
    assert stat_topic("web") == b"stat.web"
    assert stat_topic("web", 5) == b"stat.web.5"


@pytest.mark.parametrize("word", sorted(EVENTS))
def test_each_event_keeps_unknown_keys(word):
    model = EVENTS[word]
    needed = {
        name: {"reason": "x", "error": "x", "name": "x", "stream": "stdout"}.get(name, 1)
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    event = model.model_validate({**needed, "colour": "mauve"})
    assert event.event == word
    assert event.model_dump()["colour"] == "mauve"


def test_stats_frames():
    assert ProcessFrame(pid=1, cpu=0.5, mem="N/A", age=1).model_dump(exclude_unset=True)["mem"] == "N/A"
    assert WatcherFrame(pid=[1], cpu=0, mem=0, age=0).pid == [1]
    assert SocketFrame(address="x", fd=3, reads=2).reads == 2


def test_the_status_of_one_watcher_is_its_state():
    assert StatusReply(status="active").status == "active"


def test_the_exception_tree():
    for name in exc.__all__:
        assert issubclass(getattr(exc, name), exc.CircusError)
    assert issubclass(exc.NotRunning, exc.CallError)
    assert str(exc.CallError("Timed out.")) == "Timed out."
    assert {number.value for number in ErrorNumber} == set(range(7))
