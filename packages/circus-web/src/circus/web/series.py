"""A bounded history of figures. Pure."""

from array import array

__all__ = ["HISTORY", "Series"]

HISTORY = 300
"""Samples kept, one a second: the last five minutes."""


class Series:
    """CPU and memory, one sample a tick; the oldest are overwritten."""

    __slots__ = ("_cpu", "_memory", "_next", "_size")

    def __init__(self, size: int = HISTORY) -> None:
        self._size = size
        self._next = 0
        self._cpu = array("f")
        self._memory = array("d")

    def append(self, cpu: float, memory: float) -> None:
        """Add a sample."""
        if len(self._cpu) < self._size:
            self._cpu.append(cpu)
            self._memory.append(memory)
        else:
            self._cpu[self._next] = cpu
            self._memory[self._next] = memory
        self._next = (self._next + 1) % self._size

    def lists(self) -> tuple[list[float], list[float]]:
        """CPU and memory, oldest first."""
        at = self._next if len(self._cpu) == self._size else 0
        cpu = [round(value, 1) for value in (*self._cpu[at:], *self._cpu[:at])]
        return cpu, [*self._memory[at:], *self._memory[:at]]
