"""What circushttpd costs: 20 open pages on a daemon with 500 watchers, at one frame a second.

``python benchmarks/web.py [--sockets 20] [--watchers 500] [--seconds 30]`` starts a made-up daemon and a real
circushttpd, opens the WebSockets from this process, and prints the server's CPU, memory and traffic.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from web_console import Console, console, fake_daemon

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sockets", type=int, default=20)
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="circus-bench-") as work:
        folder = Path(work)
        daemon = fake_daemon(folder / "circusd", "--watchers", str(asked.watchers))
        with daemon as endpoint, console(folder / "web", [endpoint]) as web:
            asyncio.run(measure(web, sockets=asked.sockets, seconds=asked.seconds))
