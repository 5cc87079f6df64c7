"""The hub: every byte is taken, or counted."""

import asyncio
import os
import resource
import threading
from pathlib import Path

import pytest

from circus.stream import (
    Ended,
    FileSink,
    LaneSink,
    OutputHub,
    OutputTrouble,
    Source,
    TailBuffer,
    TroubleKind,
    as_sink,
)
from circus.stream.sinks import PassThroughSink


def lines(wid: int, count: int) -> bytes:
    return b"".join(b"%d %06d some text\n" % (wid, number) for number in range(count))


def whole(folder: Path, name: str = "l") -> bytes:
    old = sorted(folder.glob(name + ".*"), key=lambda path: -int(path.suffix[1:]))
    return b"".join(path.read_bytes() for path in [*old, folder / name])


def test_nothing_is_started_before_there_is_something_to_do():
    hub = OutputHub()
    assert threading.active_count() == 1
    assert hub.close()
    with pytest.raises(RuntimeError, match="closed"):
        hub.attach(0, source=Source("web", 1, 1), sink=LaneSink(print, name="x"))


async def test_all_bytes_reach_the_file_and_the_report(bench, tmp_path):
    wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))))
    data = lines(1, 20_000) + b"no newline at the end"
    await asyncio.to_thread(wire.write, data)
    wire.close()
    report = await wire.attachment.drained()
    assert (report.bytes, report.dropped, report.pending, report.reason) == (len(data), 0, 0, Ended.EOF)
    assert (tmp_path / "l").read_bytes() == data
    assert await wire.attachment.drained() == report


@pytest.mark.parametrize("time_format", [None, "T"])
async def test_several_share_a_file_by_whole_lines(bench, tmp_path, time_format):
    sink = bench.sink(
        FileSink(str(tmp_path / "l"), max_bytes=100_000, backup_count=1000, time_format=time_format)
    )
    wires = [bench.wire(sink, wid, pid=wid) for wid in range(5)]

    def feed(wire, data: bytes) -> None:
        for at in range(0, len(data), 997):
            wire.write(data[at : at + 997])
        wire.close()

    async with asyncio.TaskGroup() as group:
        for wid, wire in enumerate(wires):
            group.create_task(asyncio.to_thread(feed, wire, lines(wid, 4000)))
    reports = [await wire.attachment.drained() for wire in wires]
    assert all(report.reason is Ended.EOF and not report.dropped for report in reports)
    found = whole(tmp_path).splitlines(keepends=True)
    for wid in range(5):
        prefix = b"T [%d] | " % wid if time_format else b""
        mine = [line for line in found if line.startswith(prefix + b"%d " % wid)]
        assert mine == [prefix + line for line in lines(wid, 4000).splitlines(keepends=True)]
    assert len(found) == 5 * 4000
    assert all(path.stat().st_size <= 100_000 for path in tmp_path.iterdir())
    assert all(path.read_bytes().endswith(b"\n") for path in tmp_path.iterdir())


async def test_bulk_goes_through_the_kernel_and_rotation_splits_no_line(bench, tmp_path):
    wire = bench.wire(
        bench.sink(FileSink(str(tmp_path / "l"), max_bytes=300_000, backup_count=100)), tail=TailBuffer()
    )
    data = lines(1, 150_000)
    await asyncio.to_thread(wire.write, data)
    wire.close()
    assert (await wire.attachment.drained()).bytes == len(data)
    assert whole(tmp_path) == data
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert max(sizes) <= 300_000
    assert len(sizes) == -(-len(data) // 299_990)
    last = wire.attachment.tail.lines(3)
    assert [line.data for line in last] == data.splitlines()[-3:]


async def test_at_the_deadline_what_is_there_is_read_and_the_pipe_closed(bench, tmp_path):
    """A grandchild may hold the pipe for ever."""
    wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))))
    wire.write(b"there\nhalf")
    report = await wire.attachment.drained(0.01)
    assert (report.bytes, report.reason) == (10, Ended.DEADLINE)
    assert (tmp_path / "l").read_bytes() == b"there\nhalf"
    with pytest.raises(BrokenPipeError):
        wire.write(b"too late")


