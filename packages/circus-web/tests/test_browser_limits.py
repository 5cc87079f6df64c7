"""The pages at the ends of what they have to bear: a thousand watchers, a log whose sources die, daemons that come and go."""

import contextlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from web_console import (
    CHROMIUM_MISSING,
    console,
    end,
    explained,
    fake_daemon,
    has_chromium,
    real_circusd,
    signed_in,
    silent_page,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not has_chromium(), reason=CHROMIUM_MISSING),
    # The browser belongs to the whole module, and starts and ends processes of its own while a test runs.
    pytest.mark.allow_leaks("processes", "descriptors", "threads"),
]


def test_a_thousand_watchers_are_a_screenful_of_rows(browser: Any, tmp_path: Path, axe: str):
    """What is drawn does not grow with the list; `benchmarks/web.py` measures how smoothly it scrolls."""
    with (
        fake_daemon(tmp_path / "a", "--watchers", "1000") as crowd,
        console(tmp_path / "c", [crowd]) as web,
        signed_in(browser, web, viewport={"width": 1280, "height": 900}) as context,
        silent_page(context, web) as page,
    ):
        page.goto(f"{web.url}/watchers")
        page.get_by_text("1000 watchers shown").wait_for()
        table, rows = page.get_by_role("table", name="Watchers"), page.locator("main tbody tr")
        assert table.get_attribute("aria-rowcount") == "1001"
        page.get_by_role("link", name="w-0000", exact=True).wait_for()
        assert rows.count() < 50

        box = page.get_by_role("region", name="Watchers")
        kept = page.get_by_role("link", name="w-0002", exact=True)
        kept.focus()
        box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
        last = page.get_by_role("link", name="w-0999", exact=True)
        last.wait_for()
        page.get_by_role("button", name="Stop w-0999").wait_for()  # it came to rest, and is drawn in full
        assert rows.count() < 50
        assert rows.last.get_attribute("aria-rowindex") == "1001"
        assert kept.evaluate("link => link === document.activeElement"), "the row with the focus stays"
        page.evaluate(axe + "; undefined")
        assert page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"] == []

        page.keyboard.press("j")
        page.wait_for_function("document.activeElement.textContent === 'w-0003'")
        page.keyboard.press("/")
        page.keyboard.type("w-07")
        page.get_by_text("100 watchers shown").wait_for()
        page.get_by_role("link", name="w-0700", exact=True).wait_for()
        assert rows.count() < 50


ECHO = """
import os, sys
print("hello from", os.getpid(), flush=True)
for line in iter(os.fdopen(os.open(sys.argv[1], os.O_RDWR)).readline, ""):
    print(line, end="", flush=True)
"""
FOLLOWED = """
[watcher:chatty]
cmd = {python} {folder}/echo.py {folder}/words
stdout_stream.class = FileStream
stdout_stream.filename = {folder}/chatty.log
stdout_stream.max_bytes = 2000
stdout_stream.backup_count = 9
"""


@pytest.mark.skipif(
    importlib.util.find_spec("circus.circusd") is None,
    reason="circusd is missing: pip install circus-arbiter",
)
def test_a_log_is_followed_through_rotation_death_and_a_new_circusd(browser: Any, tmp_path: Path):
    (tmp_path / "echo.py").write_text(ECHO)
    os.mkfifo(tmp_path / "words")
    words = os.open(tmp_path / "words", os.O_RDWR)
    config = FOLLOWED.format(python=sys.executable, folder=tmp_path)

    def say(*lines: str) -> None:
        os.write(words, "".join(f"{line}\n" for line in lines).encode())

    with (
        contextlib.ExitStack() as stack,
        console(tmp_path / "web", [f"ipc://{tmp_path}/ctl"]) as web,
        signed_in(browser, web) as context,
        silent_page(context, web) as page,
    ):
        stack.callback(os.close, words)
        lines, hello = page.locator(".log .line"), page.locator(".log .line", has_text="hello from")
        with real_circusd(tmp_path, config):
            page.goto(f"{web.url}/watchers")
            page.get_by_role("link", name="chatty", exact=True).click()
            page.get_by_role("link", name="Log", exact=True).click()
            hello.wait_for()
            say(*(f"line {number:02} {'-' * 190}" for number in range(30)))
            lines.filter(has_text="line 29").wait_for()
            assert len(list(tmp_path.glob("chatty.log*"))) > 2, "the file was rotated"
            shown = re.findall(r"line (\d\d)", "".join(lines.all_inner_texts()))
            assert shown == [f"{number:02}" for number in range(30)], "each line once, in order"

            (first,) = set(page.locator(".log .pid").all_inner_texts())
            page.get_by_role("link", name="Processes", exact=True).click()
            page.get_by_role("button", name=f"Kill process {first}").click()
            page.get_by_role("dialog").get_by_role("button", name="Kill").click()
            page.get_by_text("killed by SIGKILL").first.wait_for()
            page.get_by_role("link", name="Log", exact=True).click()
            hello.nth(1).wait_for()
            say("after the death")
            lines.filter(has_text="after the death").wait_for()
            assert lines.filter(has_text="line 29").count() == 1, "the lines of the dead worker stay"
        page.get_by_role("alert").get_by_text("does not answer").wait_for()
        with real_circusd(tmp_path, config):
            hello.nth(2).wait_for()
            say("after the restart")
            lines.filter(has_text="after the restart").wait_for()
            assert page.get_by_role("alert").count() == 0
            assert lines.filter(has_text="line 29").count() == 1


def test_two_daemons_one_comes_dies_and_leaves(browser: Any, tmp_path: Path):
    first, second = f"ipc://{tmp_path}/a/ctl", f"ipc://{tmp_path}/b/ctl"
    with (
        fake_daemon(tmp_path / "a", "--scene"),
        console(tmp_path / "c", [first, second]) as web,
        signed_in(browser, web, viewport={"width": 400, "height": 800}) as context,
    ):
        page = context.new_page()
        with explained(page, web):
            page.goto(web.url)
            lost = page.get_by_role("alert").get_by_text(f"{second} does not answer")
            lost.wait_for()
            page.get_by_role("heading", name="3 things need you").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits on a phone"
            with fake_daemon(tmp_path / "b", "--scene"):
                page.get_by_role("heading", name="4 things need you").wait_for()
                page.get_by_role("link", name="Watchers", exact=True).click()
                page.get_by_text("20 watchers shown").wait_for()
                page.get_by_label("Daemon").select_option(label=f"{tmp_path}/b/ctl")
                page.get_by_text("10 watchers shown").wait_for()
                page.get_by_text("4 / 4").first.wait_for()
            lost.wait_for()
            page.get_by_text("unknown").first.wait_for()
            assert page.locator("main td.number", has_text="%").count() == 0, "no stale figure is shown"
            page.get_by_role("link", name="Daemons", exact=True).click()
            dead = page.locator("section", has=page.get_by_role("heading", name=second))
            dead.get_by_role("button", name="Disconnect").click()
            page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
            dead.get_by_text("not connected").wait_for()
            dead.get_by_role("button", name="Connect", exact=True).click()
            dead.get_by_text("does not answer").wait_for()
            end(web.process)
            page.get_by_role("alert").get_by_text("Not connected to the console").wait_for()
