"""The examples of the README run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from circus.config import check

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.real
@pytest.mark.slow
def test_the_library_example_prints_what_it_says():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "{'sleepers': 'active'} 4\n"), done.stderr


def test_the_configuration_is_right(tmp_path):
    (example,) = re.findall(r"```ini\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "circus.ini"
    path.write_text(example)
    report = check(path)
    assert report.ok, report.render()
    assert report.problems == ()
