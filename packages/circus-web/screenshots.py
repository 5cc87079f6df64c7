"""Make the pictures of the README: ``python packages/circus-web/screenshots.py [FOLDER]`` (default: docs/images).

A made-up daemon, a real console, a real Chromium.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from web_console import chromium, console, fake_daemon  # noqa: E402 - found by the line above

SHOTS: tuple[tuple[str, str, str, int, int], ...] = (
    ("console-overview", "", "light", 1280, 860),
    ("console-watchers", "/watchers", "light", 1280, 720),
    ("console-watcher", "/d/{id}/w/images", "dark", 1280, 860),
    ("console-log", "/d/{id}/w/web/log", "dark", 1280, 640),
    ("console-phone", "", "light", 400, 820),
)


def take(browser: Any, url: str, folder: Path) -> None:
    """All of them."""
    for name, path, scheme, width, height in SHOTS:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.goto(url.split("/login", maxsplit=1)[0] + "/login")
        page.get_by_label("Token").fill(take.token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", level=1).wait_for()
        daemon = page.evaluate("fetch('/api/daemons').then((r) => r.json()).then((d) => d[0].id)")
        page.goto(url + path.format(id=daemon))
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(3500)
        page.screenshot(path=str(folder / f"{name}.png"))
        context.close()


def main(folder: Path) -> None:
    """Start all, wait for a minute of history, take them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="circus-shots-") as work:
        with (
            fake_daemon(Path(work, "circusd"), "--scene") as endpoint,
            console(Path(work, "web"), [endpoint]) as web,
        ):
            with chromium() as browser:
                page = browser.new_page()
                page.wait_for_timeout(int(sys.argv[2]) * 1000 if len(sys.argv) > 2 else 75_000)
                take.token = web.token
                take(browser, web.url, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
