import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from readme_renderer import markdown

from parts.completions import PLACES
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


@pytest.fixture(scope="module")
def sdists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdists")
    for name in MODULES:
        _run(
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "sdist",
            "-d",
            folder,
            cwd=ROOT / "packages" / name,
        )
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.tar.gz")) for name in MODULES}


def _names(wheel):
    return zipfile.ZipFile(wheel).namelist()


def _text(wheel, end):
    """The one file whose name ends so; empty where there is none."""
    found = [name for name in _names(wheel) if name.endswith(end)]
    assert len(found) <= 1, found
    return zipfile.ZipFile(wheel).read(found[0]).decode() if found else ""


def _commands(wheel):
    lines = _text(wheel, ".dist-info/entry_points.txt").splitlines()
    return sorted(line.split("=")[0].strip() for line in lines if "=" in line)


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


@pytest.mark.parametrize("name", MODULES)
def test_what_a_wheel_says_of_itself(wheels, name):
    found = Metadata.from_email(_text(wheels[name], ".dist-info/METADATA"), validate=True)
    assert found.license_expression == "Apache-2.0"
    assert found.license_files == ["LICENSE"]
    assert _text(wheels[name], "/licenses/LICENSE") == (ROOT / "LICENSE").read_text()
    assert found.description_content_type == "text/markdown"
    assert markdown.render(found.description), "an index could not show the README"
    assert "Typing :: Typed" in found.classifiers


def test_the_extras_bring_what_they_say(wheels):
    found = Metadata.from_email(_text(wheels["circus-arbiter"], ".dist-info/METADATA"), validate=True)
    extras = {extra: set() for extra in found.provides_extra}
    for needed in found.requires_dist:
        for extra, names in extras.items():
            if needed.marker is not None and needed.marker.evaluate({"extra": extra}):
                names.add(needed.name)
    assert extras == {
        "all": {"circus-top", "circus-web", "redis"},
        "redis": {"redis"},
        "top": {"circus-top"},
        "web": {"circus-web"},
    }


def test_each_command_has_its_manual_page_and_completion_files(wheels):
    for name, wheel in wheels.items():
        commands = _commands(wheel)
        shared = sorted(file.partition(".data/data/")[2] for file in _names(wheel) if ".data/data/" in file)
        places = ["share/man/man1/{}.1", *PLACES.values()]
        assert shared == sorted(place.format(command) for command in commands for place in places), name


def test_the_console_has_its_page_and_the_libraries_of_it(wheels):
    static = {file.partition("/static/")[2] for file in _names(wheels["circus-web"]) if "/static/" in file}
    assert {"index.html", "vendor/preact.js", "vendor/preact.LICENSE"} <= static


@pytest.mark.parametrize("name", MODULES)
def test_a_wheel_made_from_the_sdist_is_the_same(wheels, sdists, name, tmp_path):
    with tarfile.open(sdists[name]) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "made", cwd=folder)
    (made,) = (tmp_path / "made").iterdir()
    whole, again = zipfile.ZipFile(wheels[name]), zipfile.ZipFile(made)
    assert sorted(whole.namelist()) == sorted(again.namelist())
    assert [file for file in whole.namelist() if whole.read(file) != again.read(file)] == []


def test_each_command_starts_where_all_are_installed(wheels, tmp_path):
    environment = Environment(tmp_path / "env")
    environment.install(*wheels.values())
    for name, wheel in wheels.items():
        version = Metadata.from_email(_text(wheel, ".dist-info/METADATA"), validate=True).version
        for command in _commands(wheel):
            said = _run(environment.site / "bin" / command, "--version", cwd=tmp_path)
            assert str(version) in said, (name, command)
    assert (environment.site / "share" / "man" / "man1" / "circusd.1").exists()
    assert (environment.site / "share" / "bash-completion" / "completions" / "circusctl").exists()


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
