"""One run of one supervisor: its folder, its board, its processes; nothing of it is left afterwards."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from benchmarks import native, procs
from benchmarks.board import Board, Record, Timeout
from benchmarks.job import Job, LogJob
from benchmarks.peers.base import Peer

__all__ = ["Run", "running"]

_CONTROL = 30.0


def _environment() -> dict[str, str]:
    """Ours, without what would make an interpreter compile its modules anew at each start."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CIRCUS"))}


@final
class Run:
    """A supervisor that runs; made by `running`.

    Attributes:
        peer: which.
        job: what it was told.
        board: what its workers say.
        began: monotonic seconds just before it was executed.
        stopped: whether it has been told to stop, and has.
    """

    def __init__(self, peer: Peer, job: Job, board: Board) -> None:
        self.peer = peer
        self.job = job
        self.board = board
        self.stopped = False
        argv = peer.configure(job)
        self._output = (job.folder / "daemon.out").open("wb")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdout=self._output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**_environment(), **peer.environment(job)}, cwd=job.folder,
        )  # fmt: skip

    @property
    def root(self) -> int:
        """The pid of the daemon."""
        return self.peer.daemon(self.job, self.process.pid)

    def started(self, timeout: float) -> list[Record]:
        """Wait until all workers began.

        Raises:
            Timeout: they did not; with the last words of the daemon.
        """
        try:
            return self.board.wait_for(self.job.workers, timeout)
        except Timeout as error:
            raise Timeout(f"{error}; it said: {self.last_words()}") from None

    def pids(self) -> list[int]:
        """The supervisor's own processes, however many those are; no worker among them."""
        return procs.descendants(self.root, without=str(native.WORKER))

    def living(self) -> list[Record]:
        """The latest start of each worker that runs."""
        return [one for one in self.board.records() if procs.runs(one.pid)]

    def stop(self, timeout: float) -> float:
        """Tell it to stop; seconds until all workers and the daemon itself are gone.

        Raises:
            Timeout: something still runs.
        """
        root = self.root
        pidfd = os.pidfd_open(root)
        try:
            began = time.monotonic()
            self.peer.stop(self.job, root)
            self.board.wait_empty(timeout)
            if not procs.ended(pidfd, timeout):
                raise Timeout(f"the daemon still runs after {timeout:.0f} s")
            self.stopped = True
            return time.monotonic() - began
        finally:
            os.close(pidfd)

    def controlled(self) -> None:
        """Wait until it answers requests, where it does at all."""
        ready = self.peer.answers(self.job)
        deadline = time.monotonic() + _CONTROL
        while ready is not None and not _works(ready):
            if time.monotonic() > deadline:
                raise Timeout(f"no answer in {_CONTROL:.0f} s; it said: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The end of what the daemon wrote."""
        self._output.flush()
        return (self.job.folder / "daemon.out").read_text(errors="replace")[-400:].strip()

    def close(self) -> None:
        """End everything of this run, whatever state it is in: nothing else descends from us meanwhile."""
        procs.end_all(os.getpid())
        self._output.close()


def _works(request: Callable[[], object]) -> bool:
    try:
        request()
    except (OSError, ValueError, RuntimeError):
        return False
    return True


@contextmanager
def running(
    peer: Peer,
    *,
    workers: int = 1,
    arguments: tuple[str, ...] = ("idle",),
    starts: int = 0,
    one_each: bool = False,
    log: Callable[[Path], LogJob] | None = None,
    stats: bool = False,
    port: int | None = None,
) -> Iterator[Run]:
    """Run a supervisor in a folder of its own.

    Args:
        peer: which.
        workers: how many.
        arguments: of the worker, after those of the board.
        starts: of workers at most, in the whole run; default: ten times the workers, and some.
        one_each: see `Job`.
        log: where output is to go, given the run's folder.
        stats: see `Job`.
        port: see `Job`.
    """
    folder = Path(tempfile.mkdtemp(prefix="circus-bench-"))
    folder.chmod(0o755)
    board = Board(folder, starts or 10 * workers + 1000)
    try:
        job = Job(
            folder=folder,
            command=(str(native.WORKER), *board.arguments, *arguments),
            workers=workers,
            one_each=one_each,
            log=log(folder) if log else None,
            stats=stats,
            port=port,
        )
        run = Run(peer, job, board)
        try:
            yield run
        finally:
            run.close()
    finally:
        board.close()
        shutil.rmtree(folder, ignore_errors=True)
