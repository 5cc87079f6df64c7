"""The commands that wait for their outcome, and what has happened since each was asked."""

import asyncio
from collections.abc import Callable, Collection
from typing import final

from circus.watcher.commands import Outcome

__all__ = ["Ledger", "Pending"]


@final
class Pending:
    """One command that was accepted and is not answered yet.

    Args:
        name: of the command, as later ones call it.
        future: where the outcome goes.
        done: whether its goal is reached; asked after each change.
        before: the pids that ran when it was asked, where the outcome is to tell which were kept.
        targets: pids whose end it waits for; None: who that is shows only later.
        mark: a count at the time of asking, for the goal to compare with.
    """

    __slots__ = (
        "before", "done", "failures", "future", "killed", "mark", "name", "signalled", "started", "stopped", "targets",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        future: "asyncio.Future[Outcome]",
        done: "Callable[[Pending], bool]",
        *,
        before: Collection[int] = (),
        targets: Collection[int] | None = None,
        mark: int = 0,
    ) -> None:
        self.name = name
        self.future = future
        self.done = done
        self.before = frozenset(before)
        self.targets = None if targets is None else set(targets)
        self.mark = mark
        self.started: dict[int, None] = {}
        self.stopped: list[int] = []
        self.killed: list[int] = []
        self.signalled: list[int] = []
        self.failures: dict[str, str] = {}


@final
class Ledger:
    """All pending commands of one watcher. A dead reader (a cancelled future) is dropped at the next occasion."""

    def __init__(self) -> None:
        self._pending: list[Pending] = []

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, pending: Pending) -> None:
        """Wait for its goal."""
        self._pending.append(pending)

    def started(self, pid: int, label: str) -> None:
        """A worker is up."""
        for pending in self._pending:
            pending.started[pid] = None
            pending.failures.pop(label, None)

    def stopped(self, pid: int) -> None:
        """A worker, with all that belongs to it, is gone."""
        for pending in self._pending:
            pending.stopped.append(pid)
        self.written_off(pid)

    def written_off(self, pid: int) -> None:
        """Nobody is to wait for the end of this one any more: it has come, or never will."""
        for pending in self._pending:
            if pending.targets is not None:
                pending.targets.discard(pid)

    def killed(self, pids: Collection[int]) -> None:
        """SIGKILL went out at a deadline."""
        for pending in self._pending:
            pending.killed.extend(pids)

    def failed(self, label: str, reason: str) -> None:
        """Something did not work."""
        for pending in self._pending:
            pending.failures[label] = reason

    def settle(self, answer: Callable[[Pending, str], Outcome]) -> None:
        """Answer every command whose goal is reached."""
        if not self._pending:
            return
        keep: list[Pending] = []
        for pending in self._pending:
            if pending.future.done():
                continue
            if pending.done(pending):
                pending.future.set_result(answer(pending, ""))
            else:
                keep.append(pending)
        self._pending = keep

    def supersede(self, names: Collection[str], by: str, answer: Callable[[Pending, str], Outcome]) -> None:
        """Answer those commands whose goal a later one overrides."""
        keep: list[Pending] = []
        for pending in self._pending:
            if pending.name not in names:
                keep.append(pending)
            elif not pending.future.done():
                pending.future.set_result(answer(pending, by))
        self._pending = keep
