"""A pytest plugin: a test that leaves a process, a task, a thread or a descriptor behind fails.

Theory. Before a test (after the fixtures of wider scope) what exists is noted; after it, and after all of its own
fixtures, what is new is reported, and ended so that the next test starts clean.

- *processes*: children of this process, zombies too, and their descendants that were re-parented, which are found
  by a mark in their environment. The process table is only read when a child was started at all: `waitid` tells
  whether there is one, the resource usage of reaped children whether there was one. Both take a microsecond.
- *tasks*: those of pytest-asyncio's loop that are not done when it is about to be closed.
- *threads*: what `threading` knows. libzmq's own threads are not among them.
- *descriptors*: those of this process. libzmq's shared context (`zmq.Context.instance()`) keeps five for its
  threads once it is used: they are forgiven once, those of a socket that is left open are not.

``@pytest.mark.allow_leaks("threads")`` lets a test leave things of the named kinds behind.
"""

import asyncio
import gc
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["KINDS", "MARK", "MARK_VARIABLE", "child_pids", "marked_pids"]

KINDS = ("processes", "tasks", "threads", "descriptors")
MARK_VARIABLE = "CIRCUS_TEST_RUN"
MARK = f"{os.getpid()}.{os.urandom(4).hex()}"
"""What the environment of every descendant of this test process holds."""

SHARED_ZMQ_DESCRIPTORS = 6
GRACE = 0.5
"""Seconds in which a thread or an orphan that is on its way out may go."""

_DESCRIPTORS = next(path for path in ("/proc/self/fd", "/dev/fd") if Path(path).is_dir())
_PROC = Path("/proc")


