"""What is known of one daemon, and what of it changed since the last tick. Pure: time is given in.

Fed by replies (`set_statuses`, `set_described`, `set_listed`, `set_options`), events (`apply_event`) and stats frames
(`apply_stats`); read as views (plain dicts of the shapes in `circus.web.views`).

Properties: a view never holds a figure older than `FRESH`; after `blank` no figure is left and every state is
unknown; a frame applied to the snapshot before it gives the snapshot after it.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, cast

from circus.protocol.events import topic_name
from circus.web.judge import Level, bytes_of, judge, kind_of, uses_socket
from circus.web.parts import KEPT_EXITS, Reading, Watcher, Worker, sum_of, worker_of
from circus.web.series import Series
from circus.web.words import event_text, exit_of_event, reason_of, sentence

__all__ = ["FRESH", "Picture"]

FRESH = 4.0
"""Seconds after which a figure is too old to be shown."""
KEPT_EVENTS = 500
MINUTE = 60.0
MOST_SPARKS = 200


class Picture:
    """One daemon as last heard of."""

    def __init__(self) -> None:
        self.watchers: dict[str, Watcher] = {}
        self.readings: dict[int, Reading] = {}
        self.own: dict[int, str] = {}
        """The daemon and its helpers: name by pid."""
        self.sockets: list[dict[str, Any]] = []
        self.hits: dict[int, int] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self.series = Series()
        self._topics: dict[str, str] = {}
        self._numbered = self._sent = 0
        self._dirty: set[str] = set()
        self._shown: dict[str, dict[str, Any]] = {}
        self._figures: dict[str, list[float | None]] = {}
        self._unsent = deque[dict[str, Any]](maxlen=KEPT_EVENTS)

    # -- what replies say ------------------------------------------------------------------------

    def set_statuses(self, statuses: Mapping[str, str]) -> set[str]:
        """The state of every watcher. Gives the names that are new or whose state changed."""
        for name in [name for name in self.watchers if name not in statuses]:
            del self.watchers[name]
            self._dirty.add(name)
        changed: set[str] = set()
        for name, state in statuses.items():
            watcher = self.watchers.get(name)
            if watcher is None:
                watcher = self.watchers[name] = Watcher(name)
                self._topics[topic_name(name)] = name
            if watcher.state != state:
                watcher.state = state
                if state not in {"failed", "backoff"}:
                    watcher.reason = None
                changed.add(name)
        self._dirty |= changed
        return changed

    def set_listed(self, name: str, pids: Iterable[int]) -> None:
        """The pids of a watcher's workers, where the daemon says no more than that."""
        if (watcher := self.watchers.get(name)) is None:
            return
        watcher.workers = {pid: watcher.workers.get(pid) or Worker(pid) for pid in sorted(pids)}
        self._dirty.add(name)

    def set_options(self, name: str, options: Mapping[str, Any]) -> None:
        """All options of a watcher."""
        if (watcher := self.watchers.get(name)) is None:
            return
        watcher.options = {key: value for key, value in options.items() if not key.startswith("__")}
        if not watcher.described:
            count = options.get("numprocesses")
            watcher.wanted = count if isinstance(count, int) and not isinstance(count, bool) else None
        self._dirty.add(name)

    def set_described(self, name: str, reply: Mapping[str, Any], *, now: float) -> None:
        """Everything about a watcher, from a daemon that offers it."""
        if (watcher := self.watchers.get(name)) is None:
            return
        watcher.described = True
        watcher.state = str(reply.get("state", watcher.state))
        watcher.wanted = reply.get("wanted")
        watcher.captured = reply.get("captured") is not False
        workers = [
            worker_of(item, now=now) for item in cast("list[dict[str, Any]]", reply.get("workers") or [])
        ]
        watcher.workers = {worker.pid: worker for worker in workers if worker.pid}
        watcher.empty = [worker for worker in workers if not worker.pid]
        counted = reply.get("restarts")
        watcher.restarts = counted if isinstance(counted, int) else sum(worker.restarts for worker in workers)
        exits = cast("list[dict[str, Any]]", reply.get("exits") or [])
        watcher.exits = deque(sorted(exits, key=lambda one: one.get("time") or 0)[-KEPT_EXITS:], KEPT_EXITS)
        kept = watcher.reason if watcher.state in {"failed", "backoff"} else None
        watcher.reason = reason_of(reply) or kept
        watcher.stuck = tuple(cast("list[int]", reply.get("stuck") or ()))
        watcher.lost = (int(reply.get("lost_bytes") or 0), str(reply.get("output_error") or ""))
        self._dirty.add(name)

    # -- what is published -----------------------------------------------------------------------

    def apply_event(self, topic: str, body: Mapping[str, Any], *, now: float) -> set[str]:
        """Note an event. Gives the names of the watchers that are to be asked about anew."""
        head, _, rest = topic.partition(".")
        name, _, event = rest.rpartition(".")
        named = body.get("watcher")
        real = named if isinstance(named, str) else self._topics.get(name, name)
        self._numbered += 1
        fields = {key: value for key, value in body.items() if key not in {"time", "watcher", "seq"}}
        view = {
            "number": self._numbered,
            "time": body.get("time"),
            "watcher": real if head == "watcher" else None,
            "event": event if head == "watcher" else rest,
            "text": event_text(event if head == "watcher" else rest, fields),
            "fields": fields,
        }
        self.events.append(view)
        self._unsent.append(view)
        if head != "watcher":
            return set()
        watcher = self.watchers.get(real)
        if watcher is not None:
            self._note(watcher, event, body, now=now)
            self._dirty.add(real)
        return {real}

    def _note(self, watcher: Watcher, event: str, body: Mapping[str, Any], *, now: float) -> None:
        pid = body.get("process_pid")
        match event:
            case "kill" if isinstance(pid, int):
                watcher.killed.add(pid)
            case "reap" if isinstance(pid, int):
                asked = pid in watcher.killed if "why" not in body else body["why"] not in {"crash", "exit"}
                watcher.killed.discard(pid)
                self.readings.pop(pid, None)
                worker = watcher.workers.pop(pid, None)
                if not asked:
                    watcher.unasked.append(now)
                if not watcher.described:
                    wid = worker.wid if worker is not None else None
                    watcher.exits.append(exit_of_event(body, wid=wid, asked=asked))
            case "spawn" if isinstance(pid, int):
                if watcher.exits:
                    watcher.restarts += 0 if watcher.described else 1
                watcher.workers.setdefault(pid, Worker(pid, wid=body.get("wid"), born=now))
            case "backoff":
                watcher.state = "backoff"
                watcher.reason = event_text(event, body)
            case "failed":
                watcher.state = "failed"
                watcher.reason = sentence(body.get("reason"))
            case _:
                pass

    def apply_stats(self, topic: str, body: Mapping[str, Any], *, now: float) -> None:
        """Note a frame of circusd-stats."""
        group, _, sub = topic.removeprefix("stat.").rpartition(".")
        if not sub.isdigit():
            return
        if group == "sockets":
            reads = body.get("reads")
            self.hits[int(sub)] = reads if isinstance(reads, int) else 0
            return
        pid, cpu, percent = int(sub), body.get("cpu"), body.get("mem")
        memory = body.get("rss")
        old = self.readings.get(pid)
        self.readings[pid] = Reading(
            at=now,
            cpu=float(cpu) if isinstance(cpu, (int, float)) else 0.0,
            percent=float(percent) if isinstance(percent, (int, float)) else None,
            memory=memory if isinstance(memory, int) else bytes_of(body.get("mem_info1")),
            facts=dict(body),
            series=old.series if old is not None else Series(),
        )
        if group == "circus":
            label = body.get("name")
            self.own[pid] = label if isinstance(label, str) else "circusd"

    # -- the passing of time ---------------------------------------------------------------------

    def blank(self) -> None:
        """The daemon does not answer: keep names and history, no state and no figure."""
        self._drop_readings()
        for watcher in self.watchers.values():
            watcher.state, watcher.reason, watcher.stuck = "unknown", None, ()
            watcher.workers, watcher.empty = {}, []
            watcher.described = False
            watcher.unasked.clear()
        self._dirty |= set(self.watchers)

    def pause(self) -> None:
        """Nobody looks any more: no figure is kept, and nothing that a page was told."""
        self._drop_readings()
        self._figures = {}

    def resume(self, ticks: int) -> None:
        """Somebody looks again, so many ticks later: the charts have a gap."""
        for series in (self.series, *(watcher.series for watcher in self.watchers.values())):
            series.skip(ticks)

    def _drop_readings(self) -> None:
        self.readings.clear()
        self.own.clear()
        self.hits.clear()

    def tick(self, *, now: float) -> dict[str, Any]:
        """What changed since the last tick: views, names that are gone, figures, events."""
        for pid in [pid for pid, reading in self.readings.items() if now - reading.at > FRESH]:
            del self.readings[pid]
            self.own.pop(pid, None)
        figures = self.figures()
        for name, (cpu, memory, _) in figures.items():
            self.watchers[name].series.append(cpu, memory)
        total = sum_of(figures.values())
        self.series.append(total[0], total[1])
        for reading in self.readings.values():
            reading.series.append(reading.cpu, reading.memory)
        changed, gone = self._changed_views(now)
        frame: dict[str, Any] = {
            "watchers": changed,
            "gone": gone,
            "figures": {name: value for name, value in figures.items() if self._figures.get(name) != value},
            "total": total,
            "own": self.own_views(),
            "hits": {str(fd): reads for fd, reads in self.hits.items()},
            "events": list(self._unsent),
        }
        self._unsent.clear()
        self._figures, self._sent = figures, self._numbered
        return frame

    def _changed_views(self, now: float) -> tuple[dict[str, Any], list[str]]:
        restless = {name for name, watcher in self.watchers.items() if watcher.unasked}
        changed: dict[str, Any] = {}
        gone: list[str] = []
        for name in self._dirty | restless:
            if name not in self.watchers:
                if self._shown.pop(name, None) is not None:
                    gone.append(name)
                continue
            view = self.view(name, now=now)
            if self._shown.get(name) != view:
                self._shown[name] = changed[name] = view
        self._dirty = set()
        return changed, gone

    def _sum(self, watcher: Watcher) -> list[float | None]:
        """CPU in per cent of a core, memory in bytes and in per cent of the machine; None where nothing is known."""
        found = [reading for pid in watcher.workers if (reading := self.readings.get(pid)) is not None]
        if not found:
            return [None, None, None]
        percents = [reading.percent for reading in found if reading.percent is not None]
        memories = [reading.memory for reading in found if reading.memory is not None]
        return [
            round(sum(reading.cpu for reading in found), 1),
            sum(memories) if memories else None,
            round(sum(percents), 2) if percents else None,
        ]

    # -- views -----------------------------------------------------------------------------------

    def view(self, name: str, *, now: float) -> dict[str, Any]:
        """One watcher as a row shows it."""
        watcher = self.watchers[name]
        while watcher.unasked and now - watcher.unasked[0] > MINUTE:
            watcher.unasked.popleft()
        level, why = judge(
            state=watcher.state,
            wanted=watcher.wanted,
            running=len(watcher.workers),
            exits_of_a_minute=len(watcher.unasked),
            reason=watcher.reason,
            stuck=watcher.stuck,
            last_exit=watcher.exits[-1].get("exit") if watcher.exits else None,
        )
        options = watcher.options
        return {
            "name": name,
            "kind": kind_of(name),
            "state": watcher.state,
            "level": level.value,
            "why": why,
            "wanted": watcher.wanted,
            "running": len(watcher.workers),
            "restarts": watcher.restarts,
            "last_exit": watcher.exits[-1] if watcher.exits else None,
            "cmd": str(options.get("cmd", "")),
            "singleton": options.get("singleton") is True,
            "use_sockets": options.get("use_sockets", False),
            "captured": watcher.captured,
        }

    def detail(self, name: str, *, now: float, history: bool) -> dict[str, Any]:
        """One watcher as its own page shows it; with `history`, the charts' past as well."""
        watcher = self.watchers[name]
        workers = sorted(watcher.workers.values(), key=lambda one: (one.wid or 0, one.pid))
        detail: dict[str, Any] = {
            "name": name,
            "workers": [self._worker_view(worker, now=now, history=history) for worker in workers]
            + [self._worker_view(worker, now=now, history=False) for worker in watcher.empty],
            "exits": list(watcher.exits)[::-1],
            "lost_bytes": watcher.lost[0],
            "output_error": watcher.lost[1],
        }
        if history:
            detail["history"] = watcher.series.view()
        return detail

    def _worker_view(self, worker: Worker, *, now: float, history: bool) -> dict[str, Any]:
        reading = self.readings.get(worker.pid)
        facts = reading.facts if reading is not None else {}
        age = facts.get("age") if worker.born is None else now - worker.born
        view: dict[str, Any] = {
            "pid": worker.pid or None,
            "wid": worker.wid if worker.wid is not None else facts.get("wid"),
            "state": worker.state,
            "age": round(age, 1) if isinstance(age, (int, float)) else None,
            "restarts": worker.restarts,
            "last_exit": worker.last_exit,
            "why": worker.why,
            "error": worker.error,
            "cpu": reading.cpu if reading is not None else None,
            "memory": reading.memory if reading is not None else None,
            "percent": reading.percent if reading is not None else None,
            "cmdline": facts.get("cmdline"),
            "username": facts.get("username"),
        }
        if history and reading is not None:
            view["history"] = reading.series.view()
        return view

    def own_views(self) -> list[dict[str, Any]]:
        """The daemon and its helpers."""
        return [
            {
                "name": name,
                "pid": pid,
                "cpu": self.readings[pid].cpu,
                "memory": self.readings[pid].memory,
                "age": self.readings[pid].facts.get("age"),
            }
            for pid, name in sorted(self.own.items(), key=lambda item: item[1])
            if pid in self.readings
        ]

    def snapshot(self) -> dict[str, Any]:
        """All of it, as of the last tick."""
        return {
            "watchers": dict(self._shown),
            "figures": dict(self._figures),
            "total": sum_of(self._figures.values()),
            "history": self.series.view(),
            "sparks": self._sparks(),
            "own": self.own_views(),
            "sockets": self.socket_views(),
            "hits": {str(fd): reads for fd, reads in self.hits.items()},
            "events": [view for view in self.events if view["number"] <= self._sent],
        }

    def _sparks(self) -> dict[str, Any]:
        """The last minute of each watcher, unless there are too many of them to send at once."""
        if len(self.watchers) > MOST_SPARKS:
            return {}
        return {name: watcher.series.view(last=60) for name, watcher in self.watchers.items()}

    def figures(self) -> dict[str, list[float | None]]:
        """CPU and memory of each watcher, as of now."""
        return {name: self._sum(watcher) for name, watcher in self.watchers.items()}

    def socket_views(self) -> list[dict[str, Any]]:
        """The sockets, with who is handed them and how often they were hit."""
        return [
            {
                **one,
                "users": [
                    name
                    for name, watcher in self.watchers.items()
                    if uses_socket(watcher.options, one.get("name"))
                ],
                "hits": self.hits.get(one["fd"]) if isinstance(one.get("fd"), int) else None,
            }
            for one in self.sockets
        ]

    def problems(self, *, now: float) -> list[tuple[str, str]]:
        """Names of the watchers that fail, and why."""
        views = [self.view(name, now=now) for name in self.watchers]
        return [(view["name"], view["why"]) for view in views if view["level"] == Level.BAD]
