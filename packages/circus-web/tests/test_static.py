"""The front end's files, as files."""

import re
from pathlib import Path

from circus.web.app import STATIC

IMPORT = re.compile(r'^import .*?from ?"([^"]+\.js)"', re.MULTILINE)


def imported(start: Path) -> set[Path]:
    """All modules that a module needs, itself included."""
    found, left = {start}, [start]
    while left:
        module = left.pop()
        new = {(module.parent / name).resolve() for name in IMPORT.findall(module.read_text())} - found
        found |= new
        left += new
    return found


def test_all_modules_are_asked_for_at_once_and_none_in_vain():
    """Else they come one after the other, as each names the next: slow on a far or a busy machine."""
    needed = {f"/static/{path.relative_to(STATIC)}" for path in imported(STATIC / "js" / "main.js")}
    page = (STATIC / "index.html").read_text()
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    assert sorted(preloaded) == sorted(needed - {"/static/js/main.js"})


def test_rows_are_as_high_as_the_style_says():
    (script,) = re.findall(r"const ROW = (\d+);", (STATIC / "js" / "rows.js").read_text())
    (style,) = re.findall(r"--row: (\d+)px;", (STATIC / "theme.css").read_text())
    assert script == style
