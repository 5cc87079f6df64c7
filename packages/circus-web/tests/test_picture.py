"""The picture of a daemon, fed by hand."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from circus.web.judge import Level, bytes_of, judge
from circus.web.picture import FRESH, Picture
from circus.web.series import Series
from circus.web.words import event_text

NAMES = ("web", "Mail Queue", "a.b")
name = st.sampled_from(NAMES)
pid = st.integers(1, 6)
state = st.sampled_from(["active", "starting", "stopping", "stopped", "backoff", "failed"])
step = st.one_of(
    st.tuples(st.just("statuses"), st.dictionaries(name, state)),
    st.tuples(st.just("listed"), st.tuples(name, st.sets(pid))),
    st.tuples(
        st.just("event"), st.tuples(name, st.sampled_from(["spawn", "reap", "kill", "stop", "odd"]), pid)
    ),
    st.tuples(st.just("stats"), st.tuples(name, pid, st.one_of(st.floats(0, 900), st.just("N/A")))),
    st.tuples(st.just("blank"), st.none()),
    st.tuples(st.just("tick"), st.floats(0, 5)),
)


def feed(picture: Picture, kind: str, value: Any, now: float) -> None:
    match kind:
        case "statuses":
            picture.set_statuses(value)
        case "listed":
            picture.set_listed(value[0], value[1])
        case "event":
            topic = f"watcher.{value[0].lower().replace(' ', '_')}.{value[1]}"
            picture.apply_event(topic, {"process_pid": value[2], "time": 1.0}, now=now)
        case "stats":
            picture.apply_stats(
                f"stat.{value[0]}.{value[1]}", {"cpu": value[2], "mem": 1.0, "mem_info1": "2M"}, now=now
            )
        case _:
            picture.blank()


def apply(snapshot: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
    """What a page does with a frame."""
    watchers = {**snapshot["watchers"], **frame["watchers"]}
    figures = {**snapshot["figures"], **frame["figures"]}
    for gone in frame["gone"]:
        watchers.pop(gone, None)
        figures.pop(gone, None)
    return {
        "watchers": watchers,
        "figures": figures,
        "events": [*snapshot["events"], *frame["events"]][-500:],
    }


@given(st.lists(step, max_size=40))
def test_snapshot_and_frames_give_the_next_snapshot(steps: list[tuple[str, Any]]):
    picture, now = Picture(), 0.0
    page = {key: picture.snapshot()[key] for key in ("watchers", "figures", "events")}
    for kind, value in [*steps, ("tick", 1.0)]:
        if kind != "tick":
            feed(picture, kind, value, now)
            continue
        now += value
        page = apply(page, picture.tick(now=now))
        whole = picture.snapshot()
        assert page == {key: whole[key] for key in page}


@given(st.lists(step, max_size=40))
def test_after_blank_no_figure_and_no_state_is_left(steps: list[tuple[str, Any]]):
    picture = Picture()
    for kind, value in steps:
        if kind != "tick":
            feed(picture, kind, value, 0.0)
    picture.blank()
    picture.tick(now=0.0)
    whole = picture.snapshot()
    assert all(view["level"] == "unknown" and view["running"] == 0 for view in whole["watchers"].values())
    assert all(figures == [None, None, None] for figures in whole["figures"].values())
    assert whole["total"] == [None, None, None]


def test_charts_have_a_gap_where_nothing_was_known_or_nobody_looked():
    series = Series(5)
    series.skip(3)
    assert series.view() == {"cpu": [], "memory": []}, "it begins with its first sample"
    series.append(1.0, 8)
    series.append(None, None)
    series.skip(2)
    series.append(2.0, 9)
    assert series.view() == {"cpu": [1.0, None, None, None, 2.0], "memory": [8.0, None, None, None, 9.0]}
    assert series.view(last=1) == {"cpu": [2.0], "memory": [9.0]}
    series.skip(10**9)
    assert series.view()["cpu"] == [None] * 5


def test_old_figures_are_not_shown():
    picture = Picture()
    picture.set_statuses({"web": "active"})
    picture.set_listed("web", [1])
    picture.apply_stats("stat.web.1", {"cpu": 5.0, "mem_info1": "1M"}, now=0.0)
    assert picture.tick(now=1.0)["figures"] == {"web": [5.0, 2**20, None]}
    assert picture.tick(now=FRESH + 0.5)["figures"] == {"web": [None, None, None]}


def test_a_crash_loop_of_an_old_daemon_is_seen_as_flapping_and_a_restart_is_not():
    picture = Picture()
    picture.set_statuses({"web": "active", "mail": "active"})
    for pid in (1, 2, 3):
        picture.apply_event("watcher.web.reap", {"process_pid": pid, "exit_code": 1}, now=pid)
        picture.apply_event("watcher.mail.kill", {"process_pid": pid}, now=pid)
        picture.apply_event("watcher.mail.reap", {"process_pid": pid, "exit_code": -15}, now=pid)
    assert picture.view("web", now=4)["why"] == (
        "Flaps: 3 unasked exits within a minute. The last: exit code 1."
    )
    assert picture.view("mail", now=4)["level"] == "good"
    assert picture.view("web", now=100)["level"] == "good"
    assert picture.view("web", now=100)["last_exit"]["exit"] == "exit code 1"


def test_a_page_that_comes_late_is_told_why_something_failed_waits_or_does_not_die():
    picture = Picture()
    picture.set_statuses({"web": "failed", "mail": "backoff", "disk": "active"})
    told: dict[str, dict[str, Any]] = {
        "web": {"state": "failed", "failure": "cannot start web.1: setting user 'www': no such user"},
        "mail": {"state": "backoff", "backoff": {"reason": "exit code 1", "attempt": 3, "wait": 4.0}},
        "disk": {"state": "active", "wanted": 1, "stuck": [7], "lost_bytes": 9, "output_error": "no space left",
                 "workers": [{"wid": 1, "pid": 7, "state": "stuck", "why": "crash", "error": ""}]},
    }  # fmt: skip
    for watcher, reply in told.items():
        picture.set_described(watcher, reply, now=0)
    assert {watcher: picture.view(watcher, now=0)["why"] for watcher in told} == {
        "web": "Cannot start web.1: setting user 'www': no such user.",
        "mail": "Exit code 1. Try 3 comes after 4.0 s.",
        "disk": "Killed, and still there: process 7.",
    }
    detail = picture.detail("disk", now=0, history=False)
    assert (detail["lost_bytes"], detail["output_error"]) == (9, "no space left")
    assert detail["workers"][0]["why"] == "crash"


def test_names_with_dots_and_blanks_are_told_apart_from_topics():
    picture = Picture()
    picture.set_statuses({"Mail Queue": "active", "a.b": "active"})
    assert picture.apply_event("watcher.mail_queue.start", {}, now=0) == {"Mail Queue"}
    assert picture.apply_event("watcher.a.b.start", {}, now=0) == {"a.b"}


def test_levels():
    def level(**change: Any) -> Level:
        facts = {
            "state": "active",
            "wanted": 2,
            "running": 2,
            "exits_of_a_minute": 0,
            "reason": None,
            **change,
        }
        return judge(**facts)[0]

    assert level() is Level.GOOD
    assert level(running=1) is Level.WARN
    assert level(wanted=None, running=0) is Level.GOOD
    assert level(state="failed") is level(state="backoff") is level(exits_of_a_minute=3) is Level.BAD
    assert level(state="stopped", running=0) is Level.OFF
    assert level(state="unknown") is Level.UNKNOWN


def test_sizes():
    assert [bytes_of(one) for one in ("8.65M", "3G", "0B", 12, "N/A", None, True)] == [
        9070182, 3 * 2**30, 0, 12, None, None, None,
    ]  # fmt: skip


@given(st.lists(st.floats(0, 1e6, width=32), max_size=50), st.integers(1, 10))
def test_a_series_keeps_the_last_samples_in_order(values: list[float], size: int):
    series = Series(size)
    for value in values:
        series.append(value, value)
    assert series.lists()[1] == values[-size:]


WORDS = st.text("ab{}%ä\n", max_size=8)


@given(WORDS, st.dictionaries(WORDS, st.one_of(st.none(), st.integers(), WORDS)))
def test_any_event_has_a_text(event: str, fields: dict[str, Any]):
    assert isinstance(event_text(event, fields), str)
