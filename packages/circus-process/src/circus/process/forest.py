"""Looking at the process table and signalling whole trees: one look for many workers, and no stranger is ever hit.

Theory. A look reads procfs once and is shared: it answers for a dead worker if it was taken after that worker's exit had been
seen (a dead tree can only shrink or grow from what is in it), and for a living one while it is younger than `FRESH` seconds (or than twice what a look costs, on a crowded machine) when asked.
Living workers of ours are not read at all, their rows are known; so a look beside 1,000 single-process workers costs a
listing, not 1,000 reads, and the stop of all of them takes a handful of looks. A tree once found empty after its root's exit
stays empty and is not asked for again.

A signal goes to the root through its handle, to everybody else by its identity. SIGKILL is special: process groups are killed at
once by the kernel, and the rest is hunted (`circus.process.hunt`), look after look, until a settled one finds nobody new, since a
process may fork faster than anybody can read. The hunt is bounded (`HUNT` seconds): whoever is not beaten by then shows up in
`survivors_of` and the caller comes back.

A look is *settled* if nothing moved under it. A process that forks, and whose parent exits at once, again and again, can be
missed by a plain look: it was not born when procfs was listed, and its parent was gone when it should be read. But then that
parent was listed and has vanished, or has become a zombie that nobody had seen before. So where that happens what is new is
listed and read again, and only a settled look proves that a tree is empty: until then the newest pids are scouted, and an empty
answer is not `certain`.

Owns: what was seen of each tree, until its handle is closed.
"""

import os
import signal
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from circus.process import clock, procfs
from circus.process.errors import ProcessGoneError
from circus.process.hunt import hunt_newest, kill_groups, scout, signal_process
from circus.process.procfs import Stat
from circus.process.strangers import strangers
from circus.process.tree import MARK, Identity, Root, Table

if TYPE_CHECKING:
    from circus.process.handle import LocalChild

__all__ = ["FRESH", "HUNT", "Forest", "Look"]

FRESH = 0.02
HUNT = 0.03
_LISTINGS = 12
_KEEP_MARKS = 4096


