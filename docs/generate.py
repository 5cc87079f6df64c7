"""Make the generated parts of the manual: ``python docs/generate.py``, or ``--check`` to say what is stale.

Written are the parts between markers in the pages below ``docs/``, the JSON Schema, and the manual pages and completion files of
the commands in ``packages/*/man`` and ``packages/*/completions``. All of them are committed, so that they can be read and reviewed where they stand.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from circus.protocol import json_schema  # noqa: E402 - after the path to the parts is known
from parts import commands, completions, events, examples, helps, manpages, options, states  # noqa: E402
from parts.markdown import replace_parts  # noqa: E402

__all__ = ["made", "main", "stale"]

ROOT = HERE.parent
MODULES = (commands, events, examples, helps, options, states)


class _Parts(dict[str, str]):
    """All parts by name, each made when a page asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self._makers: dict[str, Callable[[], str]] = {}
        for module in MODULES:
            self._makers |= module.PARTS

    def __missing__(self, name: str) -> str:
        self[name] = text = self._makers[name]()
        return text


def made() -> dict[Path, str]:
    """Every file that holds something generated, as it should be."""
    parts = _Parts()
    files: dict[Path, str] = {}
    for page in sorted(HERE.rglob("*.md")):
        text = page.read_text()
        if "<!-- generated: " in text and "_site" not in page.parts:
            files[page] = replace_parts(text, parts)
    files[HERE / "reference" / "circus.schema.json"] = json.dumps(json_schema(), indent=1) + "\n"
    for name, package in manpages.PACKAGES.items():
        folder = ROOT / "packages" / package
        files[folder / "man" / f"{name}.1"] = manpages.man_page(name)
        for shell in completions.SHELLS:
            files[folder / "completions" / f"{name}.{shell}"] = completions.completion(name, shell)
    return files


def stale() -> dict[Path, str]:
    """Those that are not."""
    return {path: text for path, text in made().items() if not path.exists() or path.read_text() != text}


def main() -> int:
    """Write what is stale; with ``--check``, only name it and exit with 1 if there is any."""
    check = "--check" in sys.argv[1:]
    files = stale()
    for path, text in files.items():
        sys.stdout.write(f"{'stale' if check else 'wrote'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return int(check and bool(files))


if __name__ == "__main__":
    sys.exit(main())
