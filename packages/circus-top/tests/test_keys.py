"""Bytes of a terminal to keys."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.top.keys import decode


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B", ["up", "down"]),
        (b"\x1bOA", ["up"]),
        (b"\x1b[5~\x1b[6~", ["pgup", "pgdn"]),
        (b"\x1b[1;5C", []),
        (b"\r\x7f \x03", ["enter", "backspace", "space", "ctrl-c"]),
        ("é€".encode(), ["é", "€"]),
        (b"\xff", []),
        (b"\x1bq", ["esc", "q"]),
    ],
)
def test_keys(data: bytes, keys: list[str]):
    assert decode(data) == (keys, b"")


def test_an_escape_waits_for_more():
    assert decode(b"\x1b") == ([], b"\x1b")
    assert decode(b"\x1b[") == ([], b"\x1b[")
    assert decode(b"\x1b", final=True) == (["esc"], b"")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=6), max_size=8))
def test_it_does_not_matter_how_the_bytes_are_cut(parts: list[bytes]):
    whole, rest = decode(b"".join(parts))
    keys: list[str] = []
    left = b""
    for part in parts:
        found, left = decode(left + part)
        keys += found
    assert (keys, left) == (whole, rest)
    assert decode(rest, final=True)[1] == b""
