"""The pages in a real headless Chromium, against a real circushttpd and a made-up daemon.

One browser for all of it, and one console and session for most; a console error anywhere fails the test that caused it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web_console import (
    CHROMIUM_MISSING,
    PATIENCE,
    Console,
    console,
    explained,
    fake_daemon,
    has_chromium,
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


@pytest.fixture(scope="module")
def web(tmp_path_factory: Any) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("web")
    with fake_daemon(folder / "a", "--scene") as endpoint, console(folder / "console", [endpoint]) as running:
        yield running


@pytest.fixture(scope="module")
def session(browser: Any, web: Console) -> Iterator[Any]:
    """A context that the printed link signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    with explained(page, web):
        page.goto(web.link)
        page.get_by_role("link", name="Watchers", exact=True).wait_for()
        assert page.url == f"{web.url}/", "the token does not stay in the address"
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(session: Any, web: Console) -> Iterator[Any]:
    with silent_page(session, web) as opened:
        yield opened


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
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(web.link)
    page.get_by_role("alert").get_by_text("used before").wait_for()
    page.evaluate(axe + "; undefined")
    assert page.evaluate("axe.run()")["violations"] == []
    page.get_by_label("Token").fill(web.viewer)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="2 things need you").wait_for()
    assert page.get_by_role("button", name="Restart").count() == 0, "a viewer is offered no action"
    page.get_by_role("link", name="Watchers", exact=True).click()
    page.get_by_role("searchbox").fill("gunicorn")
    page.get_by_role("link", name="web", exact=True).wait_for()
    assert page.get_by_role("button", name="Stop web").count() == 0, "a viewer is offered no action"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    context.close()


def see(page: Any, *, hidden: bool) -> None:
    """What a browser tells a page whose tab goes to the back or comes to the front."""
    page.evaluate(
        """hidden => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }""",
        hidden,
    )


def test_a_page_that_nobody_sees_lets_go_of_its_connection(browser: Any, web: Console):
    # A context of its own, since the clock is that of all pages in it.
    with signed_in(browser, web) as context, silent_page(context, web) as page:
        page.clock.install()
        with page.expect_websocket() as opened:
            visit(page, web, "/")
        page.get_by_role("heading", name="2 things need you").wait_for()
        with opened.value.expect_event("close"):
            see(page, hidden=True)
            page.clock.fast_forward(61_000)
        page.get_by_role("heading", name="Nothing is known right now").wait_for()
        assert page.get_by_role("alert").count() == 0, "it rests, nothing was lost"
        with page.expect_websocket():
            see(page, hidden=False)
        page.get_by_role("heading", name="2 things need you").wait_for()


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
    pid = page.get_by_role("heading", level=1).inner_text().removeprefix("Process ")
    page.get_by_role("link", name="Log", exact=True).click()
    page.locator(".log .line").first.wait_for()
    assert set(page.locator(".log .pid").all_inner_texts()) == {pid}


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
