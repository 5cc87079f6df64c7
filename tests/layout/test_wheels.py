import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from requires import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300), pytest.mark.xdist_group("wheels")]

MODULES = {
    "circus-protocol": ("circus.protocol", "circus.exc"),
    "circus-process": ("circus.process", "circus.stream"),
    "circus-sockets": ("circus.sockets",),
    "circus-watcher": ("circus.watcher",),
    "circus-ctl": ("circus.client", "circus.ctl"),
    "circus-arbiter": ("circus", "circus.arbiter", "circus.config", "circus.circusd"),
    "circus-top": ("circus.top",),
    "circus-web": ("circus.web",),
}
NEEDS = {
    "circus-protocol": (),
    "circus-process": (),
    "circus-sockets": (),
    "circus-watcher": ("circus-process", "circus-sockets", "circus-protocol"),
    "circus-ctl": ("circus-protocol",),
    "circus-arbiter": ("circus-process", "circus-sockets", "circus-watcher", "circus-protocol", "circus-ctl"),
    "circus-top": ("circus-ctl", "circus-protocol"),
    "circus-web": ("circus-ctl", "circus-protocol"),
}
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def _run(*words, **more):
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=120, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    _run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "-w", folder,
        *(ROOT / "packages" / name for name in MODULES),
    )  # fmt: skip
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in MODULES}


class Environment:
    """A fresh environment: none of the workspace's sources, but its third-party libraries.

    Those are added by a .pth file that comes last; it is not processed for further .pth files, so that what is
    installed editable in the workspace stays out of reach.
    """

    def __init__(self, folder):
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.site,) = (folder / "lib").glob("python*/site-packages")
        libraries = next(path for path in sys.path if path.endswith("site-packages"))
        (self.site / "third_party.pth").write_text(f"{libraries}\n")

    def install(self, *wheels):
        _run(
            sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-index", "--no-deps",
            "--ignore-installed", "--target", self.site, "--upgrade", *wheels,
        )  # fmt: skip

    def imports(self, *modules):
        code = (
            "import importlib\n"
            f"for name in {modules!r}:\n"
            "    file = importlib.import_module(name).__file__\n"
            f"    assert (file or '').startswith({str(self.site)!r}), file"
        )
        _run(self.python, "-c", code, cwd="/")

    def lacks(self, module):
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
        _run(self.python, "-c", code, cwd="/")


@pytest.mark.parametrize("name", MODULES)
def test_what_a_wheel_holds(wheels, name):
    files = zipfile.ZipFile(wheels[name]).namelist()
    assert ("circus/__init__.py" in files) == (name == "circus-arbiter")
    assert not [
        file for file in files if "test" in Path(file).parts[0] or "/tests/" in file or "golden" in file
    ]
    for folder in {
        str(Path(file).parent) for file in files if file.count("/") == 2 and file.startswith("circus/")
    }:
        if folder.count("/") == 1:
            assert f"{folder}/py.typed" in files, folder
    (metadata,) = (file for file in files if file.endswith("/METADATA"))
    assert f"Name: {name}\n" in zipfile.ZipFile(wheels[name]).read(metadata).decode()


def test_each_command_has_its_manual_page(wheels):
    for name, wheel in wheels.items():
        files = zipfile.ZipFile(wheel).namelist()
        (points,) = [file for file in files if file.endswith("/entry_points.txt")] or [None]
        text = zipfile.ZipFile(wheel).read(points).decode() if points else ""
        commands = [line.split("=")[0].strip() for line in text.splitlines() if "=" in line]
        pages = [file.rpartition("/")[2] for file in files if "/share/man/man1/" in file]
        assert sorted(pages) == sorted(f"{command}.1" for command in commands), name


def test_no_file_is_in_two_wheels(wheels):
    seen = {}
    for name, wheel in wheels.items():
        for file in zipfile.ZipFile(wheel).namelist():
            if file.startswith("circus/"):
                assert file not in seen, f"{file} is in {name} and {seen[file]}"
                seen[file] = name


@pytest.mark.parametrize("name", MODULES)
def test_a_wheel_is_imported_alone(wheels, name, tmp_path):
    environment = Environment(tmp_path / "env")
    environment.install(wheels[name], *(wheels[needed] for needed in NEEDS[name]))
    environment.imports(*MODULES[name])
    for other in set(MODULES) - {name, *NEEDS[name]}:
        environment.lacks(MODULES[other][-1])


def test_uninstalling_one_leaves_the_others(wheels, tmp_path):
    environment = Environment(tmp_path / "env")
    environment.install(wheels["circus-arbiter"], *(wheels[needed] for needed in NEEDS["circus-arbiter"]))
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment.python,
        "uninstall",
        "--quiet",
        "-y",
        "circus-arbiter",
    )
    environment.lacks("circus.arbiter")
    environment.imports(
        "circus.process", "circus.sockets", "circus.watcher", "circus.client", "circus.protocol"
    )
