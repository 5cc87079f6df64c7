"""What one worker is given at its spawn: its sockets, and the program that its command names."""

import shutil
from dataclasses import replace
from typing import final

from circus.process.spec import ProcessSpec
from circus.sockets import BoundSocket, SocketSet
from circus.watcher.spec import GivenSockets, WatcherSpec

__all__ = ["Outfit"]


@final
class Outfit:
    """Makes process specs.

    Args:
        sockets: of which workers may inherit; not owned. None: there are none.
    """

    def __init__(self, sockets: SocketSet | None) -> None:
        self._sockets = sockets
        self._found: dict[str, str] = {}

    def forget(self) -> None:
        """A spawn failed: look programs up again."""
        self._found.clear()

    def process_spec(
        self, spec: WatcherSpec, wid: int, capture: tuple[bool, bool], own: list[BoundSocket]
    ) -> ProcessSpec:
        """What to spawn.

        Args:
            spec: of the watcher.
            wid: the slot.
            capture: whether stdout and stderr are pipes to us.
            own: gets the sockets that were bound for this worker alone, to be closed after the spawn, or if this raises.

        Raises:
            SpawnError: the command cannot be expanded, or there is no such user or group.
            OSError, ValueError: a socket is not there or cannot be bound.
        """
        made = spec.process_spec(wid, self._given(spec, own), capture=capture)
        if made.executable is None and "/" not in made.argv[0] and "PATH" not in made.env:
            # A worker without PATH is found by ours: the shortest configurations say `cmd = python` and no more.
            made = replace(made, executable=self._find(made.argv[0]))
        return made

    def _find(self, program: str) -> str | None:
        """Where our PATH has a program; remembered until a spawn fails."""
        found = self._found.get(program) or shutil.which(program)
        if found is not None:
            self._found[program] = found
        return found

    def _given(self, spec: WatcherSpec, own: list[BoundSocket]) -> GivenSockets:
        sockets, uses, stdin = self._sockets, spec.uses_sockets, spec.options.stdin_socket
        if sockets is None or not (uses or stdin):
            if stdin:
                raise ValueError(f"there is no socket {stdin!r} for standard input")
            return GivenSockets()
        named = [socket.key for socket in sockets.specs] if uses is True else list(uses or ())
        for key in [socket.key for socket in sockets.specs if socket.reuse_port and socket.key in named]:
            own.append(sockets.per_worker(key))  # noqa: PERF401 - what was bound is to be closed if a later one fails
        down = sockets.hand_down(named, own=own)
        values = sockets.hand_down(None, own=own).values
        bound = None if stdin is None else sockets.get(stdin)
        if stdin is not None and bound is None:
            raise ValueError(f"there is no socket {stdin!r} for standard input")
        return GivenSockets(fds=down.fds, values=values, stdin=None if bound is None else bound.fileno())
