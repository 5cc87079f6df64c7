"""A web page cannot command us: what a browser can send is read by ZeroMQ as its first protocol, which is refused."""

import asyncio
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq

from requires import needs_program

from .conftest import watcher
from .strangers import serving

pytestmark = [pytest.mark.real, pytest.mark.slow]

REQUEST = b'{"command": "add", "properties": {"name": "evil", "cmd": "id"}}'


def attack(shift: int) -> bytes:
    """The body of a POST that holds a request in the old framing (length, flags, body), wherever the headers end.

    A run of ones reads as empty parts of one message whichever byte it is entered at; what is different is how it ends, so
    each of both shifts is tried.
    """
    return b"\x01" * (400 + shift) + b"\x01\x00" + bytes([len(REQUEST) + 1, 0]) + REQUEST


def post(shift: int) -> bytes:
    """Paths differ, since the first 80 bytes are what the peer is called, and each name is let in once."""
    body = attack(shift)
    head = f"POST /{shift} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\nAccept: */*\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def defenceless() -> Iterator["tuple[zmq.Socket[bytes], str]"]:
    """A command socket as it was before: the attacks of these tests do reach it."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    port = router.bind_to_random_port("tcp://127.0.0.1")
    try:
        yield router, f"tcp://127.0.0.1:{port}"
    finally:
        router.close()
        context.term()


@contextmanager
def sent(endpoint: str, data: bytes) -> "Iterator[socket.socket]":
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        yield connection


def cut(endpoint: str, data: bytes) -> bool:
    """Whether the other side closes the connection."""
    with sent(endpoint, data) as connection:
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def reaches(router: "zmq.Socket[bytes]") -> bool:
    while router.poll(2000):
        if REQUEST in router.recv_multipart():
            return True
    return False


async def test_a_posted_request_changes_nothing():
    with (
        defenceless() as (router, endpoint),
        sent(endpoint, post(0)),
        sent(endpoint, post(1)),
    ):
        assert await asyncio.to_thread(reaches, router)
    async with serving(watcher("a")) as daemon:
        for shift in (0, 1):
            assert await asyncio.to_thread(cut, daemon._endpoint, post(shift))
        assert (await daemon.ok("list"))["watchers"] == ["a"]
        assert (await daemon.ok("audit"))["entries"] == []


PAGE = """<!doctype html><script>
(async () => {{
  for (const endpoint of {endpoints}) for (const body of {bodies}) {{
    const bytes = Uint8Array.from(body);
    await Promise.race([
      fetch(endpoint + "/" + body.length, {{method: "POST", mode: "no-cors", body: bytes}}).catch(() => 0),
      new Promise(done => setTimeout(done, 1000)),
    ]);
  }}
  await fetch("/done", {{method: "POST"}});
}})();
</script>"""


@contextmanager
def page(text: str) -> "Iterator[tuple[str, threading.Event]]":
    done = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def do_GET(self) -> None:
            self._answer()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self._answer()
            done.set()

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", done
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@needs_program("chromium")
@pytest.mark.timeout(90)
async def test_a_page_in_a_browser_changes_nothing(tmp_path):
    chromium = shutil.which("chromium")
    assert chromium is not None
    bodies = json.dumps([list(attack(shift)) for shift in (0, 1)])
    with defenceless() as (router, endpoint):
        async with serving(watcher("a")) as daemon:
            targets = json.dumps([one.replace("tcp:", "http:") for one in (endpoint, daemon._endpoint)])
            with page(PAGE.format(endpoints=targets, bodies=bodies)) as (url, done):
                options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
                browser = await asyncio.create_subprocess_exec(
                    chromium,
                    *options,
                    f"--user-data-dir={tmp_path}",
                    "--remote-debugging-port=0",
                    url,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                try:
                    assert await asyncio.to_thread(done.wait, 60)
                finally:
                    os.killpg(browser.pid, signal.SIGKILL)
                    await browser.wait()
            assert await asyncio.to_thread(reaches, router)
            watch = daemon.engine._front.control._doors[0].watch
            watch.refresh()
            assert len(watch._seats._rows) > 1, "the browser never came"
            assert (await daemon.ok("list"))["watchers"] == ["a"]
            assert (await daemon.ok("audit"))["entries"] == []
