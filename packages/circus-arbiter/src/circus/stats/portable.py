"""The same facts where there is no procfs (macOS, the BSDs), out of psutil: dearer, and otherwise alike."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, final

import psutil

from circus.process import clock
from circus.stats.kernel import TICKS, Census, Hot, Slow

__all__ = ["Portable"]

_T = TypeVar("_T")
_LETTERS: Final = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_IDLE: "I",
}
"""The kernel's letters for psutil's words; others are shown as psutil has them."""
_DEAD: Final = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})


def _seen(ask: Callable[[], _T]) -> _T | None:
    """What it answers; None if that is not ours to see, or not told on this system."""
    try:
        return ask()
    except (psutil.AccessDenied, NotImplementedError):
        return None


@final
class Portable:
    """What psutil tells; a `Kernel`. What is not ours to see counts as nothing used."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[psutil.Process, Hot | None]] = {}
        self._boot = clock.wall() - time.monotonic()
        """The zero of our uptime, since the epoch: fixed, so that a clock that is set changes no age."""

    def read(self, pids: Iterable[int]) -> dict[int, Hot]:
        """The hot lines of those that run."""
        found: dict[int, Hot] = {}
        for pid in pids:
            process, before = self._kept.get(pid, (None, None))
            try:
                process = process or psutil.Process(pid)
                hot = self._hot(process)
            except psutil.NoSuchProcess:  # or a zombie
                self.forget(pid)
                continue
            if before is not None and hot == before:
                hot = before
            self._kept[pid] = process, hot
            found[pid] = hot
        return found

    def _hot(self, process: psutil.Process) -> Hot:
        with process.oneshot():
            status = process.status()
            if status in _DEAD:
                raise psutil.ZombieProcess(process.pid)
            times, memory = _seen(process.cpu_times), _seen(process.memory_info)
            return Hot(
                _LETTERS.get(status, status),
                _seen(process.ppid) or 0,
                int((times.user + times.system) * TICKS) if times else 0,
                int((getattr(times, "children_user", 0) + getattr(times, "children_system", 0)) * TICKS),
                int(_seen(process.nice) or 0),
                _seen(process.num_threads) or 1,
                int((process.create_time() - self._boot) * TICKS),
                memory.vms if memory else 0,
                memory.rss if memory else 0,
            )

    def slow(self, pid: int) -> Slow:
        """The slow facts; what is not ours to see is ``N/A`` or None."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                words = _seen(process.cmdline) or []
                io = _seen(process.io_counters) if hasattr(process, "io_counters") else None
                return Slow(
                    username=_seen(process.username) or "N/A",
                    cmdline=os.path.basename(words[0]) if words else "N/A",
                    command=" ".join(words),
                    fds=_seen(process.num_fds),
                    read_bytes=io.read_bytes if io else None,
                    write_bytes=io.write_bytes if io else None,
                )
        except psutil.NoSuchProcess:
            return Slow("N/A", "N/A", "", None, None, None)

    def parent(self, pid: int) -> int:
        """Of a process; 0 if there is none that we may see."""
        try:
            return psutil.Process(pid).ppid()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return 0

    def forget(self, pid: int) -> None:
        self._kept.pop(pid, None)

    def census(self, cursor: int | None, *, limit: int) -> Census:
        """All of them, each time."""
        del cursor, limit
        return Census(psutil.pids(), is_complete=True, cursor=1)

    def uptime_ticks(self) -> float:
        """Clock ticks since boot, as far as that can be known: the same zero as that of `Hot.start`."""
        return time.monotonic() * TICKS

    def close(self) -> None:
        self._kept.clear()
