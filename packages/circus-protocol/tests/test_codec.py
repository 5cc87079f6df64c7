import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from circus.protocol import (
    REQUESTS,
    Call,
    ErrorNumber,
    Malformed,
    Request,
    encode,
    encode_call,
    parse_request,
)
from circus.protocol.messages import Add, Incr, List, Signal, Stop

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WIRE = st.sampled_from(sorted(REQUESTS))


@given(st.binary())
@example(b"")
@example(b"  ")
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"command": "list", "id": "\\ud800"}')
@example(b"1" * 5000)
@example(b'{"command": "incr", "properties": {"name": "a", "nb": ' + b"9" * 5000 + b"}}")
def test_any_bytes_are_a_call(raw):
    assert isinstance(parse_request(raw), Call)


@given(JSON)
def test_any_json_is_a_call(document):
    assert isinstance(parse_request(json.dumps(document).encode()), Call)


@given(
    WIRE,
    st.dictionaries(st.sampled_from(["name", "nb", "pid", "signum", "options", "keys", "cmd"]), JSON),
    JSON,
)
def test_any_properties_are_a_call_of_that_command(command, properties, call_id):
    call = parse_request(json.dumps({"command": command, "properties": properties, "id": call_id}).encode())
    assert call.command == command
    if isinstance(call.request, Malformed):
        assert call.request.errno is ErrorNumber.MESSAGE_ERROR
        assert call.request.reason.startswith("message invalid")
        assert len(call.request.reason) < 1000
    else:
        assert isinstance(call.request, REQUESTS[command])


@given(st.text(min_size=1), st.integers(0, 1000), st.text(), st.booleans())
def test_what_is_written_is_read_back(name, nb, call_id, cast):
    if any("\ud800" <= character <= "\udfff" for character in name + call_id):
        return
    request = Incr(name=name, nb=nb, waiting=True)
    assert parse_request(encode_call(request, call_id=call_id, cast=cast)) == Call(
        request, call_id, cast, "incr"
    )


SAMPLES = {
    "add": {"name": "a", "cmd": "b", "args": ["c"], "options": {"numprocesses": 2}, "start": True},
    "decr": {"name": "a", "nb": 2},
    "get": {"name": "a", "keys": ["cmd"]},
    "incr": {"name": "a", "nb": 2},
    "kill": {"name": "a", "pid": 5, "signum": 9, "graceful_timeout": 1.5},
    "list": {"name": "a"},
    "reload": {"name": "a", "graceful": False, "sequential": True},
    "reloadconfig": {"dry_run": True, "waiting": True},
    "rm": {"name": "a", "nostop": True},
    "set": {"name": "a", "options": {"cmd": "b"}},
    "signal": {"name": "a", "signum": 15, "pid": 5, "childpid": 6},
    "stats": {"name": "a", "process": 5, "extended": True},
    "stop": {"name": "a*", "match": "glob", "waiting": True},
    "logs": {"name": "a", "lines": 5},
}


@pytest.mark.parametrize("command", sorted(REQUESTS))
@pytest.mark.parametrize("exclude_defaults", [True, False])
def test_each_command_is_written_and_read_back(command, exclude_defaults):
    model = REQUESTS[command]
    needed = {name: "a" for name, field in model.model_fields.items() if field.is_required()}
    request = model(**SAMPLES.get(command, needed))
    frame = encode_call(request, call_id="1", exclude_defaults=exclude_defaults)
    assert parse_request(frame) == Call(request, "1", cast=False, command=command)


@pytest.mark.parametrize("command", sorted(REQUESTS))
def test_a_missing_property_is_named_as_the_reference_names_it(command):
    for name, field in REQUESTS[command].model_fields.items():
        if not field.is_required():
            continue
        properties = {key: value for key, value in SAMPLES.get(command, {}).items() if key != name}
        call = parse_request(json.dumps({"command": command, "properties": properties}).encode())
        assert isinstance(call.request, Malformed)
        missing = {f"message invalid {key!r} is missing" for key in REQUESTS[command].model_fields}
        assert call.request.reason in missing


MALFORMED = [
    (b"", 1, "error: empty command"),
    (b" \n", 1, "error: empty command"),
    (b"hello", 1, "json invalid"),
    (b'{"command": "list"', 1, "json invalid"),
    (b"[]", 1, "json invalid: an object is wanted, not list"),
    (b"null", 1, "json invalid: an object is wanted, not NoneType"),
    (b"17", 1, "json invalid: an object is wanted, not int"),
    (b"{}", 2, "unknown command: None"),
    (b'{"command": 5}', 2, "unknown command: 5"),
    (b'{"command": "colour"}', 2, "unknown command: 'colour'"),
    (b'{"command": ""}', 2, "unknown command: ''"),
    (b'{"command": "list", "properties": []}', 3, "message invalid: 'properties' should be an object"),
    (b'{"command": "options"}', 3, "message invalid 'name' is missing"),
    (b'{"command": "incr", "properties": {"name": "a", "nb": "x"}}', 3, "message invalid 'nb': "),
    (b'{"command": "incr", "properties": {"name": "a", "nb": -1}}', 3, "(given: -1)"),
    (b'{"command": "signal", "properties": {"name": "a", "signum": "X"}}', 3, "is not a signal"),
    (b'{"command": "kill", "properties": {"name": "a", "pid": "x"}}', 3, "message invalid 'pid': "),
]


