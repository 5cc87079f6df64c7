"""No room for processes or threads, for some alone: a cgroup with ``pids.max``, where there is one, or stacks that are too large."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import pytest

from crowd import until

__all__ = ["Room", "no_room_for_threads", "room_for_processes"]

_MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
_OLD = Path("/sys/fs/cgroup/pids")


@final
class Room:
    """A cgroup. Who writes its pid to `door` comes in, and so do its children; threads count, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.door = folder / "cgroup.procs"

    @property
    def inside(self) -> int:
        """How many processes and threads there are."""
        return int((self._folder / "pids.current").read_text())

    def close(self, free: int = 0) -> None:
        """From now on there is room for so many more."""
        self._limit(str(self.inside + free))

    def open(self) -> None:
        """There is no limit."""
        self._limit("max")

    def _limit(self, text: str) -> None:
        (self._folder / "pids.max").write_text(text)


@contextmanager
def room_for_processes() -> Iterator[Room]:
    """One for the time of a test, which ends what is in it; the test is skipped where there can be none."""
    parent = _parent()
    if parent is None:
        pytest.skip("needs root and the pids controller of a cgroup, version 1 or 2")
    folder = parent / f"circus-test-{os.getpid()}"
    folder.mkdir()
    room = Room(folder)
    try:
        yield room
    finally:
        room.open()
        until(lambda: room.inside == 0, "nobody is left in the cgroup of the test")
        folder.rmdir()


def _parent() -> Path | None:
    if os.access(_OLD / "cgroup.procs", os.W_OK):
        return _OLD
    for mount in _MOUNTS:
        try:
            if "pids" in (mount / "cgroup.subtree_control").read_text().split() and os.access(mount, os.W_OK):
                return mount
        except OSError:
            continue
    return None


@contextmanager
def no_room_for_threads() -> Iterator[None]:
    """Within this process: each thread would need a stack that no machine has, so none can be started."""
    before = threading.stack_size(1 << 46)
    try:
        yield
    finally:
        threading.stack_size(before)
