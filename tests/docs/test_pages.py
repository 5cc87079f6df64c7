"""What the manual and the READMEs print is what happens."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from circus.config import check
from circus.ctl.table import COMMANDS
from pages import LANGUAGES, blocks, steps
from requires import ROOT, needs_daemon, needs_program
from run_page import isolated

PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
PAGES = [page for page in PAGES if "_site" not in page.parts]
BLOCKS = [block for page in PAGES for block in blocks(page)]
RUNNABLE = ("python", "console")
LIVE = [
    page
    for page in PAGES
    if any(
        block.language in RUNNABLE and block.skipped is None and block.file is None for block in blocks(page)
    )
]
SUPPORT = ROOT / "tests" / "support"


def _name(value):
    return str(getattr(value, "relative_to", lambda _: value)(ROOT))


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_of_a_kind_that_is_tested(block):
    assert block.language in LANGUAGES, f"{block}: say what it is"
    assert not block.words or re.match(r"file=\S+$|background( as .+)?$|output$|skip: .{8,}", block.words), (
        block.words
    )


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.language in {"ini", "toml"} and not b.skipped], ids=str
)
def test_a_configuration_is_right(block, tmp_path):
    path = tmp_path / f"circus.{block.language}"
    path.write_text(block.text)
    report = check(path, environ={"HOME": "/home/me", "PATH": "/usr/bin", "VIRTUAL_ENV": "/srv/venv"})
    missing = [problem for problem in report.problems if "nothing matches" not in str(problem)]
    assert missing == [], report.render()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=str)
def test_json_is_json(block):
    json.loads(block.text)


@pytest.mark.real
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "sh"], ids=str)
def test_a_script_can_be_parsed(block):
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in {"sh", "console"}], ids=str)
def test_the_verbs_of_circusctl_exist(block):
    for verb in re.findall(r"(?m)^(?:\$ )?circusctl ([a-z][\w-]*)", block.text):
        assert verb in COMMANDS, verb


def test_all_python_can_be_parsed():
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, str(block), "exec")


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(120)
@needs_daemon()
@needs_program("unshare", debian="util-linux")
@pytest.mark.parametrize("page", LIVE, ids=_name)
def test_a_page_does_what_it_says(page, tmp_path):
    if subprocess.run(isolated("true"), capture_output=True, check=False).returncode != 0:
        pytest.skip("no namespaces here: run the tests as root, or allow user namespaces")
    done = subprocess.run(
        isolated(sys.executable, SUPPORT / "run_page.py", page),
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _environment():
    import os

    return {**os.environ, "PYTHONPATH": str(SUPPORT)}


def test_each_verb_of_circusctl_is_shown_in_the_manual():
    """A transcript, or a line of a script; `reference/` has the help of each anyway."""
    shown = {
        word
        for block in BLOCKS
        if block.language in {"console", "sh"}
        for step in (steps(block.text) if block.language == "console" else ())
        for word in re.findall(r"circusctl (?:-\S+ )*([a-z][\w-]*)", step.command)
    }
    visible = {name for name, command in COMMANDS.items() if not command.hidden}
    assert visible - shown == set()


def test_pages_that_are_linked_from_elsewhere_are_there():
    names = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", (ROOT / "README.md").read_text())
    assert [name for name in names if not Path(ROOT / name).exists()] == []
