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

Owns: what was seen of each tree, until its handle is closed.
"""

import os
import signal
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from circus.process import clock
from circus.process.errors import ProcessGoneError
from circus.process.hunt import hold, hunt_newest, kill_groups, scout, signal_process
from circus.process.looking import Look, TableReader
from circus.process.procfs import Stat
from circus.process.tree import Identity, Root

if TYPE_CHECKING:
    from circus.process.handle import LocalChild

__all__ = ["FRESH", "HUNT", "Forest"]

FRESH = 0.02
HUNT = 0.03


@final
class Forest:
    """The trees of all children of one spawner (or of several that share it). Any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._living: dict[int, LocalChild] = {}  # unreaped children of ours, and what we adopted
        self._seen: dict[Identity, set[Identity]] = {}  # by root; absent once known to be empty
        # Likewise: sessions that somebody in a tree has started, with the start time of the first one met in them.
        self._led: dict[Identity, dict[int, int]] = {}
        self._abandoned: set[LocalChild] = set()
        self._reader = TableReader()
        self._last: Look | None = None

    def gather(self) -> None:
        """This process has become a child subreaper, before it had children, and nobody else reaps what it adopts."""
        self._reader.gathers = True

    # -- who is in it ----------------------------------------------------------------------------------------------

    def add(self, child: "LocalChild") -> None:
        """Take a new child into account."""
        with self._lock:
            if self._abandoned:
                self._abandoned = {old for old in self._abandoned if old.poll() is None}
            self._living[child.pid] = child
            if not child.is_ours:
                self._reader.forget()  # some strangers are its descendants
            self._seen[_identity(child.root)] = set()
            self._led[_identity(child.root)] = {}

    def ended(self, child: "LocalChild") -> None:
        """Its exit has been reaped; what is left of its tree is still ours."""
        self._living.pop(child.pid, None)

    def released(self, child: "LocalChild") -> None:
        """Its handle has been closed: its tree is forgotten, and it is reaped if it is ours and still runs."""
        with self._lock:
            self._forget(child.root)
            if child.exit is None and child.is_ours:
                self._abandoned.add(child)
            elif self._living.get(child.pid) is child:  # its pid may belong to a later child by now
                del self._living[child.pid]

    def _forget(self, root: Root) -> None:
        self._seen.pop(_identity(root), None)
        self._led.pop(_identity(root), None)

    @property
    def living(self) -> frozenset[int]:
        """The pids that a handle owns: children of ours whose exit has not been reaped."""
        with self._lock:
            return frozenset(pid for pid, child in self._living.items() if child.is_ours)

    def was_seen(self, row: Stat) -> bool:
        """Whether this process is known to belong to one of our trees."""
        identity = (row.pid, row.start_time)
        with self._lock:
            return row.sid in self._sessions or any(identity in seen for seen in self._seen.values())

    @property
    def _sessions(self) -> frozenset[int]:
        """Those that a worker started, or somebody in its tree."""
        begun = {pid for pid, _ in self._seen}.union(*self._led.values())
        begun.update(child.root.sid for child in self._living.values())
        return frozenset(begun - {0, os.getsid(0)})

    # -- looking ---------------------------------------------------------------------------------------------------

    def look(self) -> Look:
        """Look now; see `circus.process.looking`."""
        us = os.getpid()
        with self._lock:
            ours = {us, *self._living, *(pid for pid, _ in self._seen)}
            seen = set[Identity]().union(*self._seen.values())
            self._last = self._reader.look(self.living, ours=ours, seen=seen, sessions=self._sessions)
            return self._last

    def survivors_of(self, children: Iterable["LocalChild"]) -> dict[int, tuple[int, ...]]:
        """For each child (by pid) the pids of its tree that still run, itself included; zombies do not count.

        All children share one look, and looks are shared between calls.
        """
        result: dict[int, tuple[int, ...]] = {}
        doubtful: list[LocalChild] = []
        asked_at = clock.monotonic()
        with self._lock:
            for child in children:
                child.poll()
                rows = self._members(child, asked_at)
                result[child.pid] = tuple(row.pid for row in rows if not row.zombie)
                if result[child.pid] or child.exit is None:
                    continue
                if not self._settled(child):
                    doubtful.append(child)
                elif not rows:
                    self._forget(child.root)
            for child, row in self._look_closer(doubtful):
                result[child.pid] += (row.pid,)
                self._note(child, [row])
        return result

    def _look_closer(self, doubtful: list["LocalChild"]) -> list[tuple["LocalChild", Stat]]:
        """Who runs in trees that a look which was not settled found empty."""
        if not self._reader.gathers:
            by_mark = {child.root.mark: child for child in doubtful if child.root.mark}
            return [(by_mark[mark], row) for row, mark in scout(by_mark, self.living)] if by_mark else []
        if not doubtful or self._last is None or not self._last.restless:
            return []
        with hold(self._last.restless):
            look = self.look()
        rows = [(child, row) for child in doubtful for row in self._members(child, look.at, look)]
        return [(child, row) for child, row in rows if not row.zombie]

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
        rows = look.table.members(child.root, seen=seen, sessions=self._led[_identity(child.root)].items())
        self._note(child, rows)
        if child.is_ours:
            rows = [row for row in rows if row.pid != child.pid]
            if child.exit is None:
                rows.insert(0, _row_of(child.root))
        return rows

    def _note(self, child: "LocalChild", rows: Iterable[Stat]) -> None:
        """These have been seen in its tree. What leads a session of its own leads everybody in it into the tree."""
        self._seen[_identity(child.root)].update((row.pid, row.start_time) for row in rows)
        if child.root.sid == child.pid:  # else its session may hold others
            led = self._led[_identity(child.root)]
            for row in rows:
                if row.sid not in (0, child.root.sid):
                    led.setdefault(row.sid, row.start_time)

    def _recent(self, child: "LocalChild", asked_at: float) -> Look:
        """A look that may answer for this child: for a dead one any since its end, as long as it shows nobody."""
        last = self._last
        if last is None or last.at < child.started_at:
            return self.look()
        if last.at >= asked_at - max(FRESH, 2 * last.took):
            return last if child.exit is None or last.at >= child.exited_at else self.look()
        if child.exit is None or last.at < child.exited_at:
            return self.look()
        seen, led = self._seen.get(_identity(child.root), ()), self._led.get(_identity(child.root), {})
        met = last.table.members(child.root, seen=seen, sessions=led.items())
        return last if last.settled and not met else self.look()

    # -- signalling ------------------------------------------------------------------------------------------------

    def signal_trees(self, children: Iterable["LocalChild"], number: int) -> dict[int, tuple[int, ...]]:
        """Signal every process of every tree, roots first.

        Works after the roots' own exits, too. A process that we may not signal is left out.

        Returns:
            For each child (by pid) the pids that were signalled; empty means that nobody was found, see `certain`.
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
            if groups:  # a zombie's group may be alive
                kill_groups(row for row in rows if row.pid != child.pid)
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
