"""Expansion and splitting: what the variables are, what is left alone, what a shell gets."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.process.errors import SpawnError, Stage
from circus.process.expand import command, expand, unknown, variables

TABLE = variables(
    {
        "wid": 3,
        "env": {"Path": "/x", "A-b": "1", "a.b": "2", "N": None},
        "sockets": {"Web": 7},
        "uid": None,
        "args": ["x"],
        "shell": False,
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(circus.wid)", "3"),
        ("$(CIRCUS.WID)", "3"),
        ("((circus.wid))", "3"),
        ("(($(circus.wid)))", "((3))"),
        ("$(circus.env.PATH)", "/x"),
        ("$(circus.sockets.WEB) $(circus.sockets.web)", "7 7"),
        ("$(circus.sockets.no)", "$(circus.sockets.no)"),
        ("$(circus.nope)", "$(circus.nope)"),
        ("$(circus.env.a-b) $(circus.env.a.b)", "1 2"),
        ("$(circus.uid) $(circus.args) $(circus.shell)", "None ['x'] False"),
        ("$(wid)", "$(wid)"),
        ("$(circus.env.N)", "None"),
        ("$((circus.wid))", "$3"),
        ("$(circus. wid)", "$(circus. wid)"),
        ("$(circus.WiD)-((Circus.Env.pAth))", "3-/x"),
        ("$$(circus.wid)", "$3"),
        ("$(circus.env)", "$(circus.env)"),
        ("((circus.wid)", "((circus.wid)"),
        ("$(circus.wid.x)", "$(circus.wid.x)"),
        ("$(circuss.wid)", "$(circuss.wid)"),
        ("-n $WID $WID.log $WIDTH", "-n 3 3.log $WIDTH"),
    ],
)
def test_what_is_replaced_and_what_is_left(text, expected):
    assert expand(text, TABLE) == expected


def test_without_a_worker_id_the_old_form_is_left():
    assert expand("$WID", {}) == "$WID"


def test_a_value_is_not_expanded_again():
    table = variables({"wid": 1, "env": {"X": "$(circus.wid) $WID"}})
    assert expand("$(circus.env.x)", table) == "$(circus.wid) $WID"


def test_unknown_names_what_would_be_left():
    assert unknown("$(circus.nope) $(circus.wid) ((circus.no))", TABLE) == ("$(circus.nope)", "((circus.no))")


@given(st.text())
def test_text_without_a_variable_is_left_alone(text):
    if "circus." not in text.lower() and "$WID" not in text:
        assert expand(text, TABLE) == text


@given(st.text(alphabet="abz_.-019", min_size=1), st.text())
def test_both_forms_mean_the_same(name, value):
    table = variables({name: value})
    assert expand(f"$(circus.{name.upper()})", table) == expand(f"((circus.{name}))", table) == value


def argv(cmd, args=None, **options):
    return command(cmd, args, label="web.3", table=TABLE, **options)


def test_text_is_expanded_then_split():
    assert argv("run --fd $(circus.sockets.web)", "-n '$(circus.wid) x'") == ("run", "--fd", "7", "-n", "3 x")


def test_a_list_is_not_split():
    assert argv(["run", "a b"], ["$WID x", "--"]) == ("run", "a b", "3 x", "--")


def test_a_shell_gets_the_text_as_it_is_written():
    assert argv("echo $HOME | wc -c > /tmp/$WID", shell=True) == (
        "/bin/sh",
        "-c",
        "echo $HOME | wc -c > /tmp/3",
    )


def test_a_shell_gets_a_list_quoted():
    line = argv("echo", ["a b", "$HOME"], shell=True)[2]
    assert line == "echo 'a b' '$HOME'"


def test_a_shell_gets_its_own_arguments():
    assert argv("echo $0 $1", shell=True, shell_args="zero $WID")[3:] == ("zero", "3")
    assert argv("echo $0", shell=True, shell_args=["a b"], shell_path="/bin/dash") == (
        "/bin/dash",
        "-c",
        "echo $0",
        "a b",
    )


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1), min_size=1))
def test_splitting_undoes_joining(words):
    assert command(shlex.join(words), label="x", table={}) == tuple(words)


@pytest.mark.parametrize("cmd", ["run 'half", "", "  ", [], [""]])
def test_what_cannot_be_run_is_an_error_of_expansion(cmd):
    with pytest.raises(SpawnError) as caught:
        argv(cmd)
    assert caught.value.stage is Stage.EXPAND
    assert not caught.value.retryable


@pytest.mark.parametrize("cmd", ["", "  ", []])
def test_a_shell_without_a_command_is_an_error_too(cmd):
    with pytest.raises(SpawnError, match="nothing to run"):
        argv(cmd, shell=True)
