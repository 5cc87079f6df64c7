"""A bounded history of figures. Pure."""

from array import array
from math import isnan, nan

__all__ = ["HISTORY", "Series"]

HISTORY = 300
"""Samples kept, one a second: the last five minutes."""


class Series:
    """CPU and memory, one sample a tick; the oldest are overwritten. Where nothing was known there is a gap."""

    __slots__ = ("_cpu", "_memory", "_next", "_size")

    def __init__(self, size: int = HISTORY) -> None:
        self._size = size
        self._next = 0
        self._cpu = array("f")
        self._memory = array("d")

    def append(self, cpu: float | None, memory: float | None) -> None:
        """Add a sample; None where it is not known."""
        cpu, memory = nan if cpu is None else cpu, nan if memory is None else memory
        if len(self._cpu) < self._size:
            self._cpu.append(cpu)
            self._memory.append(memory)
        else:
            self._cpu[self._next] = cpu
            self._memory[self._next] = memory
        self._next = (self._next + 1) % self._size

    def skip(self, ticks: int) -> None:
        """Leave a gap for ticks at which nobody looked; before the first sample there is nothing to be apart from."""
        if not self._cpu:
            return
        for _ in range(min(ticks, self._size)):
            self.append(None, None)

    def lists(self) -> tuple[list[float | None], list[float | None]]:
        """CPU and memory, oldest first; None in a gap."""
        at = self._next if len(self._cpu) == self._size else 0
        cpu = [None if isnan(value) else round(value, 1) for value in (*self._cpu[at:], *self._cpu[:at])]
        memory = [None if isnan(value) else value for value in (*self._memory[at:], *self._memory[:at])]
        return cpu, memory

    def view(self, last: int = HISTORY) -> dict[str, list[float | None]]:
        """The last of them as pages draw them."""
        cpu, memory = self.lists()
        return {"cpu": cpu[-last:], "memory": memory[-last:]}
