from concurrent.futures import ThreadPoolExecutor

import pytest
from differences import EVENTS
from event_corpus import EVENT_GROUPS, HOOKS

from daemons import Daemon
from differential import Normaliser, compare, put, rest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.reference, pytest.mark.timeout(120)]

VOCABULARY = frozenset(
    {
        "start",
        "stop",
        "spawn",
        "reap",
        "kill",
        "reload",
        "updated",
        "add",
        "remove",
        "hook_success",
        "hook_failure",
    }
)


def _ends(daemon, case):
    """How many workers a signal ends, which are then replaced at some time."""
    (request,) = case.frames
    return (
        len(daemon.call("list", name=request["properties"]["name"])["pids"])
        if request["command"] == "signal"
        else 0
    )


def _record(folder, program, group):
    folder.mkdir()
    (folder / "test_hooks.py").write_text(HOOKS)
    daemon = Daemon(folder, group.config, program=program / "circusd", env={"PYTHONPATH": str(folder)})
    with daemon:
        rest(daemon)
        with daemon.events("watcher.") as events:
            for case in group.cases:
                replaced = _ends(daemon, case)
                put(daemon, case)
                for _ in range(replaced):
                    events.wait_for(lambda event: event.name == "spawn")
                rest(daemon)
            daemon.call("numwatchers")
            seen = [event for event in events.drain() if event.name in VOCABULARY]
        normaliser = Normaliser(daemon)
        pids = sorted({event.data["process_pid"] for event in seen if "process_pid" in event.data})
        daemon.known_pids.update(pids)
        by_watcher = {}
        for event in seen:
            data = normaliser.reply({**event.data, "_pids": pids})
            del data["_pids"]
            data.pop("process_pid", None)  # which of two workers goes first is nobody's promise
            by_watcher.setdefault(event.watcher, []).append({"event": event.name, **data})
        return by_watcher


@pytest.mark.parametrize("group", EVENT_GROUPS, ids=lambda group: group.id)
def test_the_same_events_are_published(sides, group, subtests):
    with ThreadPoolExecutor(2) as both:
        reference, ours = both.map(
            lambda side: _record(sides.folder / side, getattr(sides, side), group), ("reference", "ours")
        )
    assert reference
    differences = {} if sides.itself else EVENTS
    for watcher, events in reference.items():
        with subtests.test(watcher):
            problems = compare(f"{group.id}:{watcher}", events, ours.get(watcher), differences)
            if problems:
                pytest.fail("\n".join(problems), pytrace=False)
