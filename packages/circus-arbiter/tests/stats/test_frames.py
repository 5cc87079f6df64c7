"""What is published, against the reference's keys and the models of the protocol."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.protocol.stats import ProcessFrame, SocketFrame, TableFrame, WatcherFrame
from circus.stats import frames
from circus.stats.client import split_topic
from circus.stats.hits import Hits
from circus.stats.kernel import TICKS, Hot, Slow
from circus.stats.metrics import Picture, render_metrics
from circus.stats.procfs import parse_hot, parse_io, parse_parent
from circus.stats.roster import Socket, Watcher
from circus.stats.sampler import Moment, Sample
from circus.stats.statsd import datagrams, statsd_lines
from circus.stats.tables import Tables

REFERENCE_KEYS = {
    "mem_info1 mem_info2 cpu mem ctime pid username nice create_time age cmdline children subtopic name"
}


NOW = Moment(wall=1000.0, uptime=1000 / TICKS + 61.25)
"""When the samples below are 61.25 s old."""


def sample(pid: int = 7, *, cpu: float = 12.5, command: str = "python app.py") -> Sample:
    hot = Hot("S", 1, 150, 0, 5, 3, 1000, 2**30, 2**26)
    slow = Slow("www", "python", command, 9, 4096, 8192)
    return Sample(pid, hot, slow, cpu, 10.0, 20.0, 50.0, 2**27, 2)


def test_a_process_has_the_keys_of_the_reference_and_more():
    frame = frames.process_frame(sample(), watcher="web", memory=2**30, moment=NOW, wid=3, restarts=1)
    assert set(" ".join(REFERENCE_KEYS).split()) <= frame.keys()
    assert frame["mem_info1"] == "64.00M"
    assert frame["mem"] == 6.25
    assert frame["ctime"] == f"0:0{150 // TICKS}.{150 % TICKS * 100 // TICKS:02d}"
    assert frame["create_time"] == 938.75
    assert (frame["wid"], frame["tree_mem"], frame["state"]) == (3, 12.5, "sleeping")
    ProcessFrame.model_validate(frame)


def test_minutes_of_cpu_time_go_on_past_the_hour():
    assert frames.human_cpu_time(TICKS * (3600 * 30 + 62)) == "1801:02.00"


def test_the_sum_is_an_average_of_cpu_and_a_sum_of_memory():
    frame = frames.sum_frame(
        [sample(1), sample(2, cpu=0.0)], watcher=Watcher("web", restarts=4), memory=2**30, moment=NOW
    )
    assert (frame["pid"], frame["cpu"], frame["mem"], frame["age"]) == ([1, 2], 6.25, 12.5, 61.25)
    assert (frame["cpu_sum"], frame["restarts"]) == (12.5, 4)
    WatcherFrame.model_validate(frame)


def test_a_watcher_without_workers_has_a_sum_too():
    frame = frames.sum_frame([], watcher=Watcher("web", status="stopped"), memory=2**30, moment=NOW)
    assert (frame["pid"], frame["cpu"], frame["age"], frame["status"]) == ([], 0.0, "N/A", "stopped")


def test_sockets():
    listener = Socket("web", 6, "127.0.0.1:80", is_unix=False, port=80)
    (topic, one), (total_topic, total) = frames.socket_frames([listener], {"web": Hits(3, 1, 2)})
    assert (topic, total_topic) == (b"stat.sockets.6", b"stat.sockets")
    assert (one["reads"], one["subtopic"], one["address"]) == (3, 6, "127.0.0.1:80")
    assert total == {"addresses": ["127.0.0.1:80"], "reads": 3}
    SocketFrame.model_validate(one)


def test_a_frame_encoded_again_differs_in_its_age_alone():
    encoder = frames.ProcessFrames(memory=2**30)

    def encode(one: Sample, later: float) -> dict:
        moment = Moment(NOW.wall + later + 0.001, NOW.uptime + later)
        ((topic, body),) = encoder.encode([one], group="web", moment=moment)
        assert topic == b"stat.web.7"
        return json.loads(body)

    first = sample()
    one, two = encode(first, 0.0), encode(first, 1.0)
    assert two.pop("age") - one.pop("age") == 1.0
    assert one == two
    assert encode(first._replace(cpu=1.0), 1.0)["cpu"] == 1.0


def test_a_frame_tells_the_restarts_of_its_slot_though_nobody_read_it_meanwhile():
    encoder = frames.ProcessFrames(memory=2**30)
    watcher, samples = Watcher("web", workers={1: 1, 2: 2}), [sample(1), sample(2)]

    def restarts(these: list[Sample]) -> list[int]:
        made = encoder.encode(these, group="web", moment=NOW, watcher=watcher)
        return [json.loads(body)["restarts"] for _, body in made]

    assert restarts(samples) == [0, 0]
    watcher.worker_restarts = {1: 3, 2: 5}
    assert restarts(samples[:1]) == [3]
    assert restarts(samples) == [3, 5]
    encoder.keep((), ())
    assert restarts(samples) == [3, 5]


def test_a_sum_encoded_again_is_the_same_as_one_made_anew():
    encoder = frames.SumFrames(memory=2**30)
    watcher, samples = Watcher("web"), [sample(1), sample(2)]
    for later in (0.0, 1.0):
        moment = Moment(NOW.wall + later, NOW.uptime + later)
        made = json.loads(encoder.encode(list(samples), watcher=watcher, moment=moment))
        assert made == frames.sum_frame(samples, watcher=watcher, memory=2**30, moment=moment)
    samples[1] = sample(2, cpu=99.5)
    assert json.loads(encoder.encode(samples, watcher=watcher, moment=NOW))["cpu_sum"] == 112.0
    assert json.loads(encoder.encode([], watcher=watcher, moment=NOW))["age"] == "N/A"


def decoded(tables: Tables, watcher: Watcher, samples: list[Sample]) -> dict:
    return json.loads(tables.encode(samples, watcher=watcher, moment=NOW))


def test_a_table_holds_a_column_of_equal_values_as_one():
    watcher = Watcher("web", workers={1: 1, 2: 2})
    tables = Tables(memory=2**30)
    table = decoded(tables, watcher, [sample(1), sample(2)])
    assert (table["count"], table["columns"]["pid"], table["columns"]["wid"]) == (2, [1, 2], [1, 2])
    assert table["columns"]["username"] == "www"
    assert table["uptime"] - table["columns"]["started"] == pytest.approx(61.25)
    TableFrame.model_validate(table)
    assert decoded(tables, watcher, [])["columns"]["pid"] == []


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(("work", "same", "spawn", "reap", "restart", "status")), st.integers(0, 4)),
        max_size=20,
    )
)
def test_a_table_that_was_changed_is_the_same_as_one_made_anew(steps: list[tuple[str, int]]):
    kept = Tables(memory=2**30)
    watcher, samples = Watcher("web", workers={1: 1, 2: 2}), [sample(1), sample(2)]
    for what, which in steps:
        samples = list(samples)
        match what:
            case "work" if samples:
                at = which % len(samples)
                samples[at] = samples[at]._replace(cpu=float(which), tree_rss=which)
            case "spawn" if 10 + which not in watcher.workers:
                watcher.workers[10 + which] = which
                samples.append(sample(10 + which))
            case "reap" if samples:
                watcher.workers.pop(samples.pop(which % len(samples)).pid)
            case "restart":
                watcher.worker_restarts[which] = watcher.worker_restarts.get(which, 0) + 1
            case "status":
                watcher.status = str(which)
            case _:
                pass
        assert decoded(kept, watcher, samples) == decoded(Tables(memory=2**30), watcher, samples)
    kept.keep(())
    assert decoded(kept, watcher, samples)["count"] == len(samples)


def test_what_is_wanted():
    assert frames.wants({b"stat."}, b"stat.web.7")
    assert frames.wants({b"stat.web.7"}, b"stat.web", below=True)
    assert not frames.wants({b"stat.web.7"}, b"stat.web")
    assert not frames.wants({b"table."}, b"stat.web", below=True)


def test_topics_are_told_apart_by_their_frames():
    assert split_topic("stat.web.7", {"subtopic": 7}) == ("web", "7")
    assert split_topic("stat.web", {}) == ("web", None)
    assert split_topic("stat.my.app.7", {"subtopic": 7}) == ("my.app", "7")
    assert split_topic("stat.my.app.7", {}) == ("my.app.7", None)


@settings(deadline=None, max_examples=50)
@given(
    st.binary(max_size=15).filter(lambda name: b"\n" not in name),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
)
def test_a_process_may_have_any_name(name: bytes, user: int, rss: int):
    rest = [
        b"R",
        b"1",
        *[b"0"] * 9,
        b"%d" % user,
        b"3",
        b"0",
        b"0",
        b"20",
        b"-5",
        b"2",
        b"0",
        b"77",
        b"8192",
        b"%d" % rss,
    ]
    hot = parse_hot(b"42 (" + name + b") " + b" ".join(rest) + b" 0 0 0\n")
    assert (hot.state, hot.ppid, hot.used, hot.nice, hot.threads, hot.start) == ("R", 1, user + 3, -5, 2, 77)


def test_a_thread_has_no_parent_of_its_own():
    head = b"42 (a) b) S 7 " + b"0 " * 33
    assert parse_parent(head + b"17 0 0\n") == 7
    assert parse_parent(head + b"-1 0 0\n") == 0


def test_io():
    assert parse_io(b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 8\ncancelled_write_bytes: 2\n") == (4096, 8)
    assert parse_io(b"") is None


def picture() -> Picture:
    return Picture(
        is_up=True,
        memory=2**30,
        moment=NOW,
        watchers=[
            Watcher('we"ird\\na\nme', workers={7: 1, 8: 2}, restarts=2),
            Watcher("old", status="stopped", workers={9: None}),
        ],
        daemon={1: "circusd"},
        sockets=[Socket("web", 6, "127.0.0.1:80", is_unix=False, port=80)],
        samples={7: sample(7), 9: sample(9), 1: sample(1)},
        hits={"web": Hits(3, 1, 2)},
        reads={"web": 30},
    )


def test_openmetrics_is_what_the_official_parser_reads():
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    families = {
        family.name: family
        for family in text_string_to_metric_families(render_metrics(picture(), openmetrics=True))
    }
    cpu = families["circus_worker_cpu_seconds"]
    assert (cpu.type, cpu.unit) == ("counter", "seconds")
    labels = {"watcher": 'we"ird\\na\nme', "worker": "1"}
    assert [s.value for s in cpu.samples if s.labels == labels] == [150 / TICKS]
    restarts = {s.labels["watcher"]: s.value for s in families["circus_watcher_restarts"].samples}
    assert restarts['we"ird\\na\nme'] == 2
    assert families["circus_socket_connections_seen"].samples[0].value == 30
    assert {s.labels["pid"] for s in families["circus_worker_threads"].samples if "pid" in s.labels} == {"9"}


def test_prometheus_text_is_what_the_official_parser_reads():
    from prometheus_client.parser import text_string_to_metric_families

    families = {
        family.name: family
        for family in text_string_to_metric_families(render_metrics(picture(), openmetrics=False))
    }
    assert families["circus_up"].samples[0].value == 1
    assert families["circus_worker_cpu_seconds"].type == "counter"
    assert all(not math.isnan(s.value) for family in families.values() for s in family.samples)


def test_statsd():
    lines = list(statsd_lines(picture(), "circus"))
    assert "circus.old.processes:1|g" in lines
    assert "circus.we_ird_na_me.restarts:2|g" in lines
    assert "circus.sockets.web.reads:3|g" in lines


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(alphabet="abc.:|g", min_size=1, max_size=200), max_size=60))
def test_datagrams_lose_nothing_and_fit_a_frame(lines: list[str]):
    blocks = list(datagrams(lines))
    assert [line for block in blocks for line in block.decode().split("\n")] == lines
    assert all(len(block) <= 1432 for block in blocks)
