"""Reading the process table again and again: what cannot have changed is not read twice.

Theory. One listing, and one read for each process that is neither a living child of ours nor a known stranger
(`circus.process.strangers`), nor a zombie that we have adopted. The listing tells two processes of one pid apart.

A look is *settled* if nothing moved under it. A process that forks, and whose parent exits at once, again and again, can be
missed by a plain look: it was not born when procfs was listed, and its parent was gone when it should be read. But then that
parent was listed and has vanished, or has become a zombie that nobody had seen before. So where that happens what is new is
listed and read again, and only a settled look proves that a tree is empty: until then the newest pids are scouted, and an empty
answer is not `certain`. Where we are a child subreaper, orphans of ours come to us and stay until we reap them. So then only our own
new zombies matter, whatever else comes and goes on the machine, and their process groups can be held still for a closer look.

Owns: what is known of strangers, zombies and marks. One thread at a time.
"""

import os
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import final

from circus.process import clock, procfs
from circus.process.procfs import Stat
from circus.process.strangers import strangers
from circus.process.tree import MARK, Identity, Table

__all__ = ["Look", "TableReader"]

_LISTINGS = 12
_KEEP_MARKS = 4096


@final
@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment (monotonic seconds), without the living children of ours.

    *restless* are the process groups in which an orphan that we adopted has ended since the look before.
    """

    at: float
    table: Table
    took: float
    zombies: frozenset[Identity]
    restless: frozenset[int]
    settled: bool


@final
class TableReader:
    """Makes looks.

    Attributes:
        gathers: whether this process has been a child subreaper since before it had children, and nobody else reaps what it adopts.
    """

    def __init__(self) -> None:
        self.gathers = False
        self._last: Look | None = None
        self._marks: dict[Identity, str | None] = {}
        self._strangers: dict[int, tuple[int, Stat]] = {}  # by pid, with the number from the listing
        self._dead: dict[int, tuple[int, Stat]] = {}  # zombies that we adopted, likewise

    @property
    def strangers(self) -> frozenset[int]:
        """The pids that are not read again while nobody else has them."""
        return frozenset(self._strangers)

    def forget(self) -> None:
        """Take nobody for a stranger any more."""
        self._strangers.clear()

    def look(
        self,
        owned: Collection[int],
        *,
        ours: AbstractSet[int],
        seen: Collection[Identity],
        sessions: Collection[int],
    ) -> Look:
        """Look now.

        Args:
            owned: living children of ours, which are not read; they are their own answer.
            ours: our own pid, theirs, and those of the roots of all trees.
            seen: what is known to belong to a tree.
            sessions: that were started in trees.
        """
        at = clock.monotonic()
        adopters, last = _adopters(), self._last
        zombies: frozenset[Identity] = frozenset() if last is None else last.zombies
        listed: set[int] = set(owned)
        rows: dict[int, Stat] = {}
        met: dict[int, tuple[int, Stat]] = {}
        numbers: dict[int, int] = {}
        settled = False
        for _ in range(_LISTINGS):
            unclear: set[int] = set()
            new = [item for item in procfs.listing() if item[0] not in listed]
            listed.update(pid for pid, _ in new)
            for pid, number in new:
                stranger = self._strangers.get(pid)
                if stranger is not None and stranger[0] == number:
                    met[pid] = stranger
                    continue
                corpse = self._dead.get(pid)
                row = corpse[1] if corpse is not None and corpse[0] == number else procfs.read_stat(pid)
                if row is not None:
                    numbers[pid] = number
                    rows[pid] = row
                if self._may_hide_one(row, adopters, zombies) or (row is not None and row.ppid in unclear):
                    unclear.add(pid)  # its child will be an orphan in a moment
            if not unclear:
                settled = True
                break
            listed -= {pid for pid in unclear if pid in rows and not rows[pid].zombie}
        us, dead = os.getpid(), [row for row in rows.values() if row.zombie]
        look = Look(
            at=at,
            table=Table(
                rows.values(),
                strangers=(row for _, row in met.values()),
                adopters=adopters,
                mark_of=self._mark_of,
            ),
            took=clock.monotonic() - at,
            zombies=frozenset((row.pid, row.start_time) for row in dead),
            restless=frozenset(
                row.pgid
                for row in dead
                if (row.pid, row.start_time) not in zombies
                and row.ppid == us
                and row.sid not in (0, os.getsid(0))
            ),
            settled=settled,
        )
        self._last = look
        others = strangers(
            rows.values(),
            ours=ours,
            adopters=adopters,
            seen=seen,
            sessions=sessions,
            unmarked=lambda row: self._marks.get((row.pid, row.start_time), self._elsewhere(row)) is None,
        )
        self._strangers = met | {row.pid: (numbers[row.pid], row) for row in others if numbers[row.pid]}
        self._dead = {row.pid: (numbers[row.pid], row) for row in dead if row.ppid == us and numbers[row.pid]}
        return look

    def _elsewhere(self, row: Stat) -> str | None:
        """None for one whose parent nobody of ours can have; it is asked only where that is none of us."""
        return None if self.gathers or row.ppid == 0 else "?"

    def _may_hide_one(
        self, row: Stat | None, adopters: Collection[int], zombies: Collection[Identity]
    ) -> bool:
        """Whether a process of ours may be somewhere that was not seen because of what became of this one (None: it vanished)."""
        if row is None:
            return not self.gathers
        if (row.pid, row.start_time) in zombies or (self.gathers and row.ppid != os.getpid()):
            return False
        return row.leaving or (row.ppid in adopters and not self._read_mark(row))

    def _read_mark(self, row: Stat) -> bool:
        """Read which mark an orphan carries, while it can be read.

        Returns:
            Whether that is certain: a process that ended meanwhile has no environment left, and one that is about to exec
            may show an empty one.
        """
        identity = (row.pid, row.start_time)
        if identity in self._marks:
            return True
        try:
            environment = procfs.environ(row.pid)
        except PermissionError:
            environment = b"="  # another user's: none of ours, or beyond our reach
        young = procfs.ticks_now() - row.start_time < procfs.TICKS
        if not environment:
            again = procfs.read_stat(row.pid)
            if again is None or again.leaving or young:
                return False
        value = procfs.variable(environment or b"", MARK)
        if value is not None or not young:
            if len(self._marks) >= _KEEP_MARKS:
                self._marks.clear()
            self._marks[identity] = value
        return True

    def _mark_of(self, row: Stat) -> str | None:
        return self._marks.get((row.pid, row.start_time))


def _adopters() -> frozenset[int]:
    """To whom an orphan of ours may go: init, us and our ancestors (a child subreaper among them)."""
    adopters = {1, os.getpid()}
    pid = os.getppid()
    while pid > 1 and pid not in adopters:
        adopters.add(pid)
        row = procfs.read_stat(pid)
        if row is None:
            break
        pid = row.ppid
    return frozenset(adopters)
