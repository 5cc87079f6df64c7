import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circus.config import check
from circus.config.ini import decode, parse_ini

LINES = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                "[a]",
                "[watcher:x]",
                "[DEFAULT]",
                "[env]",
                "[socket:s]",
                "a = b",
                " c",
                "\t; d",
                "rem e",
                "= f",
                "[",
                "cmd=x ;y",
            ]
        ),
    )
)


def read(text):
    sections, problems = parse_ini(text, "f.ini", options=frozenset({"args"}))
    return [(s.name, [(e.name, e.value, e.origin.line) for e in s.entries]) for s in sections], problems


def test_every_entry_knows_its_line():
    sections, problems = read("# c\n[a]\nx = 1\n\ny: 2 ; c\n  more\n[b]\n")
    assert sections == [("a", [("x", "1", 3), ("y", "2\nmore", 5)]), ("b", [])]
    assert problems == ()


def test_newlines_of_all_kinds_and_nothing_else_end_a_line():
    sections, _ = read("[a]\rx = 1\r\ny = a\x0bb\x1cc\u2028d\n")
    assert sections == [("a", [("x", "1", 2), ("y", "a\x0bb\x1cc\u2028d", 3)])]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a=b", "b"),
        ("a = b = c : d", "b = c : d"),
        ("a:b=c", "b=c"),
        ("a = ;b", ";b"),
        ("a = b ;c", "b"),
        ("a = b;c ;d", "b;c ;d"),
        ('a = ""', ""),
        ('a = "b"', '"b"'),
        ("a =", ""),
        ("a = b # c", "b # c"),
    ],
)
def test_values(line, value):
    sections, problems = read(f"[s]\n{line}\n")
    assert sections == [("s", [("a", value, 2)])]
    assert problems == ()


def test_what_is_wrong_is_said_with_its_line():
    _, problems = read("x\n[a]\nnothing\n= y\nb = c\n  args = 1\n  # d\n")
    assert [problem.origin.line for problem in problems] == [1, 3, 4, 6, 7]
    assert str(problems[3]) == (
        "f.ini:6: warning: [a]: this line is indented, so it continues the value of b; args is not set"
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(LINES)
def test_text_never_raises_and_lines_are_lines(lines):
    text = "\n".join(lines)
    sections, problems = read(text)
    count = text.count("\n") + text.count("\r") + 1
    assert all(1 <= line <= count for _, entries in sections for _, _, line in entries)
    assert all(1 <= problem.origin.line <= count for problem in problems)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
@example(b"[watcher:a]\ncmd=\xff")
@example(b"\xef\xbb\xbf[circus]\n")
@example(b"[circus]\0")
def test_bytes_never_raise(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "fuzz.ini"
    path.write_bytes(raw)
    report = check(path, environ={})
    assert all(problem.origin is not None and problem.origin.line for problem in report.problems)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(LINES)
def test_a_configuration_of_any_lines_is_checked_to_its_end(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "fuzz2.ini"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    assert check(path, environ={"A": "$(circus.env.A)"}).render()


def test_bytes_that_are_no_text_are_named():
    _, problems = decode(b"[a]\nb = \xe9\n\0", "f")
    assert [str(problem) for problem in problems] == [
        "f:2: error: byte 0xe9 is not UTF-8: save the file in that encoding",
        "f:3: error: there is a NUL byte: this is not a text file",
    ]
