"""Promise 5: every byte that a worker wrote is in the sink, whatever else happens; what cannot be written is counted and said."""

import os
import resource
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from daemons import Daemon, Gate

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

LINES = 5000
WORKERS = 40


def numbered(files: Iterable[Path]) -> dict[str, list[int]]:
    """What each worker wrote: its numbers, in the order of files and lines."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for file in files:
        for line in file.read_text().splitlines():
            name, number = line.split()
            found[name].append(int(number))
    return found


def assert_complete(found: dict[str, list[int]], *, workers: int, lines: int = LINES) -> None:
    assert len(found) == workers
    wrong = {name: len(numbers) for name, numbers in found.items() if numbers != list(range(1, lines + 1))}
    assert wrong == {}


def file_stream(path: Path, **more: Any) -> dict[str, Any]:
    return {"stdout_stream": {"class": "FileStream", "filename": str(path), **more}}


ON_TERM = f"""#!/bin/sh
trap 'seq -f "$$ %.0f" {LINES}; exit 0' TERM
echo up > {{dir}}/up
while :; do sleep 1000 & wait; done
"""
THEN_WAIT = f"""#!/bin/sh
seq -f "$$ %.0f" {LINES}
echo up > {{dir}}/up
exec sleep 1000
"""
THEN_CRASH = f"""#!/bin/sh
seq -f "$$ %.0f" {LINES}
echo up > {{dir}}/up
kill -9 $$
"""


@pytest.mark.parametrize("how", ["term", "kill", "crash"])
@pytest.mark.parametrize("rotated", [False, True], ids=["one file", "rotated"])
@pytest.mark.slow
def test_forty_workers_end_at_once(
    shared: Daemon,
    add: Callable[..., None],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
    how: str,
    rotated: bool,
) -> None:
    up = gate("up")
    cmd = script("talker", {"term": ON_TERM, "kill": THEN_WAIT, "crash": THEN_CRASH}[how])
    rotation = {"max_bytes": 300_000, "backup_count": 100} if rotated else {}
    add(
        "talkers",
        cmd,
        numprocesses=WORKERS,
        respawn=False,
        graceful_timeout=30,
        **file_stream(folder / "log", **rotation),
    )
    for _ in range(WORKERS):
        up.line(deadline=30)
    if how == "kill":
        for pid in shared.call("list", name="talkers")["pids"]:
            os.kill(pid, signal.SIGKILL)
    shared.call("stop", name="talkers", waiting=True, deadline=40)
    old = sorted(folder.glob("log.*"), key=lambda path: -int(path.suffix[1:]))
    assert_complete(numbered([*old, folder / "log"]), workers=WORKERS)
    if rotated:
        assert len(old) > 5
        assert all(path.stat().st_size <= 300_000 for path in (*old, folder / "log"))
    assert "lost_bytes" not in shared.call("status", name="talkers")


WRITER = """#!/bin/sh
# Writes 20,000 lines while others pull the rug from under it.
trap 'asked=1' TERM
echo up > {dir}/up
i=0
while test $i -lt 20000; do i=$((i+1)); echo "$$ $i"; done
echo done > {dir}/done
trap 'exit 0' TERM
test -n "$asked" && exit 0
while :; do sleep 1000 & wait; done
"""


@pytest.mark.parametrize("what", ["reload", "set", "logrotate", "watched"])
@pytest.mark.slow
def test_through_changes(
    shared: Daemon,
    add: Callable[..., None],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
    what: str,
) -> None:
    up, done = gate("up"), gate("done")
    cmd = script("writer", WRITER)
    kind = "WatchedFileStream" if what == "watched" else "FileStream"
    stream = {"stdout_stream": {"class": kind, "filename": str(folder / "log.0")}}
    add("writer", cmd, numprocesses=2, graceful_timeout=30, **stream)
    workers = 2
    for _ in range(2):
        up.line()
    for turn in range(1, 8):
        match what:
            case "reload":
                if (
                    turn == 1
                ):  # the old ones go when they have had their TERM, which a shell hears after its command
                    assert shared.call("reload", name="writer", waiting=True)["status"] == "ok"
                    workers = 4
            case "set":
                reply = shared.call(
                    "set",
                    name="writer",
                    options={"stdout_stream.filename": str(folder / f"log.{turn}")},
                    waiting=True,
                )
                assert reply["status"] == "ok", reply
            case "logrotate":
                if (folder / "log.0").exists():  # made anew with the next line
                    (folder / "log.0").rename(folder / f"log.{turn}")
                assert shared.call("reopenlogs", name="writer", waiting=True)["status"] == "ok"
            case "watched":
                if (folder / "log.0").exists():
                    (folder / "log.0").rename(folder / f"log.{turn}")
    for _ in range(workers):
        done.line(deadline=40)
    assert shared.call("stop", name="writer", waiting=True, deadline=40)["status"] == "ok"
    found: defaultdict[str, set[int]] = defaultdict(set)
    for name, numbers in numbered(folder.glob("log.*")).items():
        assert len(numbers) == len(set(numbers)), "no line twice"
        found[name].update(numbers)
    assert {name: len(numbers) for name, numbers in found.items()} == dict.fromkeys(found, 20000)
    assert len(found) == workers


@pytest.mark.slow
def test_neither_lines_nor_characters_are_split_by_a_prefix(
    shared: Daemon,
    add: Callable[..., None],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
) -> None:
    up = gate("up")
    line = "é€𝄞" * 500
    (folder / "text").write_text(f"{line}\n" * 300)
    cmd = script(
        "talker", "#!/bin/sh\ndd bs=1021 if={dir}/text 2>/dev/null\necho up > {dir}/up\nexec sleep 1000\n"
    )
    add("talker", cmd, numprocesses=5, **file_stream(folder / "log", time_format="%H"))
    for _ in range(5):
        up.line()
    shared.call("stop", name="talker", waiting=True)
    lines = (folder / "log").read_text().splitlines()
    assert len(lines) == 1500
    assert {one.split(" | ", 1)[1] for one in lines} == {line}


ON_DEMAND = """#!/bin/sh
echo up > {dir}/up
while read count < {dir}/go; do
  seq -f "$$ %.0f" $count
  echo wrote > {dir}/up
