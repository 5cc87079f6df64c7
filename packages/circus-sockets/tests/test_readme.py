import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.real
@pytest.mark.slow
def test_the_example_runs_as_it_stands():
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("<BoundSocket 'web' at 127.0.0.1:")


@pytest.mark.real
def test_the_layer_is_light():
    code = "import sys, circus.sockets; print(sorted({'pydantic', 'zmq', 'psutil'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
