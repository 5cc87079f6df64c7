"""The pages in a real headless Chromium, against a real circushttpd and two made-up daemons.

One browser and one console for all of it; a console error anywhere fails the test that caused it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web_console import CHROMIUM_MISSING, Console, chromium, console, end, fake_daemon, has_chromium

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


@pytest.fixture
def page(session: Any) -> Iterator[Any]:
    """A page whose console stays silent."""
    errors: list[str] = []
    opened = session.new_page()
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None,
    )
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert errors == []


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
    for number, (path, title) in enumerate(pages.items()):
        page.emulate_media(color_scheme="dark" if number % 2 else "light")
        visit(page, web, path)
        page.get_by_role("heading", level=1, name=title).wait_for()
        if path != "/nowhere":
            page.locator("main .panel").first.wait_for()
        page.evaluate(axe + "; undefined")
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


def test_two_daemons_one_leaves_and_one_dies(browser: Any, tmp_path: Path):
    context = browser.new_context(viewport={"width": 400, "height": 800})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    with fake_daemon(tmp_path / "a", "--scene") as first, console(tmp_path / "c", [first]) as web:
        page.goto(web.link)
        page.get_by_role("heading", name="2 things need you").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits on a phone"
        page.goto(f"{web.url}/watchers")
        page.get_by_text("4 / 4").first.wait_for()
    with console(tmp_path / "c2", [first]) as web:
        page.goto(web.link)
        page.get_by_role("alert").get_by_text("does not answer").wait_for()
        with fake_daemon(tmp_path / "a", "--scene"):
            page.get_by_role("heading", name="2 things need you").wait_for()
        page.get_by_role("alert").get_by_text("does not answer").wait_for()
        page.goto(f"{web.url}/watchers")
        page.get_by_text("unknown").first.wait_for()
        assert page.locator("main td.number", has_text="%").count() == 0, "no stale figure is shown"
        page.goto(f"{web.url}/daemons")
        page.get_by_role("button", name="Disconnect").click()
        page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
        page.get_by_text("not connected").wait_for()
        page.get_by_role("button", name="Connect", exact=True).first.click()
        page.get_by_text("does not answer").first.wait_for()
        end(web.process)
        page.get_by_role("alert").get_by_text("Not connected to the console").wait_for()
    context.close()
