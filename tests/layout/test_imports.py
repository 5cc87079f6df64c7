import ast
import hashlib
import re
import subprocess
import sys
import tomllib
from functools import cache

import pytest

from requires import ROOT

PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
THIRD_PARTY = {
    "zmq": "pyzmq", "yaml": "pyyaml", "pydantic_core": "pydantic", "typing_extensions": "typing-extensions",
    "watchfiles": "watchfiles", "setproctitle": "setproctitle",
}  # fmt: skip
SIBLINGS = {
    "protocol": "circus-protocol", "exc": "circus-protocol", "process": "circus-process", "stream": "circus-process",
    "sockets": "circus-sockets", "watcher": "circus-watcher", "client": "circus-ctl", "consumer": "circus-ctl",
    "ctl": "circus-ctl", "top": "circus-top", "web": "circus-web",
}  # fmt: skip
# What each layer may import; only downwards.
BELOW = {
    "circus-protocol": set(),
    "circus-process": set(),
    "circus-sockets": set(),
    "circus-watcher": {"circus-process", "circus-sockets", "circus-protocol"},
    "circus-ctl": {"circus-protocol"},
    "circus-top": {"circus-ctl", "circus-protocol"},
    "circus-web": {"circus-ctl", "circus-protocol"},
    "circus-arbiter": {"circus-process", "circus-sockets", "circus-watcher", "circus-protocol", "circus-ctl"},
}
LIGHT = {
    "circus.process": {"pydantic", "zmq", "typer", "rich"},
    "circus.sockets": {"pydantic", "zmq", "psutil", "typer", "rich"},
    "circus.protocol": {"pydantic", "zmq", "asyncio"},
    "circus.exc": {"pydantic", "zmq", "asyncio"},
    "circus": {"pydantic", "zmq", "asyncio", "psutil"},
}


@cache
def _project(package):
    return tomllib.loads((package / "pyproject.toml").read_text())["project"]


def _declared(package):
    project = _project(package)
    extras = [item for items in project.get("optional-dependencies", {}).values() for item in items]
    return {
        re.split(r"[\s<>=!~\[;]", item, maxsplit=1)[0].lower() for item in [*project["dependencies"], *extras]
    }


def _needed(package):
    """Those without which it does not work."""
    items = _project(package)["dependencies"]
    return {re.split(r"[\s<>=!~\[;]", item, maxsplit=1)[0].lower() for item in items}


def _distribution(module):
    """The distribution that an absolute module name belongs to; None for the standard library."""
    parts = module.split(".")
    if parts[0] == "circus":
        return SIBLINGS.get(parts[1], "circus-arbiter") if len(parts) > 1 else "circus-arbiter"
    if parts[0] in sys.stdlib_module_names:
        return None
    return THIRD_PARTY.get(parts[0], parts[0]).lower().replace("_", "-")


def _imports(package):
    """Each distribution that a file of the package imports, at any depth, with where it does."""
    for file in sorted(package.glob("src/**/*.py")):
        if file.parent.name == "circus" and file.name == "__init__.py":
            continue  # the facade, which is the same everywhere
        for node in ast.walk(ast.parse(file.read_text(), file)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}:{node.lineno}: write the whole name of a module"
                module = node.module or ""
                names = [f"{module}.{alias.name}" for alias in node.names] if module == "circus" else [module]
            for name in names:
                yield _distribution(name), f"{file.relative_to(ROOT)}:{node.lineno}: {name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_each_import_is_a_declared_dependency(package):
    allowed = _declared(package) | {package.name, None}
    assert [where for distribution, where in _imports(package) if distribution not in allowed] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_each_dependency_is_imported(package):
    imported = {distribution for distribution, _ in _imports(package)}
    if not imported - {None, package.name}:
        pytest.skip(f"{package.name} imports the standard library alone")
    started_only = {"websockets"}  # chosen by name in the web server's configuration
    assert _needed(package) - imported - started_only == set()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_layers_import_only_what_is_below(package):
    ours = set(SIBLINGS.values()) | {"circus-arbiter"}
    allowed = BELOW[package.name] | {package.name}
    wrong = [where for distribution, where in _imports(package) if distribution in ours - allowed]
    assert wrong == []
    # An extra may bring a layer above: who installs `circus-arbiter[web]` wants it beside, and nothing imports it.
    assert _needed(package) & ours <= BELOW[package.name]


def test_every_package_has_a_place_in_the_order():
    assert {package.name for package in PACKAGES} == set(BELOW)


def test_siblings_are_pinned_to_the_same_version():
    versions = {_project(package)["version"] for package in PACKAGES}
    assert len(versions) == 1
    (version,) = versions
    for package in PACKAGES:
        for item in _project(package)["dependencies"]:
            if item.startswith("circus-"):
                assert item.endswith(f"=={version}"), f"{package.name}: {item}"


def test_all_copies_of_the_facade_are_equal_and_one_wheel_ships_it():
    copies = [package / "src/circus/__init__.py" for package in PACKAGES]
    assert len({hashlib.sha256(copy.read_bytes()).hexdigest() for copy in copies}) == 1
    shipping = []
    for package in PACKAGES:
        wheel = tomllib.loads((package / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
            "wheel"
        ]
        if "src/circus/__init__.py" in wheel["only-include"]:
            shipping.append(package.name)
    assert shipping == ["circus-arbiter"]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("module", LIGHT)
def test_light_layers_stay_light(module):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert LIGHT[module] & set(loaded) == set()
