"""Who runs, kept up to date by events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from circus.stats.roster import Need, Roster, Watcher


def roster(*names: str) -> Roster:
    result = Roster()
    result.replace({name: Watcher(name) for name in names}, {1: "circusd"}, [])
    return result


def test_spawn_and_reap():
    who = roster("web")
    assert who.apply("watcher.web.spawn", {"process_pid": 7, "wid": 2}) is Need.NOTHING
    assert who.watchers["web"].workers == {7: 2}
    assert (
        who.apply("watcher.web.reap", {"process_pid": 7, "exit_code": 1, "wid": 2, "why": "crash"})
        is Need.NOTHING
    )
    assert who.watchers["web"].workers == {}
    assert who.watchers["web"].restarts == 1
    assert who.watchers["web"].worker_restarts == {2: 1}


def test_the_reference_does_not_say_why_but_announces_what_was_asked():
    who = roster("web")
    who.apply("watcher.web.kill", {"process_pid": 7})
    who.apply("watcher.web.reap", {"process_pid": 7, "exit_code": -15})
    assert who.watchers["web"].restarts == 0
    who.apply("watcher.web.reap", {"process_pid": 8, "exit_code": -11})
    assert who.watchers["web"].restarts == 1


def test_names_with_dots_blanks_and_capitals():
    who = roster("My App.v2")
    who.apply("watcher.my_app.v2.spawn", {"process_pid": 7})
    assert who.watchers["My App.v2"].workers == {7: None}
    who.apply("watcher.my_app.v2.reap", {"process_pid": 7, "watcher": "My App.v2"})
    assert who.watchers["My App.v2"].workers == {}


def test_a_gap_asks_for_a_snapshot():
    who = roster("web")
    who.apply("watcher.web.start", {"seq": 4})
    assert who.apply("watcher.web.reload", {"seq": 5}) is Need.STATUS
    assert who.apply("watcher.web.spawn", {"seq": 7, "process_pid": 1}) is Need.SNAPSHOT


def test_another_daemon_counts_from_anew():
    who = roster("web")
    who.apply("watcher.web.start", {"seq": 400})
    who.restarted()
    assert who.apply("watcher.web.start", {"seq": 1}) is Need.STATUS


def test_an_unknown_watcher_asks_for_a_snapshot():
    assert roster().apply("watcher.new.spawn", {"process_pid": 7}) is Need.SNAPSHOT


def test_helpers_are_the_daemons_own():
    who = roster("circushttpd")
    who.apply("watcher.circushttpd.spawn", {"process_pid": 9})
    assert who.daemon == {1: "circusd", 9: "circushttpd"}


def test_counted_restarts_survive_a_snapshot_that_does_not_know_them():
    who = roster("web")
    who.apply("watcher.web.reap", {"process_pid": 8})
    who.replace({"web": Watcher("web")}, {}, [])
    assert who.watchers["web"].restarts == 1


JSON = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(("", "crash", "web")) | st.just([])
KEYS = st.sampled_from(("process_pid", "wid", "seq", "watcher", "why", "other"))
TOPICS = st.text(max_size=10) | st.sampled_from(
    ("watcher.web.spawn", "watcher.web.reap", "watcher.web.kill", "arbiter.x")
)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(TOPICS, st.dictionaries(KEYS, JSON))))
def test_no_event_raises(events):
    who = roster("web")
    for topic, body in events:
        assert who.apply(topic, body) in Need
        assert all(isinstance(pid, int) for pid in who.watchers.get("web", Watcher("")).workers)