async def test_a_cancelled_wait_changes_nothing(bench, tmp_path):
    wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wire.attachment.drained(60)
    wire.write(b"x\n")
    wire.close()
    assert (await wire.attachment.drained()).reason is Ended.EOF


async def test_closing_the_hub_reads_what_is_there(tmp_path):
    hub = OutputHub()
    sink = FileSink(str(tmp_path / "l"))
    read, write = os.pipe()
    attachment = hub.attach(read, source=Source("web", 1, 1), sink=sink)
    os.write(write, b"last words")
    assert await hub.aclose()
    assert (tmp_path / "l").read_bytes() == b"last words"
    assert (await attachment.drained()).reason is Ended.CLOSED
    assert hub.close()
    sink.close()
    os.close(write)


async def test_a_live_change_of_sink_loses_no_byte(bench, tmp_path):
    first, second = (bench.sink(FileSink(str(tmp_path / name))) for name in "ab")
    wires = [bench.wire(first, wid, pid=wid) for wid in range(2)]
    wires[0].write(b"0 begin")
    wires[1].write(b"1 one\n1 two\n")
    data = lines(0, 30_000)
    feeding = asyncio.create_task(asyncio.to_thread(wires[0].write, b"\n" + data))
    for sink in [second, first] * 20 + [second]:
        for wire in wires:
            await wire.attachment.redirect(sink)
    await feeding
    wires[1].write(b"1 three\n")
    for wire in wires:
        wire.close()
        assert (await wire.attachment.drained()).dropped == 0
    found = sorted((tmp_path / "a").read_bytes().splitlines() + (tmp_path / "b").read_bytes().splitlines())
    expected = [*data.splitlines(), b"0 begin", b"1 one", b"1 two", b"1 three"]
    # A file had by one output alone takes half lines; a change may then leave such a one in each file.
    assert b"".join(found).count(b"some text") == 30_000
    assert len(found) - len(expected) <= 80
    assert sum(map(len, found)) == sum(map(len, expected))


async def test_a_raising_stream_costs_its_chunk_and_is_told_once_each_way(until, bench):
    taken: list[bytes] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stream(data: dict) -> None:
        if data["data"].startswith(b"bad"):
            raise ValueError("no taste")
        taken.append((data["data"], data["pid"], data["name"]))
        loop.call_soon_threadsafe(done.set)

    wire = bench.wire(bench.sink(as_sink(stream)))
    wire.write(b"bad one\n")
    await until(lambda: wire.attachment.dropped == 8)
    wire.write(b"bad two\n")
    await until(lambda: wire.attachment.dropped == 16)
    wire.write(b"good\n")
    await done.wait()
    wire.close()
    report = await wire.attachment.drained()
    assert taken == [(b"good\n", 4711, "stdout")]
    assert (report.bytes, report.dropped) == (5, 16)
    assert wire.attachment.last_error == "ValueError: no taste"
    assert [(trouble.kind, trouble.dropped_bytes) for trouble in bench.troubles] == [
        (TroubleKind.LOSING, 8),
        (TroubleKind.RECOVERED, 16),
    ]


async def test_a_slow_stream_holds_up_its_own_worker_and_loses_nothing(until, bench, tmp_path):
    gate = threading.Event()
    seen = bytearray()

    def slow(data: dict) -> None:
        gate.wait()
        seen.extend(data["data"])

    data = lines(1, 150_000)
    wire = bench.wire(bench.sink(as_sink(slow)))
    other = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))), 2)
    feeding = asyncio.create_task(asyncio.to_thread(wire.write, data))
    await until(lambda: wire.attachment.pending >= 1 << 20)
    other.write(b"not delayed\n")
    other.close()
    assert (await other.attachment.drained()).bytes == 12
    assert not feeding.done()
    gate.set()
    await feeding
    wire.close()
    report = await wire.attachment.drained()
    assert bytes(seen) == data
    assert (report.bytes, report.dropped) == (len(data), 0)


