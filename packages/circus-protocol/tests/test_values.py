import contextlib
import signal
import socket
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from circus.protocol import values

NOTHING = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.integers())


adapter = cache(TypeAdapter)


def parse(kind, value):
    return adapter(kind).validate_python(value)


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "ON", " on ", True, 1])
def test_true(word):
    assert values.parse_bool(word) is True


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF", " off ", False, 0])
def test_false(word):
    assert values.parse_bool(word) is False


@pytest.mark.parametrize("word", ["", "maybe", 2, -1, None, 1.0, [], "truee"])
def test_not_a_boolean_says_what_to_write(word):
    with pytest.raises(ValueError, match="is not a boolean; write true or false"):
        values.parse_bool(word)


@pytest.mark.parametrize(
    "word", [15, "15", "TERM", "SIGTERM", "sigterm", "term", " Term ", "-15", signal.SIGTERM]
)
def test_every_spelling_of_a_signal(word):
    assert values.parse_signal(word) == 15


@given(st.sampled_from(sorted(signal.Signals)))
def test_each_signal_by_name_and_number(number):
    for spelling in (
        number.name,
        number.name.lower(),
        number.name.removeprefix("SIG"),
        str(int(number)),
        int(number),
    ):
        assert values.parse_signal(spelling) == number


@pytest.mark.parametrize("word", ["COLOUR", "", "SIG", 0, -1, signal.NSIG, "0", "99", None, True, 1.5])
def test_not_a_signal(word):
    with pytest.raises(ValueError, match="is not a signal; write a name such as SIGTERM"):
        values.parse_signal(word)


@given(NOTHING)
def test_a_signal_is_a_signal_or_refused(value):
    try:
        number = values.parse_signal(value)
    except ValueError:
        return
    assert 0 < number < signal.NSIG


@pytest.mark.parametrize(
    ("text", "mask"), [("022", 0o22), ("0o022", 0o22), ("22", 0o22), (" 077 ", 0o77), (18, 18)]
)
def test_a_mode_is_octal(text, mask):
    assert parse(values.Mode, text) == mask


@pytest.mark.parametrize("text", ["9", "rw", "0x12", "-1", 0o10000])
def test_a_mode_out_of_range_or_not_octal(text):
    with pytest.raises(ValidationError):
        parse(values.Mode, text)


@pytest.mark.parametrize(
    ("given_", "kept"), [("0", 0), ("www", "www"), (" 12 ", 12), (0, 0), ("", None), (None, None)]
)
def test_root_is_a_principal_like_any_other(given_, kept):
    assert parse(values.Principal, given_) == kept


@pytest.mark.parametrize(
    ("given_", "kept"), [("a b", "a b"), (["a", 1], ("a", "1")), (("a",), ("a",)), ([], ())]
)
def test_args(given_, kept):
    assert parse(values.Args, given_) == kept


@pytest.mark.parametrize("word", ["", "infinity", "UNLIMITED", "-1", "none", -1, None])
def test_no_limit(word):
    assert parse(values.LimitValue, word) is None


@pytest.mark.parametrize(("word", "number"), [("100", 100), (" 100 ", 100), (0, 0), ("0", 0)])
def test_limit(word, number):
    assert parse(values.LimitValue, word) == number


@pytest.mark.parametrize("word", ["many", -2, "1.5", "-2"])
def test_not_a_limit(word):
    with pytest.raises(ValidationError):
        parse(values.LimitValue, word)


@pytest.mark.parametrize(
    ("word", "number"), [("3", 3), (" 3 ", 3), (0, 0), ("auto", "auto"), ("AUTO", "auto")]
)
def test_numprocesses(word, number):
    assert parse(values.NumProcesses, word) == number


def test_not_numprocesses():
    with pytest.raises(ValidationError, match="write a number, or auto"):
        parse(values.NumProcesses, "many")


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("true", True),
        ("no", False),
        (True, True),
        (0, False),
        ("web, Api", ("web", "api")),
        ("web", ("web",)),
        (["Web"], ("web",)),
        ("", ()),
    ],
)
def test_use_sockets(given_, kept):
    assert parse(values.UseSockets, given_) == kept


def test_socket_constants():
    kind = TypeAdapter(values.Annotated[int, values.SocketConstant("AF_")])
    assert kind.validate_python("AF_INET") == kind.validate_python("af_inet") == socket.AF_INET
    assert kind.validate_python(2) == kind.validate_python("2") == 2
    for wrong in ("SOCK_STREAM", "AF_COLOUR", "inet"):
        with pytest.raises(ValidationError, match="write a name that starts with AF_"):
            kind.validate_python(wrong)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("A=1,B=2", {"A": "1", "B": "2"}),
        ("A=b=c", {"A": "b=c"}),
        ("", {}),
        (" A =1,,", {"A": "1"}),
        ({"A": 1, "B": 1.5, "C": "$x"}, {"A": "1", "B": "1.5", "C": "$x"}),
    ],
)
def test_environment(given_, kept):
    assert parse(values.EnvMapping, given_) == kept


@pytest.mark.parametrize("wrong", ["A", {"": "x"}, {"A=B": "x"}, {"A\0": "x"}, {1: "x"}, ["A=1"], {"A": []}])
def test_not_an_environment(wrong):
    with pytest.raises(ValidationError):
        parse(values.EnvMapping, wrong)


def test_words_and_numbers():
    assert parse(values.SeparatedWords, " a  b ") == ("a", "b")
    assert parse(values.SeparatedWords, ["a b"]) == ("a b",)
    assert parse(values.Seconds, " 1.5 ") == 1.5
    assert parse(values.IntegerText, " 7 ") == 7
    for wrong in ("nan", "inf", -1, "soon"):
        with pytest.raises(ValidationError):
            parse(values.Seconds, wrong)


@pytest.mark.parametrize(
    "kind", [name for name in values.__all__ if name[0].isupper() and name != "SocketConstant"]
)
@given(value=NOTHING)
def test_no_type_raises_anything_but_a_refusal(kind, value):
    with contextlib.suppress(ValidationError):
        parse(getattr(values, kind), value)
