import pytest

from circus.plugins.statsd import StatsdClient, bucket_name, gauges


@pytest.fixture
def client(statsd):
    client = StatsdClient(host="127.0.0.1", port=statsd.port, prefix="circus")
    yield client
    client.stop()


def test_the_lines(client, statsd):
    client.increment("a.b")
    client.increment("a", 3)
    client.decrement("a", 2)
    client.gauge("g", 1.5)
    client.timed("t", 12)
    lines = [statsd.next() for _ in range(5)]
    assert lines == ["circus.a.b:1|c", "circus.a:3|c", "circus.a:-2|c", "circus.g:1.5|g", "circus.t:12|ms"]


def test_names_do_not_break_the_lines(client, statsd):
    client.increment("plugin:my app|x@y")
    assert statsd.next() == "circus.plugin_my_app_x_y:1|c"
    assert bucket_name("a.b") == "a.b"


def test_a_part_of_the_counts_is_sent_and_says_which_part(statsd):
    chances = iter([0.05, 0.5, 0.09])
    client = StatsdClient(host="127.0.0.1", port=statsd.port, sample_rate=0.1, chance=lambda: next(chances))
    for number in range(3):
        client.increment(f"c{number}")
    client.gauge("g", 1)
    assert [statsd.next() for _ in range(3)] == ["c0:1|c|@0.1", "c2:1|c|@0.1", "g:1|g"]
    client.stop()


def test_nobody_there_is_no_error():
    client = StatsdClient(host="no.such.host.invalid", port=1)
    client.increment("a")
    client.stop()
    client.increment("a")


def test_what_is_told_of_a_watcher():
    stats = {
        "1": {"cpu": 10.0, "mem": 1.0, "mem_info1": "1.00K"},
        "2": {"cpu": 5.0, "mem": 2.0, "mem_info1": "3.00K"},
        "3": "no such process",
        "4": {"cpu": "N/A", "mem": "N/A", "mem_info1": "N/A"},
        "spawn_count": 9,
    }
    assert dict(gauges(stats)) == {
        "spawn_count": 9,
        "watchers_num": 3,
        "cpu_max": 10.0,
        "cpu_sum": 15.0,
        "mem_pct_max": 2.0,
        "mem_pct_sum": 3.0,
        "mem_max": 3072,
        "mem_sum": 4096,
    }
    assert dict(gauges({})) == {"watchers_num": 0}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_events_and_figures_reach_statsd(circusd, statsd):
    config = f"""
[watcher:My App]
cmd = sleep 1000
numprocesses = 2
[plugin:emitter]
use = circus.plugins.statsd.StatsdEmitter
application_name = shop
port = {statsd.port}
[plugin:full]
use = circus.plugins.statsd.FullStats
application_name = shop
loop_rate = 0.1
port = {statsd.port}
"""
    with circusd(config) as daemon:
        head = "circus.shop.watcher"
        statsd.wait_for(f"{head}._stats.My_App.watchers_num:2|g")
        for figure in ("cpu_max", "cpu_sum", "mem_pct_max", "mem_pct_sum", "mem_max", "mem_sum"):
            line = statsd.wait_for(f"{head}._stats.My_App.{figure}:")
            assert float(line.rpartition(":")[2].removesuffix("|g")) >= 0
        # The emitter may have subscribed later: change something until it tells.
        wanted = f"{head}.My_App.updated:1|c"
        while wanted not in statsd.seen:
            assert daemon.call("set", name="my app", options={"graceful_timeout": len(statsd.seen)})
            statsd.next()
        assert not any("plugin" in line for line in statsd.seen if "_stats" in line)
