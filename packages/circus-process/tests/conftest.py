"""What the tests of this package share: a spawner that cleans up behind a test, and specs of shell scripts."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from circus.process import LocalSpawner, ProcessSpec, Stdio
from circus.process.handle import LocalChild

SpecMaker = Callable[..., ProcessSpec]


@pytest.fixture
def spec() -> SpecMaker:
    """``spec("exit 3", stdout=Stdio.PIPE)``: a shell script in our environment, silent and deaf by default."""

    def make(script: str = "exit 0", **options: Any) -> ProcessSpec:
        defaults: dict[str, Any] = {
            "label": "web.1",
            "argv": ("/bin/sh", "-c", script),
            "env": dict(os.environ),
            "stdin": Stdio.NULL,
            "stderr": Stdio.NULL,
        }
        return ProcessSpec(**(defaults | options))

    return make


@pytest.fixture
def spawner() -> Iterator[LocalSpawner]:
    """A real spawner; what it started is killed and released when the test ends."""
    started: list[LocalChild] = []
    spawner = LocalSpawner()
    add = spawner.forest.add

    def note(child: LocalChild) -> None:
        started.append(child)
        add(child)

    spawner.forest.add = note  # type: ignore[method-assign]
    yield spawner
    for child in started:
        while not child.is_gone():
            child.signal_tree(signal.SIGKILL)
            child.wait_blocking(1)
        child.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds; for what the kernel does in its own time and tells nobody."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline
            os.sched_yield()

    return wait


@pytest.fixture
def open_count() -> Callable[[], int]:
    """How many descriptors we have open."""
    return lambda: len(list(Path("/dev/fd").iterdir()))


def read_all(fd: int | None) -> bytes:
    """Everything until the end of a pipe, which is closed."""
    assert fd is not None
    with os.fdopen(fd, "rb") as stream:
        return stream.read()


@pytest.fixture
def output(spawner: LocalSpawner, spec: SpecMaker) -> Callable[..., bytes]:
    """Run a script to its end, without a loop, and hand back what it wrote."""

    def run(script: str = "", **options: Any) -> bytes:
        child = spawner.spawn(spec(script, stdout=Stdio.PIPE, **options), watch=False)
        text = read_all(child.take_stdout())
        assert child.wait_blocking(10) is not None
        child.close()
        return text

    return run


@pytest.fixture
def gate() -> Iterator[Callable[[], tuple[int, int]]]:
    """Pipes whose ends a child may inherit: to wait for it to be ready, and to hold it."""
    opened: list[int] = []

    def make() -> tuple[int, int]:
        ends = os.pipe()
        opened.extend(ends)
        return ends

    yield make
    for fd in opened:
        try:
            os.close(fd)
        except OSError:
            continue  # the test closed it
