"""Lines: the result depends on the bytes, never on the chunks."""

from hypothesis import given
from hypothesis import strategies as st

from circus.stream.lines import LineCutter, LinePrefixer, character_cut

pieces = st.lists(
    st.one_of(st.binary(max_size=12), st.text("aé€😀\n", max_size=8).map(str.encode), st.just(b"\n")),
    max_size=20,
)


def test_a_cutter_lets_whole_lines_through_and_holds_the_rest():
    cutter = LineCutter()
    assert cutter.feed(b"one\ntw") == b"one\n"
    assert cutter.feed(b"o") == b""
    assert cutter.held == 3
    assert cutter.feed(b"\nthree") == b"two\n"
    assert cutter.take() == b"three"
    assert cutter.held == 0


@given(pieces, st.integers(4, 40))
def test_a_cutter_changes_no_byte_and_holds_no_more_than_its_limit(chunks: list[bytes], limit: int):
    cutter = LineCutter(limit)
    out = []
    for chunk in chunks:
        out.append(cutter.feed(chunk))
        assert cutter.held <= limit
    assert b"".join(out) + cutter.take() == b"".join(chunks)


@given(pieces)
def test_what_passes_a_cutter_ends_a_line(chunks: list[bytes]):
    cutter = LineCutter(1000)
    assert all(not (out := cutter.feed(chunk)) or out.endswith(b"\n") for chunk in chunks)


@given(st.lists(st.text("aé€😀", min_size=1, max_size=9), max_size=20), st.integers(4, 16))
def test_an_overlong_line_is_cut_between_characters(texts: list[str], limit: int):
    cutter = LineCutter(limit)
    for text in texts:
        cutter.feed(text.encode()).decode()
    cutter.take().decode()


def expected(data: bytes, prefix: bytes) -> bytes:
    lines = data.split(b"\n")
    last = lines.pop()
    return b"".join(prefix + line + b"\n" for line in lines) + (prefix + last if last else b"")


@given(pieces, st.binary(max_size=5))
def test_each_line_gets_one_prefix_however_it_was_chunked(chunks: list[bytes], prefix: bytes):
    prefixer = LinePrefixer()
    assert b"".join(prefixer.feed(chunk, prefix) for chunk in chunks) == expected(b"".join(chunks), prefix)


@given(st.text("aé€😀\n"), st.integers(1, 7))
def test_no_character_is_damaged_by_a_prefix(text: str, size: int):
    data = text.encode()
    prefixer = LinePrefixer()
    out = b"".join(prefixer.feed(data[at : at + size], b"> ") for at in range(0, len(data), size))
    assert out.decode() == expected(data, b"> ").decode()


@given(st.text("aé€😀"), st.integers(0, 30))
def test_a_character_cut_never_splits_and_gives_up_little(text: str, at: int):
    data = text.encode()
    cut = character_cut(data, at)
    assert min(at, len(data)) - 3 <= cut <= at
    data[:cut].decode()


def test_bytes_that_are_no_text_are_cut_where_asked():
    assert character_cut(b"\x80" * 10, 6) == 6
