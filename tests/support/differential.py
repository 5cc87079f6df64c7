"""The same question to two daemons, and what differs in the answers.

Theory. A *group* is a configuration and a list of cases that are put to one daemon in order. Each side runs the group
in a daemon of its own; afterwards the normalised answers are compared case by case. Nothing is awaited by time: a
frame that may get no answer is followed by a probe, and whatever came before the probe's answer is the answer.

Normalising keeps types: a time stays a number, a pid stays an int, but equal ones on both sides. What only our side
has beside the reference's keys is allowed, since clients of the reference never look at it; what is missing or
different is not.
"""

import itertools
import json
import re
import select
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daemons import Daemon, DeadlineError

__all__ = ["Case", "Difference", "Group", "Normaliser", "ask", "compare", "raw", "run_group"]

READS = frozenset(
    {
        "list", "status", "stats", "dstats", "get", "options", "globaloptions", "numprocesses", "numwatchers",
        "listsockets", "listen", "ipython",
    }
)  # fmt: skip
PROBE = "probe-of-the-harness"
NUDGE = 0.5
"""Seconds after which a silent daemon is asked again."""
DEAF_AFTER = 2.0
"""Seconds after which it is deaf: the reference is, for ever, after an empty message or a JSON array."""
DEAF = "deaf"
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Case:
    """One request.

    Args:
        id: its name, and its id on the wire.
        frames: what is sent, without the peer's identity; an object is sent as JSON.
        changes: whether the daemon may be busy afterwards, so that the next case has to wait until it rests.
    """

    id: str
    frames: tuple[bytes | dict[str, Any], ...]
    changes: bool = False
    answered: bool = True
    """Whether the request is well-formed, so that both sides answer it by its id."""


def ask(case: str, command: str, /, **properties: Any) -> Case:
    """A request as clients send it. ``"{pid:web:0}"`` as a value stands for the pid of web's first worker."""
    document = {"id": case, "command": command, "properties": properties}
    return Case(case, (document,), changes=command.lower() not in READS)


def raw(case: str, *frames: bytes | dict[str, Any], changes: bool = False) -> Case:
    """A request byte by byte, which may get no answer."""
    return Case(case, frames, changes=changes, answered=False)


