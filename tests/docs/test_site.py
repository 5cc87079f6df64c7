"""The manual builds, without a warning, and needs nobody else's server."""

import re
import subprocess
import sys

import pytest

from requires import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("site")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "--fail-on-warning",
            "--keep-going",
            "-q",
            "-b",
            "html",
            ROOT / "docs",
            folder,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(r"""(?:src|href)=["'](?:https?:)?//[^"']+|url\((?:https?:)?//|@import""")
    allowed = re.compile(r'href="https?://')
    found = [
        f"{path.relative_to(site)}: {hit}"
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
        for hit in loads.findall(path.read_text(errors="replace"))
        if not allowed.match(hit) or "<link" in hit
    ]
    assert found == []


def test_it_can_be_searched_without_a_server(site):
    index = (site / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(")
    assert "graceful_timeout" in index
    assert "searchindex.js" in (site / "search.html").read_text()