async def test_a_stuck_stream_is_dropped_after_a_while_and_comes_back(impatient):
    gate = threading.Event()
    seen = bytearray()

    def stuck(data: dict) -> None:
        gate.wait()
        seen.extend(data["data"])

    wire = impatient.wire(impatient.sink(as_sink(stuck)))
    data = lines(1, 300_000)
    await asyncio.to_thread(wire.write, data)  # goes on, though nobody takes anything
    assert wire.attachment.dropped > 0
    gate.set()
    wire.close()
    report = await wire.attachment.drained()
    assert report.bytes == len(seen)
    assert report.bytes + report.dropped == len(data)
    assert impatient.troubles[0].kind is TroubleKind.LOSING
    assert "blocked" in impatient.troubles[0].error


async def test_a_drain_says_what_a_stuck_stream_still_owes(bench):
    gate = threading.Event()
    wire = bench.wire(bench.sink(as_sink(lambda _: gate.wait())))
    wire.write(b"abc\n")
    wire.close()
    report = await wire.attachment.drained(0.01)
    assert (report.bytes, report.pending, report.reason) == (0, 4, Ended.DEADLINE)
    gate.set()
    report = await wire.attachment.drained()
    assert (report.bytes, report.pending, report.reason) == (4, 0, Ended.EOF)


async def test_a_device_that_is_full(bench):
    wire = bench.wire(bench.sink(FileSink("/dev/full")))
    wire.write(b"x\n")
    wire.close()
    report = await wire.attachment.drained()
    assert (report.bytes, report.dropped) == (0, 2)
    assert wire.attachment.last_error == "No space left on device"


