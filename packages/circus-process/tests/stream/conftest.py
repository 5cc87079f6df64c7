"""Pipes, hubs and sources for the tests of circus.stream."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

import pytest

from circus.stream import Attachment, OutputHub, OutputTrouble, Sink, Source, TailBuffer


class Wire:
    """A pipe whose read end a hub owns."""

    def __init__(self, hub: OutputHub, sink: Sink, source: Source, tail: TailBuffer | None) -> None:
        read, self.fd = os.pipe()
        self.attachment: Attachment = hub.attach(read, source=source, sink=sink, tail=tail)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.fd, data) :]

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Bench:
    """A hub with what it told."""

    def __init__(self, *, stall_after: float = 5.0) -> None:
        self.troubles: list[OutputTrouble] = []
        self.hub = OutputHub(on_trouble=self.troubles.append, stall_after=stall_after)
        self.sinks: list[Sink] = []
        self._wires: list[Wire] = []

    def sink(self, sink: Sink) -> Sink:
        self.sinks.append(sink)
        return sink

    def wire(self, sink: Sink, wid: int = 1, *, pid: int = 4711, tail: TailBuffer | None = None) -> Wire:
        self._wires.append(Wire(self.hub, sink, Source("web", wid, pid), tail))
        return self._wires[-1]

    def close(self) -> None:
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.close()
        assert self.hub.close()
        for sink in self.sinks:
            assert sink.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Coroutine[None, None, None]]:
    """Let the event loop turn until a condition holds that another thread brings about; 10 s at most."""

    async def until(condition: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while not condition():
                turn = loop.create_future()
                loop.call_later(0.001, turn.set_result, None)
                await turn

    return until


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Bench]:
    """One whose hub takes a full sink for stuck after 50 ms."""
    bench = Bench(stall_after=0.05)
    yield bench
    bench.close()
