"""The README's examples run, and print what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
EXAMPLES = [
    code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "circus.process" in code
]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "printed"), [(0, "WORKER 1\n0\n"), (1, re.findall(r"```text\n(.*?)```", README, re.DOTALL)[0])]
)
def test_examples(number, printed):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (printed, "")


def test_every_example_is_tested():
    assert len(EXAMPLES) == 2