@dataclass(frozen=True, slots=True)
class Group:
    """A configuration (text after the endpoints of ``[circus]``) and what is asked under it, in order."""

    id: str
    config: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where ours is meant to differ, and why.

    Args:
        why: the defect of the reference, or what ours does better.
        ours: what our reply has to hold instead; None: no reply.
        ignore: dotted keys of the reply that are not compared; used without `ours`.
    """

    why: str
    ours: Mapping[str, Any] | None = None
    ignore: frozenset[str] = frozenset()


# --- running ---------------------------------------------------------------------------------------------------------


def run_group(daemon: Daemon, group: Group) -> dict[str, Any]:
    """The normalised answer to each case, from a running daemon, which is stopped afterwards."""
    rest(daemon)
    answers: dict[str, Any] = {}
    for case in group.cases:
        answers[case.id] = put(daemon, case)
        if case.changes and case is not group.cases[-1]:
            rest(daemon)
    daemon.stop(deadline=5)
    return answers


def put(daemon: Daemon, case: Case, *, deadline: float = 15.0) -> Any:
    """The normalised answer to one case; None if there is none.

    A daemon that refuses because it is busy is asked again: that the reference does so is a defect of its own.
    """
    until = time.monotonic() + deadline
    while True:
        frames = [_frame(daemon, frame) for frame in case.frames]
        reply = _answered(daemon, frames, case, until) if case.answered else _perhaps_answered(daemon, frames)
        busy = isinstance(reply, dict) and "already running" in str(reply.get("reason", ""))
        if not busy or time.monotonic() > until:
            return Normaliser(daemon).reply(reply)
        select.select([], [], [], 0.05)


def _answered(daemon: Daemon, frames: list[bytes], case: Case, until: float) -> dict[str, Any]:
    reply = daemon.send(*frames)
    while reply is not None and reply.get("id") != case.id:
        reply = daemon.receive(until)
    if reply is None:
        raise DeadlineError(f"{case.id}: no answer; the daemon's output:\n{daemon.output()}")
    return reply


def _perhaps_answered(daemon: Daemon, frames: list[bytes]) -> Any:
    """What is answered before a probe is. A daemon that answers nothing any more is replaced by a new one."""
    until = time.monotonic() + DEAF_AFTER
    answers: list[dict[str, Any]] = []
    probes: list[str] = []
    while time.monotonic() < until:
        probes.append(f"{PROBE}-{next(_NUMBERS)}")
        probe = json.dumps({"id": probes[-1], "command": "numwatchers", "properties": {}}).encode()
        reply = daemon.send_all([frames, [probe]] if len(probes) == 1 else [[probe]], deadline=NUDGE)
        while reply is not None:
            if reply.get("id") in probes:
                return answers[0] if answers else None
            if not str(reply.get("id")).startswith(PROBE):  # an earlier probe's
                answers.append(reply)
            reply = daemon.receive(time.monotonic() + NUDGE)
    daemon.stop(deadline=5)
    daemon.start()
    return DEAF


def _frame(daemon: Daemon, frame: bytes | dict[str, Any]) -> bytes:
    if isinstance(frame, bytes):
        return frame
    return json.dumps(_with_pids(daemon, frame)).encode()


_PID = re.compile(r"\{pid:([^:}]+):(\d+)\}")


def _with_pids(daemon: Daemon, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_pids(daemon, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_pids(daemon, item) for item in value]
    if isinstance(value, str):
        if match := _PID.fullmatch(value):
            pids = sorted(daemon.call("list", name=match[1])["pids"])
            daemon.known_pids.update(pids)
            return pids[int(match[2])]
        return value.replace("{dir}", str(daemon.folder))
    return value


def rest(daemon: Daemon, *, times: int = 3, deadline: float = 20.0) -> None:
    """Wait until nothing changes: no watcher is between two states, and the active ones have all their workers."""
    until, last, seen = time.monotonic() + deadline, None, 0
    while seen < times:
        picture = _picture(daemon)
        seen = seen + 1 if picture is not None and picture == last else 0
        last = picture
        if time.monotonic() > until:
            raise DeadlineError(f"still changing: {picture}; the daemon's output:\n{daemon.output()}")
        select.select([], [], [], 0.02)


def _picture(daemon: Daemon) -> Any:
    statuses = daemon.call("status").get("statuses", {})
    picture: dict[str, Any] = {}
    for name, status in statuses.items():
        options = daemon.call("options", name=name).get("options")
        pids = daemon.call("list", name=name).get("pids")
        if options is None or pids is None or status not in {"active", "stopped", "failed", "backoff"}:
            return None
        if status == "active" and options.get("respawn", True) and len(pids) != int(options["numprocesses"]):
            return None
        if status == "stopped" and pids:
            return None
        picture[name] = (status, pids)
    return picture


# --- normalising -----------------------------------------------------------------------------------------------------

FIXED: dict[str, Any] = {
    "time": 1700000000.0,
    "create_time": 1700000000.0,
    "ctime": "0:00.00",
    "cpu": 0.0,
    "mem": 0.1,
    "mem_info1": "1M",
    "mem_info2": "1M",
    "age": 1.0,
    "fd": 9,
    "port": 8080,
    "tb": None,  # the reference sends tracebacks to clients; ours are in its log
    "started": 1700000000.0,
    "lifetime": 1.0,
    "uptime": 1.0,
}
FIRST_PID = 1001


@dataclass(slots=True)
class Normaliser:
    """Replaces what is never the same twice by what always is, of the same type."""

    daemon: Daemon
    pids: dict[int, int] = field(default_factory=dict[int, int])

    def reply(self, reply: Any) -> Any:
        """A reply or event, with pids renumbered from 1001 in ascending order."""
        found = set(self.daemon.known_pids)
        _find_pids(reply, found)
        found.discard(self.daemon.pid)
        self.pids = {pid: FIRST_PID + index for index, pid in enumerate(sorted(found))}
        self.pids[self.daemon.pid] = 1000
        return self._value(reply)

    def text(self, text: str) -> str:
        """Printed text: paths, pids, times and readings; numbers of four digits and more count as pids."""
        text = text.replace(str(self.daemon.folder), "<dir>")
        text = re.sub(r"\b\d+:\d\d\.\d\d\b", "0:00.00", text)
        text = re.sub(r"(?<![\w.])\d+(\.\d+)?[KMGT]\b", "1M", text)
        text = re.sub(r"(?<![\w.-])\d+\.\d+(?![\w.])", "0.0", text)
        text = re.sub(r"\bpython3(\.\d+)?\b", "python", text)
        text = re.sub(r"^\d+:socket", "9:socket", text, flags=re.MULTILINE)
        numbers = sorted({int(number) for number in re.findall(r"(?<![\w.])\d{3,7}(?![\w.])", text)})
        places = {number: FIRST_PID + index for index, number in enumerate(numbers) if number not in KEPT}
        return re.sub(
            r"(?<![\w.])\d{3,7}(?![\w.])", lambda match: str(places.get(int(match[0]), match[0])), text
        )

    def _value(self, value: Any) -> Any:
        match value:
            case dict():
                return {
                    self._key(key): FIXED[key]
                    if key in FIXED and not isinstance(item, (dict, list))
                    else self._value(item)
                    for key, item in value.items()
                }
            case list():
                return [self._value(item) for item in value]
            case bool():
                return value
            case int():
                return self.pids.get(value, value)
            case str():
                text = value.replace(str(self.daemon.folder), "<dir>")
                text = re.sub(r"\b\d{3,}\b", lambda match: str(self.pids.get(int(match[0]), match[0])), text)
                text = re.sub(
                    r"\Apython3(\.\d+)?\Z", "python", text
                )  # as scripts name it on their first line
                return "circusd" if "circusd" in text and str(self.daemon.config.name) in text else text
            case _:
                return value

    def _key(self, key: str) -> str:
        return str(self.pids.get(int(key), key)) if key.isdigit() else key


KEPT = frozenset({1000, 987, 1234})
"""Numbers that commands print and that are no pids: they stand in the corpus itself."""


def _find_pids(value: Any, found: set[int], key: str = "") -> None:
    match value:
        case dict():
            for name, item in value.items():
                if name.isdigit():
                    found.add(int(name))
                _find_pids(item, found, name)
        case list():
            for item in value:
                _find_pids(item, found, key)
        case bool():
            return
        case int():
            if key in {"pid", "pids", "process", "process_pid", "started", "stopped", "kept"}:
                found.add(value)
        case _:
            return


# --- comparing -------------------------------------------------------------------------------------------------------


def compare(case: str, reference: Any, ours: Any, differences: Mapping[str, Difference]) -> list[str]:
    """What differs and should not, one line each: missing or different in ours; what ours has beside it is fine."""
    known = differences.get(case)
    if reference == DEAF:
        reference = None
    if known is None and _unhandled(reference):
        known = Difference("the reference answers with an exception of its inside", {"status": "error"})
    if known is None:
        return list(_missing(reference, ours, "reply"))
    if known.ignore:
        return [
            line
            for line in _missing(reference, ours, "reply")
            if line.partition(":")[0].removeprefix("reply.") not in known.ignore
        ]
    return [f"{line} ({known.why})" for line in _missing(known.ours, ours, "reply")]


def _unhandled(reference: Any) -> bool:
    return isinstance(reference, dict) and str(reference.get("reason", "")).startswith("command b")


def _missing(expected: Any, actual: Any, path: str) -> Iterable[str]:
    match expected:
        case dict() if isinstance(actual, dict):
            for key, value in expected.items():
                if key in actual:
                    yield from _missing(value, actual[key], f"{path}.{key}")
                else:
                    yield f"{path}.{key}: is missing; the reference has {value!r}"
        case list() if isinstance(actual, list) and len(actual) == len(expected):
            for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
                yield from _missing(one, other, f"{path}[{index}]")
        case _:
            if repr(expected) != repr(actual) and (
                expected != actual or isinstance(expected, bool) != isinstance(actual, bool)
            ):
                yield f"{path}: {actual!r}; the reference has {expected!r}"
