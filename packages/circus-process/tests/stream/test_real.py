"""Real processes, real kernels, real disks."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from circus.stream import Ended, FileSink, OutputHub, Source, TailBuffer, TroubleKind

pytestmark = pytest.mark.real

NUMBERED = """
import os, sys
wid, count = sys.argv[1:3]
out = b"".join(b"%s %05d \\xc3\\xa9\\n" % (wid.encode(), n) for n in range(int(count)))
while out:
    out = out[os.write(1, out[:int(sys.argv[3])]):]
if sys.argv[4] == "wait":
    os.write(2, b"written")
    sys.stdin.read()
"""


class Worker:
    """A process whose stdout a hub owns."""

    def __init__(self, hub: OutputHub, sink: FileSink, *args: str, tail: TailBuffer | None = None) -> None:
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", NUMBERED, *args],
            stdin=subprocess.PIPE,
            stdout=write,
            stderr=subprocess.PIPE,
        )
        os.close(write)
        source = Source("web", int(args[0]), self.process.pid)
        self.attachment = hub.attach(read, source=source, sink=sink, tail=tail)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
async def hub():
    hub = OutputHub()
    yield hub
    assert await hub.aclose()


def whole(folder: Path) -> bytes:
    old = sorted(folder.glob("l.*"), key=lambda path: -int(path.suffix[1:]))
    return b"".join(path.read_bytes() for path in [*old, folder / "l"])


@pytest.mark.slow
async def test_forty_workers_at_once_through_rotation_lose_no_line(hub, tmp_path):
    sink = FileSink(str(tmp_path / "l"), max_bytes=200_000, backup_count=1000)
    with contextlib.ExitStack() as stack:
        workers = []
        for wid in range(40):
            # Some write in small pieces, some end by themselves, some are killed at once after the last line.
            worker = Worker(
                hub, sink, str(wid), "5000", "900" if wid % 2 else "70000", "wait" if wid % 4 else "end"
            )
            stack.callback(worker.end)
            workers.append(worker)

        async def watch(worker: Worker) -> None:
            await asyncio.to_thread(worker.process.stderr.read, 7)
            worker.process.send_signal(signal.SIGKILL)
            report = await worker.attachment.drained(10)
            assert (report.dropped, report.reason) == (0, Ended.EOF)

        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(watch(worker))
    sink.close()
    lines = whole(tmp_path).splitlines()
    assert len(lines) == 40 * 5000
    seen = Counter[bytes]()
    for line in lines:
        wid, number, text = line.split(b" ")
        assert int(number) == seen[wid]  # in order, none missing, none twice
        assert text.decode() == "é"
        seen[wid] += 1
    assert max(path.stat().st_size for path in tmp_path.iterdir()) <= 200_000


@pytest.mark.slow
async def test_a_killed_worker_s_last_words_are_in_the_file_and_in_the_tail(hub, tmp_path):
    sink = FileSink(str(tmp_path / "l"))
    worker = Worker(hub, sink, "1", "5000", "70000", "wait", tail=TailBuffer())
    await asyncio.to_thread(worker.process.stderr.read, 7)
    worker.end()
    assert (await worker.attachment.drained()).reason is Ended.EOF
    sink.close()
    assert len((tmp_path / "l").read_bytes().splitlines()) == 5000
    assert [line.data for line in worker.attachment.tail.lines(2)] == [
        b"1 04998 \xc3\xa9",
        b"1 04999 \xc3\xa9",
    ]


@pytest.fixture
def small_disk(tmp_path):
    """256 KiB of disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("needs the right to mount: sudo make test")
    yield folder
    subprocess.check_call(["umount", folder])


async def test_a_full_disk_is_counted_and_output_resumes_when_there_is_room(small_disk, until, bench):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    sink = bench.sink(FileSink(str(small_disk / "l")))
    wire = bench.wire(sink)
    data = b"".join(b"%06d\n" % number for number in range(60_000))
    await asyncio.to_thread(wire.write, data)
    await until(lambda: wire.attachment.bytes + wire.attachment.dropped == len(data))
    assert wire.attachment.dropped
    assert [trouble.kind for trouble in bench.troubles] == [TroubleKind.LOSING]
    assert wire.attachment.last_error == f"{small_disk}/l: No space left on device"
    ballast.unlink()
    wire.write(b"room again\n")
    wire.close()
    report = await wire.attachment.drained()
    assert report.bytes + report.dropped == len(data) + 11
    found = (small_disk / "l").read_bytes()
    assert found.endswith(b"\nroom again\n")
    assert data.startswith(found[: -len(b"\nroom again\n")])
    assert [trouble.kind for trouble in bench.troubles] == [TroubleKind.LOSING, TroubleKind.RECOVERED]
    assert bench.troubles[1].dropped_bytes == report.dropped
    sink.close()  # before the disk goes


def sleeping_switches(thread: Path) -> list[str] | None:
    """The counts of context switches of a thread that sleeps; None while it runs."""
    status = (thread / "status").read_text()
    return re.findall(r"ctxt_switches:\t(\d+)", status) if "S (sleeping)" in status else None


async def test_an_idle_hub_does_not_wake_up(hub, tmp_path, until):
    """Counted by the kernel: the context switches of its thread."""
    sink = FileSink(str(tmp_path / "l"))
    read, write = os.pipe()
    attachment = hub.attach(read, source=Source("web", 1, 1), sink=sink, tail=TailBuffer())
    native = next(thread.native_id for thread in threading.enumerate() if thread.name == "circus-output")
    thread = Path("/proc/self/task") / str(native)
    os.write(write, b"x\n")
    await until(lambda: attachment.bytes == 2 and sleeping_switches(thread))
    before = sleeping_switches(thread)
    other = os.pipe()
    for _ in range(50_000):  # some tenths of a second of work for everybody else
        os.write(other[1], b".")
        os.read(other[0], 1)
    assert sleeping_switches(thread) == before
    for fd in (write, *other):
        os.close(fd)
    await attachment.drained()
    sink.close()
