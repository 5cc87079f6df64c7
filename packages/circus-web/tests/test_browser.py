"""The pages in a real headless Chromium, against a real circushttpd and made-up daemons, and one real circusd.

One browser for all of it, and one console and session for most; a console error anywhere fails the test that caused it.
"""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web_console import (
    CHROMIUM_MISSING,
    Console,
    chromium,
    console,
    end,
    explained,
    fake_daemon,
    has_chromium,
    real_circusd,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not has_chromium(), reason=CHROMIUM_MISSING),
    # The browser belongs to the whole module, and starts and ends processes of its own while a test runs.
    pytest.mark.allow_leaks("processes", "descriptors", "threads"),
]

HERE = Path(__file__).parent
WAIT = 45_000


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker's script."""
    folder = HERE / ".axe"
    hook = HERE.parent / "hatch_build.py"
    done = subprocess.run(
        [sys.executable, str(hook), "--axe", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"axe-core is missing: python {hook.name} --axe {folder}: {done.stderr.strip()[-200:]}")
    return (folder / "axe.js").read_text()


@pytest.fixture(scope="module")
def web(tmp_path_factory: Any) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("web")
    with fake_daemon(folder / "a", "--scene") as endpoint, console(folder / "console", [endpoint]) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def session(browser: Any, web: Console) -> Iterator[Any]:
    """A context that the printed link signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(web.link)
    page.get_by_role("link", name="Watchers", exact=True).wait_for()
    assert page.url == f"{web.url}/", "the token does not stay in the address"
    page.close()
    yield context
    context.close()


@contextlib.contextmanager
def silent_page(context: Any, web: Console) -> Iterator[Any]:
    """A page whose console stays silent."""
    errors: list[str] = []
    opened = context.new_page()
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None,
    )
    opened.on("pageerror", lambda error: errors.append(str(error)))
    with explained(opened, web):
        yield opened
    opened.close()
    assert errors == []


@pytest.fixture
def page(session: Any, web: Console) -> Iterator[Any]:
    with silent_page(session, web) as opened:
        yield opened


@contextlib.contextmanager
def signed_in(browser: Any, web: Console, **options: Any) -> Iterator[Any]:
    """A context that may act on another console than that of the module."""
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT)
    headers = {"content-type": "application/json", "origin": web.url}
    assert context.request.post(
        f"{web.url}/api/session", data=json.dumps({"token": web.token}), headers=headers
    ).ok
    yield context
    context.close()


def walk(page: Any, path: str) -> None:
    """To another page of the console, without loading it anew."""
    page.evaluate(
        "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", path
    )


def daemons(page: Any, web: Console) -> list[str]:
    return [one["id"] for one in page.context.request.get(f"{web.url}/api/daemons").json()]


def visit(page: Any, web: Console, path: str) -> None:
    page.goto(web.url + path)
    page.locator("main h1").wait_for()


def test_every_page_shows_and_has_no_accessibility_violation(page: Any, web: Console, axe: str):
    (first,) = daemons(page, web)
    watcher = f"/d/{first}/w/images"
    visit(page, web, watcher)
    pid = page.locator("main td.name a").first.inner_text()
    pages = {
        "/": "2 things need you", "/watchers": "Watchers", "/sockets": "Sockets", "/plugins": "Plugins",
        "/events": "Events", "/actions": "Actions", "/daemons": "Daemons", "/add": "Add watcher",
        watcher: "images", f"{watcher}/log": "images", f"{watcher}/options": "images", f"{watcher}/history": "images",
        f"{watcher}/p/{pid}": f"Process {pid}", "/nowhere": "No such page",
    }  # fmt: skip
    told: dict[str, Any] = {}
    page.evaluate(axe + "; undefined")
    for number, (path, title) in enumerate(pages.items()):
        page.emulate_media(color_scheme="dark" if number % 2 else "light")
        walk(page, path)
        page.get_by_role("heading", level=1, name=title).wait_for()
        if path != "/nowhere":
            page.locator("main .panel").first.wait_for()
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        told[path] = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
    assert {path: violations for path, violations in told.items() if violations} == {}


def test_signing_in_and_out(browser: Any, web: Console, axe: str):
    context = browser.new_context()
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(web.link)
    page.get_by_role("alert").get_by_text("used before").wait_for()
    page.evaluate(axe + "; undefined")
    assert page.evaluate("axe.run()")["violations"] == []
    page.get_by_label("Token").fill(web.viewer)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Watchers", exact=True).click()
    page.get_by_role("searchbox").fill("gunicorn")
    page.get_by_role("link", name="web", exact=True).wait_for()
    assert page.get_by_role("button", name="Stop web").count() == 0, "a viewer is offered no action"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    context.close()


def test_acting_on_one_and_on_many(page: Any, web: Console):
    (first,) = daemons(page, web)
    visit(page, web, f"/d/{first}/w/mail")
    page.get_by_role("button", name="One process more").click()
    page.get_by_text("3 processes").wait_for()
    page.get_by_role("button", name="Kill process").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Kill").click()
    page.get_by_text("killed by SIGKILL").first.wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_text("It is stopped: nothing of it runs.").wait_for()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("3 of 3 run").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.keyboard.press("/")
    page.keyboard.type("exp")
    page.get_by_label("Choose exports").check()
    page.get_by_role("group", name="What to do").get_by_role("button", name="Restart").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    page.get_by_text("restart: 1 watcher").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.get_by_role("cell", name="kill", exact=True).first.wait_for()


def test_a_process_its_tree_and_a_signal(page: Any, web: Console):
    (first,) = daemons(page, web)
    visit(page, web, f"/d/{first}/w/api")
    page.locator("main td.name a").first.click()
    page.get_by_text("convert").wait_for()
    page.get_by_role("img", name="CPU: now").wait_for()
    page.get_by_label("Signal").select_option("USR1")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("SIGUSR1 is sent to process").wait_for()


def test_charts_move(page: Any, web: Console):
    visit(page, web, "/")
    chart = page.get_by_role("img", name="CPU: now").first
    before = chart.get_attribute("aria-label")
    page.wait_for_function(
        "before => document.querySelector('[role=img]').getAttribute('aria-label') !== before", arg=before
    )
    drawn = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    )
    assert page.locator("canvas").first.evaluate(drawn)


def test_editing_an_option(page: Any, web: Console):
    (first,) = daemons(page, web)
    visit(page, web, f"/d/{first}/w/websocket/options")
    page.get_by_role("button", name="Edit graceful_timeout").click()
    page.get_by_label("New value of graceful_timeout").fill("soon")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("soon is not a number.").wait_for()
    page.get_by_label("New value of graceful_timeout").fill("7.5")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("7.5 s").wait_for()


def test_the_log_follows_filters_pauses_and_outlives_a_worker(page: Any, web: Console):
    (first,) = daemons(page, web)
    visit(page, web, f"/d/{first}/w/images/log")
    page.locator(".log .line").nth(3).wait_for()
    old = page.locator(".log .pid").last.inner_text()
    answer = page.context.request.post(
        f"{web.url}/api/daemons/{first}/commands/kill", data=json.dumps({"name": "images", "signum": 9}),
        headers={"content-type": "application/json", "origin": web.url},
    )  # fmt: skip
    assert answer.ok
    page.wait_for_function(
        "old => [...document.querySelectorAll('.log .pid')].at(-1).textContent > old", arg=old
    )
    assert page.locator(".log .pid", has_text=old).count() > 0, "the lines of the dead worker stay"
    page.get_by_role("searchbox", name="Filter lines").fill("SLOW QUERY")
    page.locator(".log mark").first.wait_for()
    assert page.locator(".log .line").count() == page.locator(".log mark").count()
    page.get_by_role("searchbox", name="Filter lines").fill("")
    page.get_by_role("button", name="Pause").click()
    held = page.locator(".log .line").count()
    page.get_by_role("button", name="new)").wait_for()
    assert page.locator(".log .line").count() == held
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "images.log"
    assert " in " in Path(download.value.path()).read_text()


def test_adding_removing_and_the_plan_of_a_reload(page: Any, web: Console):
    visit(page, web, "/add")
    page.get_by_label("Name").fill("extra")
    page.get_by_label("Command").fill("sleep 60")
    page.get_by_label("One more option").select_option("graceful_timeout")
    page.get_by_role("textbox", name="graceful_timeout").fill("3")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", level=1, name="extra").wait_for()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("heading", level=1, name="Watchers").wait_for()
    page.get_by_role("button", name="Reload configuration").click()
    page.get_by_text("remove watcher reports").wait_for()
    page.get_by_text("Not until circusd is restarted: endpoint.").wait_for()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("The configuration is being applied").wait_for()


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
