"""M7: one worker floods its output into rotated files: speed, processor time, losses, damage, and control meanwhile."""

import re
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from benchmarks import procs
from benchmarks.board import Timeout
from benchmarks.job import LogJob
from benchmarks.metrics import Figures
from benchmarks.metrics.m6_control import bare_router, percentiles, timed
from benchmarks.peers import Peer
from benchmarks.plan import Plan
from benchmarks.run import Run, running

__all__ = ["intact", "measure", "measure_prefixed", "measure_requests"]

_LINE = 100
_NUMBERED = re.compile(rb"(?:^|\s)(\d{12}) (?:\xc3\xa4){43}$")
_LOOK = 0.01
_PAUSE = 0.002
_ENDLESS = 50
"""So many floods in one last for as long as requests are timed; the run is ended then."""


def measure(peer: Peer, plan: Plan) -> Figures:
    """Speed, processor time and losses; a run of its own, as the others here."""
    return _flood(peer, plan, prefix=False)


def measure_prefixed(peer: Peer, plan: Plan) -> Figures:
    """The same with the time before each line."""
    return {f"prefix_{name}": value for name, value in _flood(peer, plan, prefix=True).items()}


def measure_requests(peer: Peer, plan: Plan) -> Figures:
    """What the cheapest request costs during a flood: apart, for to answer costs processor time, too.

    The floor is a bare ROUTER beside the floor's flood: what the machine itself makes a request wait while it is that busy.
    """
    with ExitStack() as stack:
        run = stack.enter_context(_running(peer, plan, prefix=False, times=_ENDLESS))
        request = peer.answers(run.job)
        if request is None and peer.name == "floor":
            request = stack.enter_context(bare_router())
        if request is None:
            return {}
        run.started(plan.timeout)
        samples: list[float] = []
        while len(samples) < plan.requests and not run.board.record(0).finished:
            samples += timed(request, 1)
            time.sleep(_PAUSE)
        return percentiles(samples, "logs_request") if samples else {}


def _running(peer: Peer, plan: Plan, *, prefix: bool, times: int = 1) -> AbstractContextManager[Run]:
    def log(folder: Path) -> LogJob:
        limit = plan.rotate
        return LogJob(
            folder=folder / "log", limit=limit, files=3 * plan.flood // limit + 10, time_prefix=prefix
        )

    return running(peer, arguments=("flood", str(times * plan.flood)), log=log)


def _flood(peer: Peer, plan: Plan, *, prefix: bool) -> Figures:
    with _running(peer, plan, prefix=prefix) as run:
        if not peer.logs(run.job):
            return {}
        (record,) = run.started(plan.timeout)[:1]
        before = procs.usage(run.pids())
        amount = run.board.wait_finished(0, plan.timeout).amount
        arrived = _arrived(run, amount, plan.timeout, exact=not prefix)
        used = procs.usage(run.pids()) - before
        lost, damaged = intact(_read(run), amount // _LINE)
        return {
            "logs_mb_per_s": amount / (arrived - record.began) / 1e6,
            "logs_cpu_s_per_gb": used.cpu / (amount / 1e9),
            "logs_lost_lines": lost,
            "logs_damaged_lines": damaged,
        }


def _files(run: Run) -> list[Path]:
    assert run.job.log is not None
    return [
        path
        for path in run.job.log.folder.rglob("*")
        if path.is_file() and path.name not in {"lock", "state", "config"}
    ]


def _arrived(run: Run, amount: int, timeout: float, *, exact: bool) -> float:
    """Wait until all is in the files, or nothing comes any more; when the last byte came."""
    deadline, size, grown = time.monotonic() + timeout, -1, time.monotonic()
    while True:
        now, have = time.monotonic(), sum(_size(path) for path in _files(run))
        if have != size:
            size, grown = have, now
        if exact and size >= amount:
            return now
        if now - grown > 1.0:
            return grown
        if now > deadline:
            raise Timeout(f"{size} of {amount} bytes are in the files after {timeout:.0f} s")
        time.sleep(_LOOK)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it is being rotated
        return 0


def _read(run: Run) -> Iterable[bytes]:
    """All lines of all files, a file at a time; a line that rotation has cut in two is put together again.

    The files are read from the oldest to the newest, as the numbers of their first whole lines say.
    """
    texts = sorted((text for path in _files(run) if (text := path.read_bytes())), key=_first_number)
    return b"".join(texts).split(b"\n")


def _first_number(text: bytes) -> int:
    found = re.search(rb"(?:^|\s)(\d{12}) \xc3", text)
    return int(found[1]) if found else 0


def intact(lines: Iterable[bytes], expected: int) -> tuple[int, int]:
    """How many of so many numbered lines are missing, and how many lines are not as they were written."""
    seen: set[int] = set()
    damaged = 0
    for line in lines:
        if not line:
            continue
        found = _NUMBERED.search(line)
        if found is None:
            damaged += 1
        else:
            seen.add(int(found[1]))
    return expected - len(seen), damaged
