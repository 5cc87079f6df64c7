import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circus.config import check, read_config
from circus.config.toml import is_toml, parse_toml

TEXT = """\
[circus]
check_delay = 2.5

[env."a,b*"]
X = 1

[watcher.web]
cmd = "x"
args = [
  "--one",
]
rlimits.nofile = 10
hooks = { before_start = "a.b" }

[watcher.web.stdout_stream]
class = "FileStream"

[watcher."my app"]
cmd = "y"
"""


def test_names_are_those_of_the_ini_dialect_and_lines_are_known():
    sections, problems = parse_toml(TEXT, "f.toml")
    assert problems == ()
    assert [(s.name, s.origin.line) for s in sections] == [
        ("circus", 1),
        ("env:a,b*", 4),
        ("watcher:web", 7),
        ("watcher:my app", 18),
    ]
    assert [(e.name, e.value, e.origin.line) for e in sections[2].entries] == [
        ("cmd", "x", 8),
        ("args", ["--one"], 9),
        ("rlimit_nofile", 10, 12),
        ("hooks.before_start", "a.b", 13),
        ("stdout_stream.class", "FileStream", 16),
    ]


def test_typed_values_reach_the_model(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(TEXT)
    config = read_config(path, environ={})
    web = config.watcher("WEB")
    assert web.options.args == ("--one",)
    assert web.options.rlimits == {"nofile": 10}
    assert web.options.hooks["before_start"].target == "a.b"
    assert web.options.env == {}
    assert config.arbiter.check_delay == 2.5


def test_the_content_decides_where_the_suffix_does_not(tmp_path):
    path = tmp_path / "circusd"
    path.write_text(TEXT)
    assert read_config(path, environ={}).watcher("web") is not None
    path.write_text("[watcher:web]\ncmd = x\n")
    assert read_config(path, environ={}).watcher("web") is not None
    assert is_toml(TEXT)
    assert not is_toml("a = 1\n")


def test_what_is_not_toml_is_one_problem_with_its_line():
    _, (problem,) = parse_toml("[a]\nb =\n", "f.toml")
    assert str(problem) == "f.toml:2: error: this is not TOML: invalid value"


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["[watcher]", "[watcher.a]", "[env]", "a = 1", "b = {}", "[[x]]", "[watcher.a.hooks]"]
        )
    ).map("\n".join)
)
@example("[watcher]\na = 1")
@example("[[circus]]\na = 1")
@example("[watcher.a]\nenv = 5\nhooks = 1\nrlimits = []\nstdout_stream = 'x'")
@example("a." * 200 + "b = 1")
@example("a = " + "[" * 5000)
@example("a = " + "9" * 5000)
def test_no_text_raises(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    report = check(path, environ={})
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        assert not report.ok
