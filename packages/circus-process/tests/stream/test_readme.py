"""The example of the README runs and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.real
def test_the_example_prints_what_it_says(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    section = readme[readme.index("## Output streams") :]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code
    shown = re.findall(r"print\(.*\)  # (.*)", code[1])
    done = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == shown
    assert (tmp_path / "out.log").read_text() == "hello\n"
