"""What is generated is what the code says today."""

import json
import re
import subprocess

import pytest
from pydantic import ValidationError

import generate
from circus.config import check
from circus.ctl.table import COMMANDS
from circus.protocol.messages import REQUESTS
from circus.protocol.replies import REPLIES, ErrorReply, OkReply
from circus.watcher.machine import TRANSITIONS, State
from parts import commands, manpages, options, states
from requires import ROOT, needs_program

MESSAGES = json.loads(commands.EXAMPLES.read_text())


def test_nothing_generated_is_stale():
    assert [str(path.relative_to(ROOT)) for path in generate.stale()] == [], "run: make docs"


def test_every_part_stands_in_a_page():
    pages = "".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    made = {name for module in generate.MODULES for name in module.PARTS}
    assert made - set(re.findall(r"<!-- generated: ([\w-]+) -->", pages)) == set()


def test_the_file_with_every_option_is_right():
    report = check(options.EVERY_OPTION)
    assert [str(problem) for problem in report.problems if "nothing matches" not in str(problem)] == []


@pytest.mark.parametrize("word", sorted(REQUESTS))
def test_an_example_of_a_message_is_one(word):
    request, reply = MESSAGES[word]["request"], MESSAGES[word]["reply"]
    assert request["command"] == word
    REQUESTS[word].model_validate(request["properties"])
    models = (ErrorReply,) if reply["status"] == "error" else REPLIES.get(word, (OkReply,))
    assert any(_fits(model, reply) for model in models)


def _fits(model, reply):
    try:
        model.model_validate(reply)
    except ValidationError:
        return False
    return True


def test_every_state_has_a_place_in_the_picture():
    drawn = states.picture()
    assert all(f">{state.name}<" in drawn for state in State)
    assert all(row.event.__name__ in drawn for row in TRANSITIONS if row.targets != {row.state})


@needs_program("man", debian="man-db")
@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", manpages.PACKAGES)
def test_a_manual_page_is_set_without_a_complaint(name):
    page = ROOT / "packages" / manpages.PACKAGES[name] / "man" / f"{name}.1"
    done = subprocess.run(
        ["man", "--warnings=all", "-l", page], capture_output=True, text=True, check=False, timeout=20
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "NAME" in done.stdout
    assert name != "circusctl" or all(word in done.stdout for word in COMMANDS if not COMMANDS[word].hidden)
