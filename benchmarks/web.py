"""What circushttpd costs, and how smoothly its longest page scrolls.

``python benchmarks/web.py [--sockets 20] [--watchers 500] [--seconds 30]`` starts a made-up daemon and a real
circushttpd, opens the WebSockets from this process, and prints the server's CPU, memory and traffic.

``python benchmarks/web.py --scroll [--watchers 1000]`` opens the list of watchers in a headless Chromium, which draws
in software, and prints the times between frames and the CPU time of the page's main thread in each: at rest, at the pace
of a fast wheel (two rows a frame), and at that of a dragged scroll bar (a screenful a frame).
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from web_console import Console, chromium, console, fake_daemon

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def watch(web: Console, counted: dict[str, int], ready: asyncio.Barrier) -> None:
    """One page."""
    headers = {"authorization": f"Bearer {web.token}"}
    address = web.url.replace("http", "ws") + "/api/live"
    async with connect(address, additional_headers=headers, max_size=None, compression=None) as socket:
        await socket.recv()
        await ready.wait()
        async for frame in socket:
            counted["frames"] += 1
            counted["bytes"] += len(frame)


async def measure(web: Console, *, sockets: int, seconds: float) -> None:
    """Print the figures."""
    pid = web.process.pid
    await asyncio.sleep(5)
    idle, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(10)
    alone = (cpu_seconds(pid) - idle) / (time.perf_counter() - began)
    counted, ready = {"frames": 0, "bytes": 0}, asyncio.Barrier(sockets + 1)
    async with asyncio.TaskGroup() as group:
        pages = [group.create_task(watch(web, counted, ready)) for _ in range(sockets)]
        await ready.wait()
        start, began = cpu_seconds(pid), time.perf_counter()
        counted.update(frames=0, bytes=0)
        await asyncio.sleep(seconds)
        spent, took = cpu_seconds(pid) - start, time.perf_counter() - began
        for page in pages:
            page.cancel()
    rate, traffic = counted["frames"] / sockets / took, counted["bytes"] / sockets / took / 1e3
    print(f"no page open:  {alone:.1%} of a core")
    print(f"{sockets} pages open: {spent / took:.1%} of a core, {memory(pid):.1f} MB resident")
    print(f"each page:     {rate:.2f} frames/s, {traffic:.1f} kB/s")


FRAMES = 120
PACES = {"at rest": 0, "fast wheel": 92, "dragged bar": 700}
"""Pixels a frame; a row has 46."""
SCROLL = """async ([frames, step]) => {
    const box = document.querySelector(".scroll.tall"), times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let at = 0; at < frames; at += 1) {
        box.scrollTop = (box.scrollTop + step) % (box.scrollHeight - box.clientHeight);
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
    }
    return times;
}"""


def spread(times: Sequence[float]) -> str:
    """Median, 95th percentile and worst."""
    ordered = sorted(times)
    middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
    return f"{middle:5.1f} ms median, {late:5.1f} of 95 %, {ordered[-1]:5.1f} worst"


def traced(browser: Any, page: Any, step: int) -> tuple[list[float], float]:
    """Times between frames, and milliseconds of CPU that the main thread spent in each."""
    browser.start_tracing(
        page=page, categories=["disabled-by-default-devtools.timeline", "devtools.timeline"]
    )
    times = page.evaluate(SCROLL, [FRAMES, step])
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    spent = sum(
        one.get("tdur", 0) for one in events if one["name"] == "RunTask" and (one["pid"], one["tid"]) in mains
    )
    return times, spent / 1000 / FRAMES


def scroll(web: Console, browser: Any, watchers: int) -> None:
    """Print the frame times."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    headers = {"content-type": "application/json", "origin": web.url}
    context.request.post(f"{web.url}/api/session", data=json.dumps({"token": web.token}), headers=headers)
    page = context.new_page()
    page.goto(f"{web.url}/watchers")
    page.get_by_text(f"{watchers} watchers shown").wait_for()
    page.wait_for_timeout(2000)
    for pace, step in PACES.items():
        times, spent = traced(browser, page, step)
        rows = page.locator("main tbody tr").count()
        print(f"{pace:12} {spread(times)}; {spent:4.1f} ms of the main thread a frame, {rows} rows drawn")
    context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sockets", type=int, default=20)
    parser.add_argument("--watchers", type=int)
    parser.add_argument("--scroll", action="store_true", help="measure the page instead of the server")
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="circus-bench-") as work:
        folder = Path(work)
        watchers = asked.watchers or (1000 if asked.scroll else 500)
        daemon = fake_daemon(folder / "circusd", "--watchers", str(watchers))
        with daemon as endpoint, console(folder / "web", [endpoint]) as web:
            if asked.scroll:
                with chromium() as browser:
                    scroll(web, browser, watchers)
            else:
                asyncio.run(measure(web, sockets=asked.sockets, seconds=asked.seconds))
