"""A real circushttpd, daemons for it, and a real browser: for the tests of circus-web, its screenshots and its measurements.

Everything is a child of the caller and is ended by it; sockets are ipc in a folder of the caller's, or 127.0.0.1 port 0.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).parent
PATIENCE = 45_000
"""Milliseconds that a page may take on a busy machine."""
CHROMIUM_MISSING = "a browser is missing: apt-get install chromium && pip install playwright"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Console:
    """A running circushttpd."""

    url: str
    link: str
    token: str
    viewer: str
    process: subprocess.Popen[str]
    log: Path


def end(process: subprocess.Popen[Any]) -> None:
    """Ask it to end, and see to it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def line_of(process: subprocess.Popen[str], stream: Any, wanted: str, deadline: float = 20.0) -> str:
    """The first line that holds a text; fails if the process ends or the time is over."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        ready, _, _ = select.select([stream], [], [], until - time.monotonic())
        if not ready:
            break
        line = stream.readline()
        if not line:
            break
        if wanted in line:
            return str(line)
    raise AssertionError(f"no line with {wanted!r} from {process.args}")


@contextlib.contextmanager
def fake_daemon(folder: Path, *arguments: str) -> Iterator[str]:
    """A made-up daemon; gives its endpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(SUPPORT / "fake_circusd.py"), str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line_of(process, process.stdout, "ready")
        yield f"ipc://{folder}/ctl"
    finally:
        end(process)


@contextlib.contextmanager
def real_circusd(folder: Path, config: str) -> Iterator[subprocess.Popen[bytes]]:
    """A circusd that runs a configuration in a folder; its endpoint is ``ctl`` there, which the configuration does not say."""
    path = folder / "circus.ini"
    path.write_text(
        f"[circus]\nendpoint = ipc://{folder}/ctl\npubsub_endpoint = ipc://{folder}/pub\ncapture = True\n{config}"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "circus.circusd", str(path), "--log-output", str(folder / "circusd.log")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        end(process)


@contextlib.contextmanager
def console(folder: Path, endpoints: list[str], *arguments: str) -> Iterator[Console]:
    """A circushttpd on a port that the system chose, handed down as circusd does."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        port = listener.getsockname()[1]
        command = [
            sys.executable, "-c", "from circusweb import circushttpd; circushttpd.main()",
            *(word for one in endpoints for word in ("--endpoint", one)),
            "--fd", str(listener.fileno()), "--log-output", str(folder / "log"), *arguments,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, pass_fds=[listener.fileno()],
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        )  # fmt: skip
        try:
            link = line_of(process, process.stderr, "/login#token=").rpartition(" ")[2].strip()
            run = folder / "circus"
            yield Console(
                url=f"http://127.0.0.1:{port}",
                link=link,
                token=(run / f"httpd-{port}.operator.token").read_text().strip(),
                viewer=(run / f"httpd-{port}.viewer.token").read_text().strip(),
                process=process,
                log=folder / "log",
            )
        finally:
            end(process)


@contextlib.contextmanager
def explained(page: Any, web: Console) -> Iterator[None]:
    """What fails in it says what the page showed and what the console wrote."""
    try:
        yield
    except Exception as error:
        error.add_note(f"{page.url} shows:\n{page.locator('body').inner_text()[:1500]}")
        error.add_note(f"the console's log ends:\n{web.log.read_text()[-1500:]}")
        raise


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


@contextlib.contextmanager
def signed_in(browser: Any, web: Console, **options: Any) -> Iterator[Any]:
    """A context that may act on another console than that of the module."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    headers = {"content-type": "application/json", "origin": web.url}
    assert context.request.post(
        f"{web.url}/api/session", data=json.dumps({"token": web.token}), headers=headers
    ).ok
    yield context
    context.close()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium; a Playwright `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=CHROMIUM_FLAGS
        )
        try:
            yield browser
        finally:
            browser.close()


def has_chromium() -> bool:
    """Whether the browser tests can run here."""
    import importlib.util

    return shutil.which("chromium") is not None and importlib.util.find_spec("playwright") is not None
