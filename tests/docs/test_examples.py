"""The examples that are not run as pages (`test_pages.py` runs their READMEs) are right all the same."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from circus.config import check
from parts.examples import container_words
from requires import OURS, ROOT, needs_daemon, needs_program
from run_page import isolated

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
@pytest.mark.slow
@needs_daemon()
@needs_program("unshare", debian="util-linux")
@needs_program("curl")
def test_the_container_serves_with_circusd_as_process_1(tmp_path):
    """All but the base image and pip: the files in one folder, the entry point as process 1 of namespaces of its own."""
    if subprocess.run(isolated("true"), capture_output=True, check=False).returncode != 0:
        pytest.skip("no namespaces here: run the tests as root, or allow user namespaces")
    folder = tmp_path / "app"
    shutil.copytree(EXAMPLES / "container", folder)
    config = folder / "circus.ini"
    config.write_text(config.read_text().replace("ipc:///tmp/", f"ipc://{tmp_path}/"))
    support = ROOT / "tests" / "support"
    name, _, value = container_words((folder / "Containerfile").read_text())["ENV"][0].partition("=")
    done = subprocess.run(
        isolated(sys.executable, support / "run_container.py", EXAMPLES / "container" / "Containerfile"),
        cwd=folder,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("CIRCUS", "PYTHON"))},
            "PATH": f"{OURS}:{os.environ['PATH']}",
            "PYTHONPATH": f"{support}:{ROOT / 'docs'}",
            "XDG_RUNTIME_DIR": str(tmp_path),
            name: value.replace("ipc:///tmp/", f"ipc://{tmp_path}/"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=35,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [
        line for line in done.stdout.splitlines() if line.startswith("> ")
    ]  # the workers write there, too
    assert re.fullmatch("> 0 active\n> 0 .*\n> 0 hello from pid [0-9]+", "\n".join(seen)), (
        done.stdout + done.stderr
    )


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
