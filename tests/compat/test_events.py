from concurrent.futures import ThreadPoolExecutor

import pytest
from differences import EVENTS
from event_corpus import EVENT_GROUPS, HOOKS

from daemons import Daemon
from differential import Normaliser, ask, compare, put, rest

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
UNORDERED = frozenset({"spawn", "reap", "kill"})
"""Several workers are started and ended at once: their events come as they come."""
FORGOTTEN = frozenset(EVENTS)
"""What the reference does not always publish although it happened."""


def _ends(daemon, case):
    """How many workers a signal ends, which are then replaced at some time."""
    (request,) = case.frames
    return (
        len(daemon.call("list", name=request["properties"]["name"])["pids"])
        if request["command"] == "signal"
        else 0
    )


def _record(folder, program, group):
    """What each command published, by watcher."""
    folder.mkdir()
    (folder / "test_hooks.py").write_text(HOOKS)
    daemon = Daemon(folder, group.config, program=program / "circusd", env={"PYTHONPATH": str(folder)})
    with daemon:
        rest(daemon)
        with daemon.events("watcher.") as events:
            published = {}
            for number, case in enumerate(group.cases):
                replaced, start = _ends(daemon, case), len(events.seen)
                put(daemon, case)
                for _ in range(replaced):
                    events.wait_for(lambda event: event.name == "spawn")
                rest(daemon)
                # What this publishes comes after all that went before.
                put(
                    daemon,
                    ask("end", "set", name="last", options={"graceful_timeout": number + 1}, waiting=True),
                )
                events.wait_for(lambda event: event.watcher == "last")
                for event in events.seen[start:-1]:
                    if event.name in VOCABULARY:
                        published.setdefault((case.id, event.watcher), []).append(event)
        return {key: [_plain(daemon, event) for event in seen] for key, seen in published.items()}


def _plain(daemon, event):
    data = Normaliser(daemon).reply(event.data)
    data.pop("process_pid", None)  # which of two workers goes first is nobody's promise
    return {"event": event.name, **data}


def _order(events):
    """What is in order whoever's worker comes first."""
    return [event["event"] for event in events if event["event"] not in UNORDERED]


@pytest.mark.parametrize("group", EVENT_GROUPS, ids=lambda group: group.id)
def test_the_same_events_are_published(sides, group, subtests):
    """By command: all events of the reference, with its keys; beside them `reap` and `updated`, which it forgets."""
    with ThreadPoolExecutor(2) as both:
        reference, ours = both.map(
            lambda side: _record(sides.folder / side, getattr(sides, side), group), ("reference", "ours")
        )
    assert reference
    for key in reference.keys() | ours.keys():
        with subtests.test(" ".join(key)):
            mine, theirs = ours.get(key, []), reference.get(key, [])
            left = list(mine)
            for event in theirs:
                same = next((one for one in left if not compare("", event, one, {})), None)
                assert same is not None, f"{event} is missing in {mine}"
                left.remove(same)
            if sides.itself:
                assert not left
            assert {event["event"] for event in left} <= FORGOTTEN
            assert [word for word in _order(mine) if word != "updated"] == [
                word for word in _order(theirs) if word != "updated"
            ]
