"""Make the pictures of the README: ``python packages/circus-web/screenshots.py [FOLDER]`` (default: docs/images).

A made-up daemon, a real console, a real Chromium.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from web_console import Console, chromium, console, fake_daemon  # noqa: E402 - found by the line above

HISTORY = 90_000
SETTLE = 3_000
"""Milliseconds: before the first picture, so that the charts have something to show, and before each."""

SHOTS: tuple[tuple[str, str, str, int, int], ...] = (
    ("console-overview", "", "light", 1280, 860),
    ("console-watchers", "/watchers", "light", 1280, 720),
    ("console-watcher", "/d/{id}/w/images", "dark", 1280, 860),
    ("console-log", "/d/{id}/w/web/log", "dark", 1280, 640),
    ("console-phone", "", "light", 400, 820),
)


def take(browser: Any, web: Console, folder: Path) -> None:
    """All of them."""
    for name, path, scheme, width, height in SHOTS:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        headers = {"content-type": "application/json", "origin": web.url}
        context.request.post(f"{web.url}/api/session", data=json.dumps({"token": web.token}), headers=headers)
        daemon = context.request.get(f"{web.url}/api/daemons").json()[0]["id"]
        page = context.new_page()
        page.goto(web.url + path.format(id=daemon))
        page.locator("main .panel").first.wait_for()
        page.wait_for_timeout(SETTLE)
        page.screenshot(path=str(folder / f"{name}.png"))
        context.close()


def main(folder: Path) -> None:
    """Start all, wait for some history, take them."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-", dir="/tmp")))
        endpoint = stack.enter_context(fake_daemon(work / "circusd", "--scene"))
        web = stack.enter_context(console(work / "web", [endpoint]))
        browser = stack.enter_context(chromium())
        browser.new_page().wait_for_timeout(HISTORY)
        take(browser, web, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
