import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.ctl.arguments import arrange

WORDS = st.lists(
    st.sampled_from(
        ["status", "add", "web", "--json", "--endpoint", "--timeout=2", "-o", "--waiting", "--", "-9", "wait"]
    )
)


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ("status", "status"),
        ("--json status web", "--json status web"),
        ("status web --json", "--json status web"),
        ("status --endpoint x web -o json", "--endpoint x -o json status web"),
        ("status --endpoint=x", "--endpoint=x status"),
        ("--help stop", "stop --help"),
        ("stop --help", "stop --help"),
        ("--help", "--help"),
        ("-h stop", "stop --help"),
        ("add web python -m http.server --json", "add web python -m http.server --json"),
        ("add --start --json web python --timeout 3", "--json add --start web python --timeout 3"),
        ("add -- web --json", "add -- web --json"),
        ("wait web --timeout 3 --json", "--json wait web --timeout 3"),
        ("--timeout 9 wait web", "--timeout 9 wait web"),
        ("signal d -9 --json", "--json signal d -9"),
        ("--ssh_keyfile k list --ssh h", "--ssh_keyfile k --ssh h list"),
        ("list --endpoint", "--endpoint list"),
    ],
)
def test_global_options_may_stand_anywhere(line: str, argv: str):
    assert arrange(line.split()).argv == argv.split()


@given(WORDS)
def test_no_word_is_lost_or_made_up(words: list[str]):
    line = arrange(words)
    assert sorted(line.argv) == sorted(words)


@given(WORDS)
def test_arranging_again_changes_nothing(words: list[str]):
    line = arrange(words)
    if line.options and line.options[-1] in {"--endpoint", "-o"}:
        return  # its value is missing: typer says so
    assert arrange(line.argv).argv == line.argv
