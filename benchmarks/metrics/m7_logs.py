"""M7: one worker floods its output into rotated files: speed, processor time, losses, damage, and control meanwhile."""

import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import procs
from benchmarks.board import Timeout
from benchmarks.job import LogJob
from benchmarks.metrics import Figures
from benchmarks.metrics.m6_control import percentiles, timed
from benchmarks.peers import Peer
from benchmarks.plan import Plan
from benchmarks.run import Run, running

__all__ = ["intact", "measure"]

_LINE = 100
_NUMBERED = re.compile(rb"(?:^|\s)(\d{12}) (?:\xc3\xa4){43}$")
_LOOK = 0.01


def measure(peer: Peer, plan: Plan, *, prefix: bool) -> Figures:
    """A run of its own.

    Args:
        peer: which.
        plan: how much.
        prefix: whether each line is to begin with the time.
    """

    def log(folder: Path) -> LogJob:
        limit = plan.rotate
        return LogJob(folder=folder / "log", limit=limit, files=3 * plan.flood // limit + 10, time_prefix=prefix)

    with running(peer, arguments=("flood", str(plan.flood)), log=log) as run:
        if not peer.logs(run.job):
            return {}
        name = "prefix_" if prefix else ""
        (record,) = run.started(plan.timeout)[:1]
        waits = _Waits(run)
        before = procs.usage(run.pids())
        amount = run.board.wait_finished(0, plan.timeout).amount
        arrived = _arrived(run, amount, plan.timeout, exact=not prefix)
        used = procs.usage(run.pids()) - before
        took = arrived - record.began
        lost, damaged = intact(_read(run), amount // _LINE)
        return {
            f"{name}logs_mb_per_s": amount / took / 1e6,
            f"{name}logs_cpu_s_per_gb": used.cpu / (amount / 1e9),
            f"{name}logs_lost_lines": lost,
            f"{name}logs_damaged_lines": damaged,
            **waits.end(name),
        }


def _files(run: Run) -> list[Path]:
    assert run.job.log is not None
    return [path for path in run.job.log.folder.rglob("*") if path.is_file() and path.name not in {"lock", "state", "config"}]


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
        time.sleep(_LOOK)  # noqa: TID251 - the observer must not disturb


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


class _Waits:
    """What a request costs during the flood."""

    def __init__(self, run: Run) -> None:
        self._request = run.peer.answers(run.job)
        self._samples: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        if self._request is not None:
            run.controlled()
            self._thread.start()

    def _ask(self) -> None:
        assert self._request is not None
        while not self._over.wait(0.002):
            try:
                self._samples += timed(self._request, 1)
            except (OSError, ValueError, RuntimeError):
                return  # it is gone

    def end(self, name: str) -> dict[str, float]:
        self._over.set()
        if self._request is None:
            return {}
        self._thread.join()
        return percentiles(self._samples, f"{name}logs_request") if self._samples else {}