done
"""


@pytest.fixture
def talker(
    add: Callable[..., None], gate: Callable[[str], Gate], script: Callable[[str, str], Path]
) -> Callable[..., Callable[[int], None]]:
    """Adds the watcher ``talker``; what it gives has the worker write so many lines, and returns when it has."""

    def start(**stream: Any) -> Callable[[int], None]:
        up, go = gate("up"), gate("go")
        add("talker", script("talker", ON_DEMAND), **stream)
        assert up.line() == "up"

        def write(count: int) -> None:
            go.release(str(count))
            assert up.line(deadline=40) == "wrote"

        return write

    return start


@pytest.mark.slow
def test_a_full_disk(shared: Daemon, talker: Callable[..., Callable[[int], None]], folder: Path) -> None:
    """As a limit on the size of files says it; taken away, output goes on by itself."""
    write = talker(**file_stream(folder / "log"))
    write(1000)
    soft, hard = resource.prlimit(shared.pid, resource.RLIMIT_FSIZE)
    with shared.events("watcher.talker.output") as events:
        resource.prlimit(shared.pid, resource.RLIMIT_FSIZE, (1_000_000, hard))
        write(200_000)
        lost = events.wait_for(lambda event: event.name == "output_lost")
        resource.prlimit(shared.pid, resource.RLIMIT_FSIZE, (soft, hard))
        (folder / "log").unlink()
        write(1000)
        resumed = events.wait_for(lambda event: event.name == "output_resumed")
    assert "File too large" in lost.data["error"]
    assert str(folder / "log") in lost.data["error"]
    dropped = resumed.data["dropped"]
    assert dropped > 200_000
    status = shared.call("status", name="talker")
    assert status["status"] == "active"
    assert status["lost_bytes"] == dropped
    assert "File too large" in status["output_error"]
    assert "is being lost" in shared.output()
    assert f"{dropped} bytes were lost" in shared.output()
    assert (folder / "log").read_text().splitlines()[-1].endswith(" 1000")


@pytest.mark.slow
def test_a_removed_directory(
    shared: Daemon, talker: Callable[..., Callable[[int], None]], folder: Path
) -> None:
    (folder / "logs").mkdir()
    write = talker(**file_stream(folder / "logs" / "log"))
    write(10)
    with shared.events("watcher.talker.output") as events:
        shutil.rmtree(folder / "logs")
        write(20)
        lost = events.wait_for(lambda event: event.name == "output_lost")
        (folder / "logs").mkdir()
        write(30)
        resumed = events.wait_for(lambda event: event.name == "output_resumed")
    assert "No such file or directory" in lost.data["error"]
    assert resumed.data["dropped"] == shared.call("status", name="talker")["lost_bytes"] > 0
    assert len((folder / "logs" / "log").read_text().splitlines()) == 30


@pytest.fixture
def user_streams(folder: Path, gate: Callable[[str], Gate]) -> Path:
    """A module of stream classes for a circusd whose PYTHONPATH has the folder."""
    (folder / "userstreams.py").write_text(
        "class Raising:\n"
        "    def __init__(self, filename, **options):\n"
        "        self.filename = filename\n"
        "    def __call__(self, data):\n"
        "        text = data['data']\n"
        "        text = text if isinstance(text, str) else text.decode()\n"
        "        if ' 13\\n' in text:\n"
        "            raise LookupError('thirteen')\n"
        "        with open(self.filename, 'a') as file:\n"
        "            file.write(text)\n"
        "    def close(self):\n"
        "        raise RuntimeError('also this')\n"
    )
    return folder


@pytest.mark.slow
def test_a_raising_stream_class(
    daemon: Callable[..., Daemon],
    user_streams: Path,
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
) -> None:
    up, go = gate("up"), gate("go")
    cmd = script("talker", ON_DEMAND)
    circusd = daemon(
        f"[watcher:talker]\ncmd = {cmd}\ncopy_env = True\nstdout_stream.class = userstreams.Raising\n"
        f"stdout_stream.filename = {folder}/log\n[watcher:other]\ncmd = sleep 1000\ncopy_env = True\n",
        env={"PYTHONPATH": str(folder)},
    )
    up.line()
    with circusd.events("watcher.talker.output") as events:
        go.release("13")
        up.line()
        lost = events.wait_for(lambda event: event.name == "output_lost")
        go.release("5")
        up.line()
        events.wait_for(lambda event: event.name == "output_resumed")
    assert "LookupError" in lost.data["error"]
    assert circusd.call("status")["statuses"] == {"talker": "active", "other": "active"}
    assert circusd.call("status", name="talker")["lost_bytes"] > 0
    assert circusd.call("stop", name="talker", waiting=True)["status"] == "ok"
    assert circusd.call("start", name="talker", waiting=True)["status"] == "ok"
    assert circusd.stop() == 0


@pytest.mark.slow
def test_a_blocked_pipe_stops_neither_the_worker_nor_circusd(
    shared: Daemon, talker: Callable[..., Callable[[int], None]], folder: Path
) -> None:
    """A fifo that nobody reads: after the deadline for stuck sinks output is dropped, counted and said, and the worker goes on."""
    os.mkfifo(folder / "fifo")
    reader = os.open(folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
    try:
        write = talker(**file_stream(folder / "fifo"))
        with shared.events("watcher.talker.output") as events:
            write(1_000_000)
            lost = events.wait_for(lambda event: event.name == "output_lost")
            while "resumed" not in [event.name.removeprefix("output_") for event in events.drain()]:
                try:
                    os.read(reader, 1 << 20)
                except BlockingIOError:
                    write(1)
    finally:
        os.close(reader)
    assert lost.data["error"]
    status = shared.call("status", name="talker")
    assert status["status"] == "active"
    assert status["lost_bytes"] > 1_000_000


@pytest.mark.slow
def test_a_stop_does_not_wait_for_a_blocked_pipe_for_ever(
    shared: Daemon, talker: Callable[..., Callable[[int], None]], folder: Path
) -> None:
    os.mkfifo(folder / "fifo")
    reader = os.open(folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
    try:
        write = talker(**file_stream(folder / "fifo"))
        write(50_000)
        assert shared.call("stop", name="talker", waiting=True)["status"] == "ok"
        assert shared.call("rm", name="talker", waiting=True)["status"] == "ok"
    finally:
        os.close(reader)


@pytest.mark.slow
def test_a_neighbour_that_fails_takes_no_pipe_away(
    shared: Daemon,
    add: Callable[..., None],
    gate: Callable[[str], Gate],
    script: Callable[[str, str], Path],
    folder: Path,
) -> None:
    """When one slot of a watcher gives up, its last lines are waited for; those of the living stay connected."""
    up, go = gate("up"), gate("go")
    text = ON_DEMAND.replace(
        "#!/bin/sh\n", "#!/bin/sh\nif mkdir {dir}/first; then :; else echo oh; exit 1; fi\n"
    )
    with shared.events("watcher.pair.failed") as events:
        limits = {"max_restarts": 0, "restart_window": 1000}
        add(
            "pair", script("pair", text), numprocesses=2, start=False, **limits, **file_stream(folder / "log")
        )
        shared.call("start", name="pair")
        assert up.line() == "up"
        failed = events.wait_for(lambda event: True)
    assert failed.data["last_lines"] == ["oh"]
    go.release("7")
    assert up.line() == "wrote"
    shared.call("stop", name="pair", waiting=True)
    assert [line.split()[-1] for line in (folder / "log").read_text().splitlines()] == [
        "oh",
        *map(str, range(1, 8)),
    ]
