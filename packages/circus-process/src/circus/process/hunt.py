"""Signalling processes that are no children of ours, and catching those that fork faster than anybody can read.

Theory. A process is its pid and its start time: a pidfd is opened first and the start time compared after that, so no stranger is
ever hit. What forks and exits all the time has no pid for long, but it stays in its process group, since leaving that is seen as
a new group at the next look: the kernel signals a group as one, and a fork does not escape from it (kill(2), POSIX.1-2024
``killpg``). A group's number stays reserved while a member lives; it was read a moment ago, and the kernel gives out numbers in
ascending order, so it can name a stranger only after the whole number space has been used up in between.

Where nobody was met in a whole process table, the newest pids are looked at again and again instead, which takes microseconds; or, if
the group is known, all of it is stopped for as long as the reading takes.
"""

import os
import signal
import sys
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager

from circus.process import clock, procfs
from circus.process.procfs import Stat
from circus.process.tree import MARK, Identity

__all__ = ["hold", "hunt_newest", "kill_groups", "scout", "signal_process"]

_NEWEST = 12  # pids, counted back from the last one given out
_QUIET_ROUNDS = 20
_SCOUT_ROUNDS = 5


def signal_process(row: Stat, number: int) -> bool:
    """Signal a process that is no child of ours, if it still is the one that was looked at.

    Returns:
        Whether the signal was sent.

    Raises:
        PermissionError: we may not signal it.
    """
    if sys.platform == "linux":
        try:
            fd = os.pidfd_open(row.pid)
        except ProcessLookupError:
            return False
        except OSError:  # no pidfds, or out of descriptors
            return _signal_by_pid(row, number)
        try:
            if procfs.start_time(row.pid) != row.start_time:
                return False
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(fd)
        return True
    return _signal_by_pid(row, number)


def _signal_by_pid(row: Stat, number: int) -> bool:
    """The fall-back: between the check and the signal lie microseconds in which the pid could be recycled."""
    if procfs.start_time(row.pid) != row.start_time:
        return False
    try:
        os.kill(row.pid, number)  # noqa: TID251 - the owner of the ban, without pidfds
    except ProcessLookupError:
        return False
    return True


def kill_groups(rows: Iterable[Stat]) -> None:
    """SIGKILL the process groups of these processes, as one each.

    Args:
        rows: read a moment ago; of the tree of a worker that started a session of its own, so that nobody else can be in a group
            of theirs. Whoever is in our own session is left out all the same.
    """
    ours = os.getsid(0)
    for group in {row.pgid for row in rows if row.pgid > 1 and row.sid not in (0, ours)}:
        _send_group(group, signal.SIGKILL)


@contextmanager
def hold(groups: Iterable[int]) -> Generator[None]:
    """Stop process groups for a moment, so that who is in them can be read; they go on at the end.

    Args:
        groups: of adopted orphans, none of them our own.
    """
    held: list[int] = []
    try:
        held.extend(group for group in groups if _send_group(group, signal.SIGSTOP))
        yield
    finally:
        for group in held:
            _send_group(group, signal.SIGCONT)


def _send_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def scout(marks: Collection[str], owned: Collection[int]) -> list[tuple[Stat, str]]:
    """Who among the newest processes carries one of these marks; looks a few times if there is nobody.

    Args:
        marks: as in the environment.
        owned: pids that are not looked at.
    """
    for _ in range(_SCOUT_ROUNDS):
        found = [(row, mark) for row, carried in _newest(owned) for mark in carried if mark in marks]
        if found:
            return found
    return []


def hunt_newest(mark: str, owned: Collection[int], deadline: float) -> set[Identity]:
    """Kill what carries the mark among the newest processes, and its group, until none has been met for a while.

    Args:
        mark: of a worker that started a session of its own.
        owned: pids that are not looked at.
        deadline: monotonic seconds, when to stop in any case.

    Returns:
        Who was killed.
    """
    struck: set[Identity] = set()
    quiet = 0
    while quiet < _QUIET_ROUNDS and clock.monotonic() < deadline:
        quiet += 1
        for row, carried in _newest(owned):
            if mark in carried:
                kill_groups([row])
                signal_process(row, signal.SIGKILL)
                quiet = 0
                struck.add((row.pid, row.start_time))
    return struck


def _newest(owned: Collection[int]) -> Iterator[tuple[Stat, list[str]]]:
    """The newest processes and the marks that they carry."""
    last = procfs.last_pid()
    for pid in range(last + 2, max(1, last - _NEWEST), -1):
        if pid in owned:
            continue
        row = procfs.read_stat(pid)
        if row is None or row.leaving:
            continue
        try:
            value = procfs.variable(procfs.environ(pid) or b"", MARK)
        except PermissionError:
            continue
        if value:
            yield row, value.split(":")