def pytest_configure(config: pytest.Config) -> None:
    """Mark the environment, so that descendants can be told."""
    outer = os.environ.get(MARK_VARIABLE, "")
    os.environ[MARK_VARIABLE] = f"{outer},{MARK}".lstrip(",")
    config.stash[_STATE] = _State()


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    allowed = _allowed(request.node)
    state = request.config.stash[_STATE]
    before = state.note()
    yield
    problems = state.compare(before, allowed)
    if problems:
        pytest.fail("this test leaves behind:\n  " + "\n  ".join(problems), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    """Look at the tasks of a test's loop at the last moment before it is closed (and cancels them)."""
    result = yield
    if fixturedef.argname == "_function_scoped_runner":
        node = request.node
        fixturedef.addfinalizer(lambda: _check_tasks(result, node))
    return result


def _check_tasks(runner: asyncio.Runner, node: Any) -> None:
    left = [task for task in asyncio.all_tasks(runner.get_loop()) if not task.done()]
    if left and "tasks" not in _allowed(node):
        names = "\n  ".join(f"task {task.get_name()}: {task.get_coro()!r}" for task in left)
        pytest.fail(f"this test leaves behind:\n  {names}", pytrace=False)


def _allowed(node: Any) -> frozenset[str]:
    kinds = frozenset(kind for mark in node.iter_markers("allow_leaks") for kind in mark.args)
    unknown = kinds - frozenset(KINDS)
    if unknown:
        raise pytest.UsageError(
            f"{node.nodeid}: allow_leaks knows {', '.join(KINDS)}, not {', '.join(sorted(unknown))}"
        )
    return kinds


# --- what exists -------------------------------------------------------------------------------------------------


def _descriptors() -> frozenset[int]:
    return frozenset(int(name) for name in os.listdir(_DESCRIPTORS))


def _target(descriptor: int) -> str | None:
    """What a descriptor refers to; None if it is closed (as the one that listed the folder is)."""
    try:
        return os.readlink(f"{_DESCRIPTORS}/{descriptor}")
    except OSError:
        try:
            os.fstat(descriptor)
        except OSError:
            return None
        return "?"


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent of a process, from its ``stat``."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(_PROC) if name.isdigit()] if _PROC.is_dir() else []


def child_pids() -> frozenset[int]:
    """The children of this process, dead ones that nobody waited for included."""
    if not _has_children():
        return frozenset()
    own = os.getpid()
    return frozenset(pid for pid in _pids() if (stat := _stat(pid)) is not None and stat[1] == own)


def marked_pids() -> frozenset[int]:
    """Processes that run and carry the mark of this test process."""
    mark, own = MARK.encode(), os.getpid()
    found: set[int] = set()
    for pid in _pids():
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if pid != own and mark in environment:
            found.add(pid)
    return frozenset(found)


def _describe(pid: int) -> str:
    stat = _stat(pid)
    try:
        words = (
            (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
    except OSError:
        words = ""
    if stat is not None and stat[0] == "Z":
        return f"process {pid}: a zombie, nobody waited for it"
    return f"process {pid}: {words or '?'}"


def _end(pid: int) -> None:
    """Kill what a test left, and reap it if it is our child."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        _gone(pid)


def _gone(pid: int) -> bool:
    """Whether an orphan ends within the grace; where there is no pidfd, whether it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        stat = _stat(pid)
        return stat is None or stat[0] == "Z"
    try:
        return bool(select.select([descriptor], [], [], GRACE)[0])
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Snapshot:
    threads: frozenset[threading.Thread]
    descriptors: frozenset[int]


@dataclass(slots=True)
class _State:
    processes: frozenset[int] = frozenset()
    """Those that are there and not this test's: what fixtures of a wider scope run."""
    usage: int = -1
    """Page faults of all reaped children: it grows with each of them."""
    zmq_contexts: set[int] = field(default_factory=set[int])
    """Shared contexts whose descriptors were forgiven."""

    def note(self) -> _Snapshot:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
        if usage != self.usage or _has_children():
            self.processes = child_pids() | marked_pids()
            self.usage = usage
        return _Snapshot(frozenset(threading.enumerate()), _descriptors())

    def compare(self, before: _Snapshot, allowed: frozenset[str]) -> list[str]:
        problems: list[str] = []
        if "processes" not in allowed:
            problems += self._left_processes()
        if "threads" not in allowed:
            problems += _left_threads(before.threads)
        if "descriptors" not in allowed:
            problems += self._left_descriptors(before.descriptors)
        return problems

    def _left_processes(self) -> list[str]:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
        if usage == self.usage and not _has_children():
            return []
        self.usage = usage
        children = child_pids() - self.processes
        orphans = {pid for pid in marked_pids() - self.processes - children if not _gone(pid)}
        left = sorted(children | orphans)
        problems = [_describe(pid) for pid in left]
        for pid in left:
            _end(pid)
        return problems

    def _left_descriptors(self, before: frozenset[int]) -> list[str]:
        new = _open(_descriptors() - before)
        if (
            new
        ):  # what only a cycle holds is closed by the collector, with a ResourceWarning, which is an error
            gc.collect()
            new = _open(new.keys())
        zmq = sys.modules.get("zmq")
        context = getattr(getattr(zmq, "Context", None), "_instance", None)
        if new and context is not None and not context.closed and id(context) not in self.zmq_contexts:
            shared = [number for number, target in new.items() if target in _ZMQ_TARGETS]
            if len(shared) <= SHARED_ZMQ_DESCRIPTORS:
                self.zmq_contexts.add(id(context))
                new = {number: target for number, target in new.items() if number not in shared}
        return [f"descriptor {number}: {target}" for number, target in sorted(new.items())]


_ZMQ_TARGETS = frozenset({"anon_inode:[eventfd]", "anon_inode:[eventpoll]"})
_STATE = pytest.StashKey[_State]()


def _open(descriptors: Any) -> dict[int, str]:
    targets = {number: _target(number) for number in descriptors}
    return {number: text for number, text in targets.items() if text is not None and text != "/dev/urandom"}


def _left_threads(before: frozenset[threading.Thread]) -> list[str]:
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(GRACE)
    return [f"thread {thread.name}" for thread in left if thread.is_alive()]
