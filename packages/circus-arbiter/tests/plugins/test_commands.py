import pytest

from circus.commands import get_commands
from circus.protocol.messages import REQUESTS


def test_every_command_is_there_and_says_what_it_does():
    commands = get_commands()
    assert commands.keys() == REQUESTS.keys()
    assert all(command.short and "\n" not in command.short for command in commands.values())
    assert commands["set"].properties == ["name", "options"]


@pytest.mark.parametrize(
    ("command", "words", "opts", "properties"),
    [
        ("incr", ("web", 2), {}, {"name": "web", "nb": 2}),
        ("stop", ("web",), {"waiting": True, "match": None}, {"name": "web", "waiting": True}),
        ("stop", (), {}, {}),
        ("signal", ("web", "HUP"), {}, {"name": "web", "signum": "HUP"}),
        ("signal", ("web", "12", "HUP"), {}, {"name": "web", "signum": "HUP", "pid": 12}),
        ("kill", ("web", "12"), {"signum": None}, {"name": "web", "pid": 12}),
        ("get", ("web", "a", "b"), {}, {"name": "web", "keys": ["a", "b"]}),
        ("set", ("web", "a", "1", "b", "2"), {}, {"name": "web", "options": {"a": "1", "b": "2"}}),
        ("add", ("web", "sleep", 5), {"start": True}, {"name": "web", "cmd": "sleep 5", "start": True}),
    ],
)
def test_words_become_requests_that_the_daemon_understands(command, words, opts, properties):
    message = get_commands()[command].message(*words, **opts)
    assert message == {"command": command, "properties": properties}
    REQUESTS[command].model_validate(message["properties"])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("incr", ()),
        ("incr", range(9)),
        ("set", ("web", "a")),
        ("signal", ("web",)),
        ("stop", ("a", "b")),
        ("get", ("a",)),
    ],
)
def test_too_few_or_too_many_words_are_refused(command, words):
    with pytest.raises(ValueError, match=r"missing|too many|say|enough"):
        get_commands()[command].message(*words)
