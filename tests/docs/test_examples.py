"""The examples that are not run as pages (`test_pages.py` runs their READMEs) are right all the same."""

import re
import subprocess

import pytest

from circus.config import check
from parts.examples import container_words
from requires import ROOT, needs_program

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.rglob("*.ini")), ids=lambda path: str(path.relative_to(EXAMPLES))
)
def test_a_configuration_is_right(path):
    report = check(path, environ={"PATH": "/usr/bin"})
    assert report.problems == (), report.render()


def test_each_folder_is_listed_and_tells_its_command():
    listed = (EXAMPLES / "README.md").read_text()
    for folder in sorted(path for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"):
        assert f"`{folder.name}/`" in listed, folder
        assert (
            folder.name == "quickstart"
            or list(folder.glob("README.md"))
            or list(folder.glob("Containerfile"))
        )


def test_the_container_copies_and_runs_what_is_there():
    folder = EXAMPLES / "container"
    words = container_words((folder / "Containerfile").read_text())
    assert [name for name in words["COPY"][0].split()[:-1] if not (folder / name).exists()] == []
    assert words["ENTRYPOINT"] == ['["circusd", "circus.ini"]']
    config = check(folder / "circus.ini", environ={}).config
    assert config is not None
    port = config.sockets[0].options.port if hasattr(config.sockets[0], "options") else config.sockets[0].port
    assert words["EXPOSE"] == [str(port)]


@pytest.mark.real
@needs_program("systemd-analyze", debian="systemd")
def test_systemd_takes_the_unit(tmp_path):
    # The programs of the unit are not installed here: any that exist do for the check.
    unit = (EXAMPLES / "systemd" / "circus.service").read_text()
    path = tmp_path / "circus.service"
    path.write_text(re.sub(r"/opt/circus/bin/\w+", "/bin/true", unit))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")
