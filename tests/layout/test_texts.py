import re
import subprocess
from pathlib import Path

import pytest

from requires import ROOT

TRACKED = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    if name and (ROOT / name).is_file()
]  # fmt: skip
TEXTS = [
    path
    for path in TRACKED
    if path.suffix in {".py", ".md", ".toml", ".txt", ".ini", ".yaml", ".json", ".sh", ""}
]
LONG = {
    # Longer than 400 lines, and why it stays whole.
    "packages/circus-protocol/src/circus/protocol/options.py": "a table: every option, once",
    "tests/compat/corpus.py": "data",
    "tests/chaos/chaos.py": "one program, to be read from its top: what is done, and what must hold",
}
SHRINKING = {
    # Too long, and not allowed to grow: their lines when this was written. Split them when you work on them.
    "packages/circus-arbiter/src/circus/arbiter/compat.py": 704,
    "packages/circus-arbiter/src/circus/arbiter/engine.py": 487,
    "packages/circus-arbiter/src/circus/config/model.py": 407,
    "packages/circus-process/src/circus/process/compat.py": 426,
    "packages/circus-process/src/circus/stream/files.py": 408,
    "packages/circus-process/src/circus/stream/pump.py": 457,
    "packages/circus-process/tests/stream/test_pump.py": 411,
    "packages/circus-watcher/src/circus/watcher/compat.py": 442,
    "packages/circus-watcher/src/circus/watcher/hands.py": 487,
    "packages/circus-watcher/src/circus/watcher/machine.py": 536,
    "packages/circus-watcher/src/circus/watcher/runner.py": 865,
    "packages/circus-watcher/tests/test_runner.py": 723,
}
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|X{3}")
PLACES = re.compile("/" + r"work/(?:main|wt-|shared)|/ro" + r"ot/\.|devpi|artifactory|index" + "-url")
SELF = Path(__file__)
READMES = sorted(ROOT.glob("packages/*/README.md"))


def _name(path):
    return str(path.relative_to(ROOT))


def test_no_file_is_long_without_a_reason():
    lines = {_name(path): len(path.read_text().splitlines()) for path in TRACKED if path.suffix == ".py"}
    assert [
        name for name, count in lines.items() if count > SHRINKING.get(name, 400) and name not in LONG
    ] == []


def test_nothing_is_left_for_later():
    assert [_name(path) for path in TEXTS if UNFINISHED.search(path.read_text(errors="replace"))] == []


def test_no_file_names_the_machine_it_was_written_on():
    assert [
        _name(path) for path in TEXTS if path != SELF and PLACES.search(path.read_text(errors="replace"))
    ] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_each_readme_has_a_title_a_reason_and_an_example(readme):
    text = readme.read_text()
    assert text.startswith(f"# {readme.parent.name}\n")
    assert "```" in text, "the smallest example"
    assert len(text.split("```")[0].split()) > 30, "what it is and why"


def test_each_package_is_typed():
    for folder in ROOT.glob("packages/*/src/circus/*/"):
        if (folder / "__init__.py").exists():
            assert Path(folder / "py.typed").exists(), folder
