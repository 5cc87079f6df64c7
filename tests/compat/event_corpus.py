"""What happens, and is published. Data: a configuration and what is done under it; the events are compared."""

from dataclasses import dataclass

from differential import Case, ask

__all__ = ["EVENT_GROUPS", "EventGroup"]


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Commands under a configuration, put one after the other, each after the daemon has come to rest."""

    id: str
    config: str
    cases: tuple[Case, ...]


HOOKS = """\
def good(watcher, arbiter, hook_name, **kwargs):
    return True


def bad(watcher, arbiter, hook_name, **kwargs):
    raise ValueError("a hook that fails")
"""

BASE = """\
check_delay = -1
[watcher:web]
cmd = sleep 987
numprocesses = 2
[watcher:Capital Name]
cmd = sleep 987
[watcher:idle]
cmd = sleep 987
autostart = False
[watcher:last]
cmd = sleep 987
autostart = False
"""

EVENT_GROUPS = (
    EventGroup(
        "life",
        BASE,
        (
            ask("1", "stop", name="web", waiting=True),
            ask("2", "start", name="web", waiting=True),
            ask("3", "restart", name="Capital Name", waiting=True),
            ask("4", "start", name="idle", waiting=True),
        ),
    ),
    EventGroup(
        "counts",
        BASE,
        (
            ask("1", "incr", name="web", waiting=True),
            ask("2", "decr", name="web", nb=2, waiting=True),
            ask("3", "set", name="web", options={"numprocesses": 2}, waiting=True),
            ask("4", "set", name="web", options={"graceful_timeout": 5}, waiting=True),
            ask("5", "set", name="idle", options={"cmd": "sleep 986"}, waiting=True),
        ),
    ),
    EventGroup(
        "watchers",
        BASE,
        (
            ask("1", "add", name="new", cmd="sleep 987", start=True, waiting=True),
            ask("2", "rm", name="new", waiting=True),
            ask("3", "rm", name="idle", waiting=True),
        ),
    ),
    EventGroup(
        "reload",
        BASE,
        (
            ask("1", "reload", name="web", waiting=True),
            ask("2", "reload", name="web", graceful=False, waiting=True),
            ask("3", "reload", name="web", sequential=True, waiting=True),
        ),
    ),
    EventGroup(
        "deaths",
        BASE.replace("check_delay = -1", "check_delay = 0.25"),
        (
            ask("1", "signal", name="web", signum=9),
            ask("2", "signal", name="Capital Name", signum=15),
            ask("3", "kill", name="Capital Name", waiting=True),
        ),
    ),
    EventGroup(
        "hooks",
        BASE
        + "[watcher:hooked]\ncmd = sleep 987\nautostart = False\nhooks.before_start = test_hooks.good\n"
        + "hooks.after_start = test_hooks.good\nhooks.before_stop = test_hooks.bad,true\n",
        (
            ask("1", "start", name="hooked", waiting=True),
            ask("2", "stop", name="hooked", waiting=True),
        ),
    ),
)
