"""Run tests of the packages on built wheels, in a fresh environment of chosen versions.

    python tests/layout/fresh.py lowest            the lowest versions of the libraries that the packages allow
    python tests/layout/fresh.py newest            the newest that can be had
    python tests/layout/fresh.py pinned --python 3.12 3.13      those of constraints.txt, on other Pythons that are found

What follows ``--tests`` is for pytest, in place of all tests of the packages that are not slow. Wheels, constraints and the environment are made in a temporary
folder and removed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = sorted(ROOT.glob("packages/*/pyproject.toml"))
CHECKERS = frozenset(
    ["coverage", "furo", "hatchling", "mypy", "myst-parser", "playwright", "pyright", "readme-renderer", "ruff",
     "schemathesis", "sphinx", "types-psutil"]
)  # fmt: skip
"""Tools that look at the sources, or that tests skip without; some would dictate the libraries' versions."""
QUICK = ["packages", "-q", "-m", "not slow and not reference"]


def libraries(projects: Iterable[Mapping]) -> list[Requirement]:
    """What the packages need from elsewhere, extras included."""
    found = []
    for project in projects:
        extras = project.get("optional-dependencies", {}).values()
        found += [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]
    return [requirement for requirement in found if not requirement.name.startswith("circus-")]


def lowest(requirements: Iterable[Requirement]) -> dict[str, str]:
    """The highest of the lower bounds of each library: the lowest version with which all packages can be installed.

    Raises:
        ValueError: one has no lower bound.
    """
    bounds: dict[str, Version] = {}
    for requirement in requirements:
        lower = [Version(part.version) for part in requirement.specifier if part.operator in {">=", "=="}]
        if not lower:
            raise ValueError(f"{requirement}: which is the lowest version that works? Write >=")
        bounds[requirement.name] = max([*lower, bounds.get(requirement.name, lower[0])])
    return {name: str(version) for name, version in sorted(bounds.items())}


def constraints(choice: str, projects: list[Mapping], pinned: Mapping[str, str]) -> dict[str, str]:
    """Which version of what: tools as they are pinned, libraries as chosen."""
    wanted = libraries(projects)
    names = {requirement.name for requirement in wanted}
    tools = {name: version for name, version in pinned.items() if name not in names | CHECKERS}
    match choice:
        case "lowest":
            return {**tools, **lowest(wanted)}
        case "newest":
            return tools
        case _:
            return {**tools, **{name: pinned[name] for name in names if name in pinned}}


def _pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def _tools() -> list[str]:
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    names = [re.split(r"[\[=]", line)[0] for line in lines if line and not line.startswith("#")]
    return [name for name in names if name not in CHECKERS]


def _run(*words: str | Path, **more: object) -> None:
    subprocess.run(words, check=True, **more)


def build(folder: Path) -> None:
    """Every wheel, with the build tools of this environment."""
    _run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps",
        "-w", folder, *(project.parent for project in PROJECTS),
    )  # fmt: skip


def fill(python: str, folder: Path, choice: str) -> Path:
    """Make the environment.

    Returns:
        Its folder of programs.
    """
    projects = [tomllib.loads(path.read_text())["project"] for path in PROJECTS]
    chosen = folder / "constraints.txt"
    versions = constraints(choice, projects, _pinned())
    chosen.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
    build(folder / "wheels")
    _run(python, "-m", "venv", folder / "env")
    programs = folder / "env" / "bin"
    pip = (programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--upgrade", "pip")
    _run(*pip, "--find-links", folder / "wheels", "-c", chosen, "circus-arbiter[all]", *_tools())
    names = sorted({requirement.name for requirement in libraries(projects)})
    show = "import sys, importlib.metadata as m; print(sys.version.split()[0], *(f'{n}=={m.version(n)}' for n in sys.argv[1:]))"
    _run(programs / "python", "-c", show, *names)
    return programs


def find(python: str) -> str | None:
    """The program of a Python, by its path or its version: on the PATH, else one that pyenv has installed."""
    if "/" in python:
        return python
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = sorted(root.glob(f"versions/{python}.*/bin/python"))
    found = [shutil.which(f"python{python}"), *map(str, installed)]
    return next((path for path in found if path is not None and _runs(path)), None)


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def check(python: str, choice: str, tests: list[str]) -> int:
    """Build, install, start each command once, test.

    Returns:
        What pytest ended with.
    """
    environ = {name: text for name, text in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    with tempfile.TemporaryDirectory(prefix="circus-fresh-") as name:
        programs = fill(python, Path(name), choice)
        for project in PROJECTS:
            for command in tomllib.loads(project.read_text())["project"].get("scripts", {}):
                _run(programs / command, "--version", cwd=name, env=environ, stdout=subprocess.DEVNULL)
        words = [programs / "pytest", "-p", "no:cacheprovider", *tests]
        return subprocess.run(words, cwd=ROOT, env=environ, check=False).returncode


def main() -> int:
    """What the command line says.

    Returns:
        0 if all that was found is well, and something was found.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("choice", choices=("lowest", "newest", "pinned"))
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="paths or versions")
    parser.add_argument("--tests", nargs=argparse.REMAINDER, default=QUICK, help="what pytest is told")
    given = parser.parse_args()
    results = []
    for wanted in given.python:
        python = find(wanted)
        if python is None:
            sys.stdout.write(f"Python {wanted} is not found here: skipped\n")
        else:
            results.append(check(python, given.choice, given.tests))
    return max(results, default=1)


if __name__ == "__main__":
    sys.exit(main())
