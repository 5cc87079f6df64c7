import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.config import read_config
from circus.config.expand import shell_variables, substitute

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,5}", fullmatch=True)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(NAMES, st.text())
def test_a_variable_is_replaced_once_and_its_value_is_literal(name, value):
    for form in (f"$(circus.env.{name.lower()})", f"((CIRCUS.ENV.{name}))"):
        assert substitute(f"<{form}>", {name: value}) == f"<{value}>"


@settings(deadline=None)
@given(st.text())
def test_a_text_without_variables_stays(text):
    assert substitute(text, {"A": "x"}) == text or "circus.env." in text.lower()


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, st.text()), st.text("$ABC_{}() "))
def test_shell_variables_come_from_the_process_alone(environ, text):
    assert "$A" not in shell_variables(text, dict.fromkeys(environ, ""))


def config(tmp_path, text, **environ):
    path = tmp_path / "c.ini"
    path.write_text(text)
    return read_config(path, environ=environ)


def test_copied_variables_are_literal(tmp_path):
    made = config(
        tmp_path, "[watcher:a]\ncmd = x\ncopy_env = 1\n[env:a]\nB = $SECRET\n", SECRET=" pa$SSword "
    )
    assert made.watchers[0].options.env == {"B": "pa$SSword"}
    assert made.watchers[0].options.copy_env


def test_the_environment_of_a_watcher(tmp_path):
    text = "[watcher:a]\ncmd = $(circus.env.path)\n[env]\nX = 1\n[env:a]\nPATH = $PATH:/opt\nX = 2\n"
    made = config(tmp_path, text, PATH="/bin")
    assert made.env == {"X": "1"}
    assert made.watchers[0].options.env == {"X": "2", "PATH": "/bin:/opt"}
    assert made.watchers[0].options.cmd == "/bin:/opt"
