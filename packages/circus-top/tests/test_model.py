"""What is known, and how news changes it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from circus.top.diagnosis import Signs, diagnose
from circus.top.model import Daemon, apply_description, apply_frame, apply_table, expire
from circus.top.owner import Owner


def test_a_table_replaces_the_workers(table):
    daemon = Daemon("e")
    apply_table(daemon, table("web", [1, 2, 3], cpu=[1.0, 2.0, 3.0]), now=1.0)
    apply_table(daemon, table("web", [2, 4]), now=2.0)
    assert [process.pid for process in daemon.watchers["web"].processes] == [2, 4]
    assert daemon.watchers["web"].total("rss") == 32 << 20


def test_ages_are_counted_from_when_workers_started(table):
    daemon = Daemon("e")
    for started, ages in (
        (4990.0, [10.0, 10.0]),
        ([4000.5, 5001.0], [999.5, 0.0]),
        ("x", [None] * 2),
        (None, [None] * 2),
    ):
        apply_table(daemon, table("web", [1, 2], started=started), now=1.0)
        assert [process.age for process in daemon.watchers["web"].processes] == ages
    apply_table(daemon, table("web", [1]) | {"uptime": "now"}, now=2.0)
    assert daemon.watchers["web"].processes[0].age is None


def test_frames_of_the_reference_are_gathered_and_expire():
    daemon = Daemon("e")
    frame = {
        "pid": 7,
        "subtopic": 7,
        "cpu": "N/A",
        "mem": 1.5,
        "age": 3.0,
        "mem_info1": "1.50M",
        "cmdline": "x",
    }
    apply_frame(daemon, "web", frame, now=1.0)
    process = daemon.watchers["web"].processes[0]
    assert (process.cpu, process.mem, process.rss) == (None, 1.5, 3 << 19)
    apply_frame(daemon, "web", frame | {"pid": 8, "subtopic": 8, "cpu": 2.0}, now=4.5)
    expire(daemon, now=5.0, after=3.0)
    assert [p.pid for p in daemon.watchers["web"].processes] == [8]


def test_the_daemons_own_processes():
    daemon = Daemon("e")
    apply_frame(daemon, "circus", {"pid": 1, "subtopic": 1, "name": "circusd", "age": 5.0}, now=1.0)
    apply_frame(daemon, "circus", {"pid": 2, "subtopic": 2, "name": "circusd-stats", "age": 5.0}, now=1.0)
    apply_frame(daemon, "circus", {"pid": [1], "cpu": 0.0, "memory": 5, "version": "1.0.0"}, now=1.0)
    assert (set(daemon.own), daemon.pid, daemon.uptime, daemon.version) == ({1}, 1, 5.0, "1.0.0")


JSON = st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=4)
KEYS = st.sampled_from(
    ("watcher", "count", "columns", "pid", "subtopic", "cpu", "mem", "mem_info1", "status", "reads")
)


@settings(deadline=None)
@given(
    st.sampled_from(("web", "circus", "sockets")), st.dictionaries(KEYS, JSON | st.lists(JSON, max_size=2))
)
def test_no_frame_raises(group, frame):
    daemon = Daemon("e")
    apply_table(daemon, frame, now=1.0)
    apply_frame(daemon, group, frame, now=1.0)
    expire(daemon, now=9.0, after=3.0)
    assert daemon.seen == {}


@settings(deadline=None)
@given(
    st.builds(
        Signs,
        endpoint=st.just("tcp://a"),
        stats_endpoint=st.just("tcp://b"),
        error=st.none() | st.just("no answer"),
        is_down=st.booleans(),
        asked=st.booleans(),
        has_stats=st.none() | st.booleans(),
        is_linked=st.booleans(),
        linking_for=st.floats(0, 10),
        figures_ago=st.none() | st.floats(0, 10),
        stats_only=st.booleans(),
        is_empty=st.booleans(),
        foreign=st.none() | st.just(7),
    )
)
def test_no_figures_always_say_why(signs: Signs):
    trouble, advice = diagnose(signs)
    if signs.figures_ago is None:
        assert trouble
    if trouble is None:
        assert advice is None


def test_what_to_do_is_said():
    base = {"endpoint": "tcp://a", "stats_endpoint": "tcp://b", "linking_for": 9.0}
    assert "statsd = True" in diagnose(Signs(**base, has_stats=False))[1]
    assert "nobody listens at tcp://a" in diagnose(Signs(**base, error="x", is_down=True))[0]
    assert "nobody publishes at tcp://b" in diagnose(Signs(**base, has_stats=True))[0]
    assert "no figures come from tcp://b" in diagnose(Signs(**base, has_stats=True, is_linked=True))[0]
    assert "for 8 s" in diagnose(Signs(**base, has_stats=True, is_linked=True, figures_ago=8.0))[0]
    assert "no watchers" in diagnose(Signs(**base, has_stats=True, is_empty=True))[0]
    assert "another circusd, pid 7" in diagnose(Signs(**base, has_stats=True, foreign=7))[0]


def test_without_figures_there_is_what_circusd_tells():
    watcher = Daemon("e").watcher("web")
    workers = [{"wid": 1, "pid": 7, "state": "up", "age": 3.5, "restarts": 2}, {"wid": 2, "pid": None}, None]
    used = {"7": {"pid": 7, "cpu": 1.5, "mem_info1": "1.50M", "age": 3.4, "username": "www"}}
    apply_description(watcher, {"restarts": 4, "workers": workers}, used)
    (process,) = watcher.processes
    assert (process.pid, process.wid, process.state, process.restarts) == (7, 1, "up", 2)
    assert (process.cpu, process.rss, process.age, process.username) == (1.5, 3 << 19, 3.5, "www")
    assert watcher.restarts == 4
    apply_description(watcher, {"status": "error"}, {})
    assert (watcher.processes, watcher.restarts) == ([], 4)


def test_figures_of_another_circusd_are_told_from_those_of_one_that_restarted():
    owner = Owner()
    assert not owner.hear(5), "as long as circusd has not told its pid, nothing is known"
    owner.pid = 5
    assert not owner.hear(5)
    assert not owner.is_doubtful
    assert owner.hear(6), "circusd is to be asked"
    assert (owner.is_doubtful, owner.foreign) == (True, None)
    owner.pid = 6
    assert not owner.hear(6), "it was restarted"
    assert (owner.is_doubtful, owner.foreign) == (False, None)
    assert owner.hear(7)
    owner.pid = 6
    assert not owner.hear(7)
    assert (owner.is_doubtful, owner.foreign) == (True, 7)
    assert not owner.hear(6)
    assert not owner.is_doubtful
