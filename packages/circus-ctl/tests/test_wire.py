import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.client.wire import CallIds, cast_message, make_json, make_message, pack, unpack
from circus.exc import CallError

LEAVES = st.none() | st.integers() | st.text()
JSON = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(), LEAVES, max_size=3)


def test_the_helpers_make_what_the_wire_wants():
    assert make_message("stop", name="web") == {"command": "stop", "properties": {"name": "web"}}
    assert cast_message("stop")["msg_type"] == "cast"
    assert json.loads(make_json("list")) == {"command": "list", "properties": {}}


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_packed_is_unpacked_and_the_argument_untouched(cmd: dict[str, object]):
    before = dict(cmd)
    document, frame = pack(cmd, call_id="i")
    assert unpack([b"", frame]) == document == {**cmd, "id": "i"}
    assert cmd == before


@pytest.mark.parametrize("text", ['{"command": "list"}', "list", " list "])
def test_text_is_json_or_a_command(text: str):
    assert pack(text, call_id="i")[0]["command"] == "list"


@pytest.mark.parametrize("cmd", [{"a": object()}, '{"broken'])
def test_what_cannot_be_sent_is_a_call_error(cmd: object):
    with pytest.raises(CallError, match="cannot send"):
        pack(cmd, call_id="i")  # type: ignore[arg-type]


@given(st.binary())
def test_no_answer_raises_anything_else(raw: bytes):
    with contextlib.suppress(CallError):
        assert isinstance(unpack([raw]), dict)


def test_ids_differ():
    one, other = CallIds(), CallIds()
    assert len({one.next(), one.next(), other.next(), other.next()}) == 4