@pytest.mark.parametrize(("raw", "errno", "text"), MALFORMED)
def test_malformed_requests_get_the_references_number_and_a_text(raw, errno, text):
    call = parse_request(raw)
    assert isinstance(call.request, Malformed)
    assert call.request.errno == errno
    assert text in call.request.reason


def test_the_envelope_is_kept_where_the_request_is_refused():
    call = parse_request(b'{"id": {"a": 1}, "msg_type": "cast", "command": "colour"}')
    assert (call.id, call.cast, call.command) == ({"a": 1}, True, "colour")
    assert parse_request(b'{"id": NaN, "command": "list"}').id != parse_request(b'{"command": "list"}').id


def test_a_long_value_is_shortened_in_the_text():
    call = parse_request(json.dumps({"command": "n" * 10_000}).encode())
    assert isinstance(call.request, Malformed)
    assert len(call.request.reason) < 120
    assert call.request.reason.endswith("...")


@pytest.mark.parametrize("command", ["LIST", "List", "list"])
def test_case_of_a_command_does_not_matter(command):
    assert parse_request(json.dumps({"command": command}).encode()) == Call(List(), command="list")


def test_null_and_missing_properties_are_none():
    assert parse_request(b'{"command": "list", "properties": null}').request == List()
    assert parse_request(b'{"command": "list"}').request == List()


def test_properties_that_a_command_does_not_know_are_ignored():
    assert parse_request(b'{"command": "list", "properties": {"colour": 1}}').request == List()


def test_numbers_as_text_are_numbers():
    raw = b'{"command": "signal", "properties": {"name": "a", "signum": "SIGTERM", "pid": "12", "children": "true"}}'
    assert parse_request(raw).request == Signal(name="a", signum=15, pid=12, children=True)


def test_waits():
    assert Stop(name="a", waiting=True).waits
    assert not Stop(name="a").waits
    assert not List().waits


def test_a_request_without_an_id_has_none_on_the_wire():
    assert "id" not in json.loads(encode_call(List(), call_id=None))
    assert json.loads(encode_call(Add(name="a", cmd="b"), call_id="1", cast=True)) == {
        "id": "1",
        "command": "add",
        "properties": {"name": "a", "cmd": "b"},
        "msg_type": "cast",
    }


@given(JSON)
def test_any_document_is_encoded_as_json(document):
    assert isinstance(json.loads(encode(document)), type(json.loads(json.dumps(document))))


@pytest.mark.parametrize(
    ("document", "read"),
    [
        ({"cmd": "caf\udce9"}, {"cmd": "caf\\udce9"}),
        ({"\udce9": ["\udce9", ("\udce9",), b"\xff"]}, {"\\udce9": ["\\udce9", ["\\udce9"], "\\xff"]}),
        ({"\udce9": {1: 2.5}}, {"\\udce9": {"1": 2.5}}),
        ({"a": b"\xff"}, {"a": "\\xff"}),
        ({"a": {"b"}}, {"a": ["b"]}),
        ({"a": frozenset({"\udce9"})}, {"a": ["\\udce9"]}),
        ({"a": ValueError("x")}, {"a": "x"}),
        ({"a": "ü€😀"}, {"a": "ü€😀"}),
    ],
)
def test_what_no_encoding_can_hold_is_written_with_backslashes(document, read):
    assert json.loads(encode(document)) == read


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_surrogates_anywhere_are_encoded(document):
    assert len(json.loads(encode(document))) <= len(document)
    json.loads(encode({"cmdline": [*document, *document.values()]}))


def test_infinity_and_nan_stay():
    read = json.loads(encode({"a": math.inf, "b": -math.inf, "c": math.nan}))
    assert read["a"] == math.inf
    assert read["b"] == -math.inf
    assert math.isnan(read["c"])


def test_every_request_knows_its_word():
    for word, model in REQUESTS.items():
        assert issubclass(model, Request)
        assert model.command == word == word.lower()


def test_half_a_surrogate_pair_is_answered_by_its_id():
    call = parse_request(b'{"id": "7", "command": "list", "properties": {"name": "caf\\udce9"}}')
    assert call.id == "7"