async def test_a_removed_directory_is_counted_told_and_survived(until, bench, tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    wire = bench.wire(bench.sink(FileSink(str(folder / "l"))))
    (folder / "l").unlink()
    folder.rmdir()
    wire.write(b"lost\n")
    await until(lambda: wire.attachment.dropped)
    folder.mkdir()
    wire.write(b"kept\n")
    wire.close()
    report = await wire.attachment.drained()
    assert (report.bytes, report.dropped) == (5, 5)
    assert (folder / "l").read_bytes() == b"kept\n"
    assert [trouble.kind for trouble in bench.troubles] == [TroubleKind.LOSING, TroubleKind.RECOVERED]
    assert bench.troubles[1].describe() == (
        f"output of web.1 stdout (pid 4711) goes on; 5 bytes were lost: {folder}/l: No such file or directory"
    )


async def test_an_external_rename_then_reopen(until, bench, tmp_path):
    sink = bench.sink(FileSink(str(tmp_path / "l")))
    wire = bench.wire(sink)
    wire.write(b"1\n")
    await until(lambda: wire.attachment.bytes == 2)
    (tmp_path / "l").rename(tmp_path / "l.old")
    sink.reopen()
    wire.write(b"2\n")
    wire.close()
    await wire.attachment.drained()
    assert (tmp_path / "l.old").read_bytes() == b"1\n"
    assert (tmp_path / "l").read_bytes() == b"2\n"


async def test_trouble_is_told_where_the_owner_lives(tmp_path):
    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    told: asyncio.Queue[tuple[OutputTrouble, int]] = asyncio.Queue()
    hub = OutputHub(
        on_trouble=lambda trouble: told.put_nowait((trouble, threading.get_ident())),
        call=loop.call_soon_threadsafe,
    )
    sink = FileSink("/dev/full")
    read, write = os.pipe()
    hub.attach(read, source=Source("web", 1, 1), sink=sink)
    os.write(write, b"x\n")
    trouble, where = await told.get()
    assert (trouble.kind, where) == (TroubleKind.LOSING, thread)
    os.close(write)
    await hub.aclose()
    sink.close()


async def test_pass_through_and_a_reader_that_went_away(bench):
    read, write = os.pipe()
    sink = bench.sink(PassThroughSink(write))
    os.close(write)
    wire = bench.wire(sink, tail=TailBuffer())
    wire.write(b"shown\n")
    assert await asyncio.to_thread(os.read, read, 100) == b"shown\n"
    os.close(read)
    wire.write(b"to nobody\n")
    wire.close()
    report = await wire.attachment.drained()
    assert (report.bytes, report.dropped) == (6, 10)
    assert [line.data for line in wire.attachment.tail.lines()] == [b"shown", b"to nobody"]


async def test_a_blocked_terminal_stalls_nobody(impatient, tmp_path):
    read, write = os.pipe()
    sink = impatient.sink(PassThroughSink(write))
    os.close(write)
    wire = impatient.wire(sink)
    other = impatient.wire(impatient.sink(FileSink(str(tmp_path / "l"))), 2)
    data = lines(1, 300_000)
    await asyncio.to_thread(wire.write, data)
    other.write(b"fine\n")
    other.close()
    assert (await other.attachment.drained()).bytes == 5
    assert wire.attachment.dropped
    os.close(read)


def test_a_plain_file_is_no_pipe(bench, tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(ValueError, match=r"web\.1 stdout is no pipe, socket or terminal"):
        bench.hub.attach(folder, source=Source("web", 1, 1), sink=LaneSink(print, name="x"))
    os.close(folder)


async def test_a_sink_that_breaks_its_promise_ends_its_own_output_only(bench, tmp_path, caplog):
    class Broken:
        bulk = full = False
        progress = 0

        def write(self, data: bytes) -> None:
            raise ZeroDivisionError

        def finish(self, done) -> None:
            done()

    class BrokenSink:
        def writer(self, *_, **__) -> Broken:
            return Broken()

    broken = bench.wire(BrokenSink())
    broken.write(b"x")
    assert (await broken.attachment.drained()).reason is Ended.FAILED
    assert broken.attachment.last_error == "its sink raised ZeroDivisionError: "
    wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))))
    wire.write(b"x\n")
    wire.close()
    assert (await wire.attachment.drained()).bytes == 2
    assert "the sink of web.1 stdout raised" in caplog.text


async def test_a_hub_serves_several_event_loops(bench, tmp_path):
    sink = bench.sink(FileSink(str(tmp_path / "l")))

    def elsewhere() -> int:
        wire = bench.wire(sink)
        wire.write(b"x\n")
        wire.close()
        return asyncio.run(wire.attachment.drained()).bytes

    assert await asyncio.gather(*(asyncio.to_thread(elsewhere) for _ in range(3))) == [2, 2, 2]


async def test_following_gets_every_line_whole(until, bench, tmp_path):
    loop = asyncio.get_running_loop()
    got: list[bytes] = []
    tail = TailBuffer()
    wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))), tail=tail)
    follower = tail.follow(
        lambda new, _: got.extend(line.data for line in new), call=loop.call_soon_threadsafe, limit=1 << 30
    )
    data = lines(1, 50_000)
    await asyncio.to_thread(wire.write, data)
    wire.close()
    await wire.attachment.drained()
    await until(lambda: len(got) == 50_000)
    assert got == data.splitlines()
    follower.close()
    assert not tail.followed


async def test_descriptors_of_four_digits_are_served(bench, tmp_path):
    """``select()`` ends at 1,024, and so would a hub that uses it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("needs 2,048 descriptors: ulimit -Hn 2048")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    fillers = [os.open(os.devnull, os.O_RDONLY) for _ in range(1030)]
    try:
        wire = bench.wire(bench.sink(FileSink(str(tmp_path / "l"))))
        data = lines(1, 100_000)
        await asyncio.to_thread(wire.write, data)
        wire.close()
        assert (await wire.attachment.drained()).bytes == len(data)
    finally:
        for fd in fillers:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