@final
@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment (monotonic seconds), without the living children of ours."""

    at: float
    table: Table
    took: float
    zombies: frozenset[Identity]
    settled: bool


@final
class Forest:
    """The trees of all children of one spawner (or of several that share it). Any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._living: dict[int, LocalChild] = {}  # unreaped children of ours, and what we adopted
        self._seen: dict[Identity, set[Identity]] = {}  # by root; absent once known to be empty
        self._marks: dict[Identity, str | None] = {}
        self._abandoned: set[LocalChild] = set()
        self._strangers: dict[
            int, tuple[int, Stat]
        ] = {}  # by pid, with what tells two processes of one pid apart
        self._last: Look | None = None

    # -- who is in it ----------------------------------------------------------------------------------------------

    def add(self, child: "LocalChild") -> None:
        """Take a new child into account."""
        with self._lock:
            if self._abandoned:
                self._abandoned = {old for old in self._abandoned if old.poll() is None}
            self._living[child.pid] = child
            if not child.is_ours:
                self._strangers.clear()  # some were its descendants
            self._seen[_identity(child.root)] = set()

    def ended(self, child: "LocalChild") -> None:
        """Its exit has been reaped; what is left of its tree is still ours."""
        self._living.pop(child.pid, None)

    def released(self, child: "LocalChild") -> None:
        """Its handle has been closed: its tree is forgotten, and it is reaped if it is ours and still runs."""
        with self._lock:
            self._seen.pop(_identity(child.root), None)
            if child.exit is None and child.is_ours:
                self._abandoned.add(child)
            else:
                self._living.pop(child.pid, None)

    @property
    def living(self) -> frozenset[int]:
        """The pids that a handle owns: children of ours whose exit has not been reaped."""
        with self._lock:
            return frozenset(pid for pid, child in self._living.items() if child.is_ours)

    def was_seen(self, row: Stat) -> bool:
        """Whether this process is known to belong to one of our trees."""
        identity = (row.pid, row.start_time)
        with self._lock:
            return any(identity in seen for seen in self._seen.values())

    # -- looking ---------------------------------------------------------------------------------------------------

    def look(self) -> Look:
        """Look now: one listing, and one read for each process that is neither a living child of ours nor a known stranger."""
        at = clock.monotonic()
        owned, adopters, last = self.living, _adopters(), self._last
        zombies: frozenset[Identity] = frozenset() if last is None else last.zombies
        listed: set[int] = set(owned)
        rows: list[Stat] = []
        met: dict[int, tuple[int, Stat]] = {}
        numbers: dict[int, int] = {}
        settled = False
        for _ in range(_LISTINGS):
            new = [item for item in procfs.listing() if item[0] not in listed]
            listed.update(pid for pid, _ in new)
            settled = True
            for pid, number in new:
                stranger = self._strangers.get(pid)
                if stranger is not None and stranger[0] == number:
                    met[pid] = stranger
                    continue
                numbers[pid] = number
                row = procfs.read_stat(pid)
                if row is not None:
                    rows.append(row)
                    if (row.pid, row.start_time) in zombies:
                        continue
                    if not row.leaving and (row.ppid not in adopters or self._read_mark(row)):
                        continue
                settled = False
            if settled:
                break
        look = Look(
            at=at,
            table=Table(
                rows, strangers=(row for _, row in met.values()), adopters=adopters, mark_of=self._mark_of
            ),
            took=clock.monotonic() - at,
            zombies=frozenset((row.pid, row.start_time) for row in rows if row.zombie),
            settled=settled,
        )
        with self._lock:
            self._last = look
            met.update((row.pid, (numbers[row.pid], row)) for row in self._new_strangers(rows, adopters))
            self._strangers = met
        return look

    def _new_strangers(self, rows: list[Stat], adopters: Collection[int]) -> list[Stat]:
        if not procfs.HAS_PROCFS:
            return []
        roots = {*self._living, *(pid for pid, _ in self._seen)}  # a session has the pid of who started it
        return strangers(
            rows,
            ours={os.getpid(), *roots},
            adopters=adopters,
            seen=set[Identity]().union(*self._seen.values()),
            sessions=roots | {child.root.sid for child in self._living.values()} - {0},
            unmarked=lambda row: self._marks.get((row.pid, row.start_time), "") is None,
        )

    def survivors_of(self, children: Iterable["LocalChild"]) -> dict[int, tuple[int, ...]]:
        """For each child (by pid) the pids of its tree that still run, itself included; zombies do not count.

        All children share one look, and looks are shared between calls.
        """
        result: dict[int, tuple[int, ...]] = {}
        doubtful: dict[str, LocalChild] = {}
        asked_at = clock.monotonic()
        with self._lock:
            for child in children:
                child.poll()
                rows = self._members(child, asked_at)
                result[child.pid] = tuple(row.pid for row in rows if not row.zombie)
                if rows or child.exit is None:
                    continue
                if self._settled(child):
                    self._seen.pop(_identity(child.root), None)
                elif child.root.mark:
                    doubtful[child.root.mark] = child
            if doubtful:
                for row, mark in scout(doubtful, self.living):
                    child = doubtful[mark]
                    result[child.pid] += (row.pid,)
                    self._seen[_identity(child.root)].add((row.pid, row.start_time))
        return result

    def certain(self, child: "LocalChild") -> bool:
        """Whether nobody having been found in this tree by the latest look means that nobody is in it."""
        with self._lock:
            return self._settled(child)

    def _members(self, child: "LocalChild", asked_at: float, look: Look | None = None) -> list[Stat]:
        """The rows of its tree; empty without a look where that is known."""
        seen = self._seen.get(_identity(child.root))
        if seen is None:
            return []
        if look is None:
            look = self._recent(child, asked_at)
        rows = look.table.members(child.root, seen=seen)
        seen.update((row.pid, row.start_time) for row in rows)
        if child.is_ours:
            rows = [row for row in rows if row.pid != child.pid]
            if child.exit is None:
                rows.insert(0, _row_of(child.root))
        return rows

    def _recent(self, child: "LocalChild", asked_at: float) -> Look:
        """A look that may answer for this child: for a dead one any since its end, as long as it shows nobody."""
        last = self._last
        if last is None or last.at < child.started_at:
            return self.look()
        if last.at >= asked_at - max(FRESH, 2 * last.took):
            return last if child.exit is None or last.at >= child.exited_at else self.look()
        if child.exit is None or last.at < child.exited_at:
            return self.look()
        seen = self._seen.get(_identity(child.root), ())
        return last if last.settled and not last.table.members(child.root, seen=seen) else self.look()

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

    # -- signalling ------------------------------------------------------------------------------------------------

    def signal_trees(self, children: Iterable["LocalChild"], number: int) -> dict[int, tuple[int, ...]]:
        """Signal every process of every tree, roots first.

        Works after the roots' own exits, too. A process that we may not signal is left out.

        Returns:
            For each child (by pid) the pids that were signalled; empty means that nothing is left.
        """
        send = self._kill_tree if number == signal.SIGKILL else self._signal_tree
        result: dict[int, tuple[int, ...]] = {}
        asked_at = clock.monotonic()
        with self._lock:
            for child in children:
                child.poll()
                result[child.pid] = tuple(send(child, number, asked_at))
        return result

    def _signal_tree(self, child: "LocalChild", number: int, asked_at: float) -> list[int]:
        return _send(child, (row for row in self._members(child, asked_at) if not row.zombie), number)

    def _kill_tree(self, child: "LocalChild", number: int, asked_at: float) -> list[int]:
        struck: set[Identity] = set()
        deadline = clock.monotonic() + HUNT
        groups = child.root.sid == child.pid and child.is_ours  # they are its own then, see kill_groups
        if groups:
            _kill_group(child)
        rows = self._members(child, asked_at)
        while True:
            prey = [row for row in rows if not row.zombie and (row.pid, row.start_time) not in struck]
            if groups:
                kill_groups(row for row in prey if row.pid != child.pid)
            _send(child, prey, number)
            struck.update((row.pid, row.start_time) for row in prey)
            if all(row.pid == child.pid for row in prey) and (prey or self._settled(child)):
                break  # nobody is left, or the root alone, whose group was killed as a whole
            if clock.monotonic() >= deadline:
                break
            if groups and child.root.mark:
                struck.update(hunt_newest(child.root.mark, self.living, deadline))
            rows = self._members(child, asked_at, self.look())
        return [pid for pid, _ in sorted(struck)]

    def _settled(self, child: "LocalChild") -> bool:
        """Whether finding nobody means that nobody is there."""
        known_empty = _identity(child.root) not in self._seen
        return known_empty or self._last is None or self._last.settled

    # -- orphans ---------------------------------------------------------------------------------------------------

    def orphans(self) -> list[Stat]:
        """The children of this process that no handle owns, zombies included, by a new look."""
        return list(self.look().table.children(os.getpid()))


def _identity(root: Root) -> Identity:
    return root.pid, root.start_time


def _row_of(root: Root) -> Stat:
    """The row of a living child of ours: known without reading it."""
    return Stat(root.pid, "", "S", os.getpid(), root.sid, root.sid, 0, 0, 0, 1, root.start_time, 0, 0)


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


def _kill_group(child: "LocalChild") -> None:
    """Kill the group of a root that is not reaped (its number cannot be recycled then); the kernel does it as one."""
    if child.poll() is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _send(child: "LocalChild", rows: Iterable[Stat], number: int) -> list[int]:
    sent: list[int] = []
    for row in sorted(rows, key=lambda row: row.pid != child.pid):
        try:
            if row.pid == child.pid:
                child.signal(number)
            elif not signal_process(row, number):
                continue
        except (ProcessGoneError, PermissionError):
            continue
        sent.append(row.pid)
    return sent
