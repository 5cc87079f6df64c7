import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.plugins.resource_watcher import Breach, Limits, MemoryLimit, Reading, Strikes, children
from daemons import Gate

from .conftest import PYTHON, workers

FACTS = {"cpu": 10.0, "mem": 2.0, "mem_info1": "3.00M"}


def broken(reading, **config):
    return list(Limits.parse(config).broken_by(reading))


def test_a_memory_is_a_percentage_or_a_size():
    assert MemoryLimit.parse("50") == MemoryLimit.parse("50%") == MemoryLimit.parse(50) == MemoryLimit(50.0)
    assert MemoryLimit.parse("512M") == MemoryLimit(512 * 2**20, in_bytes=True)
    with pytest.raises(ValueError, match="is not a size"):
        MemoryLimit.parse("much")


def test_a_reading_is_the_most_and_the_least_of_what_could_be_read():
    reading = Reading.of([FACTS, {"cpu": 30.0, "mem": "N/A", "mem_info1": "N/A"}])
    assert (reading.max_cpu, reading.min_cpu, reading.max_mem, reading.max_bytes) == (
        30.0,
        10.0,
        2.0,
        3 * 2**20,
    )
    assert Reading.of([]) == Reading()


def test_each_limit():
    assert broken(Reading(max_cpu=91)) == [Breach.OVER_CPU]
    assert broken(Reading(max_cpu=95), max_cpu="0", health_threshold="0") == []
    assert broken(Reading(min_cpu=1), min_cpu="1") == [Breach.UNDER_CPU]
    assert broken(Reading(max_mem=60), max_mem="50") == [Breach.OVER_MEMORY]
    assert broken(Reading(max_bytes=2**20 + 1), max_mem="1M") == [Breach.OVER_MEMORY]
    assert broken(Reading(max_mem=99.0, max_bytes=5), max_mem="1M", health_threshold="0") == []
    assert broken(Reading(min_mem=4), min_mem="5") == [Breach.UNDER_MEMORY]
    assert broken(Reading(min_mem=0.1, min_bytes=2**20 - 1), min_mem="1M") == [Breach.UNDER_MEMORY]
    assert broken(Reading(min_mem=0.1, min_bytes=2**20), min_mem="1M") == []
    assert broken(Reading(max_cpu=80, max_mem=80)) == [Breach.OVER_HEALTH]
    assert broken(Reading(max_cpu=80, max_mem=80), health_threshold="0") == []


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_only_a_limit_broken_too_often_in_a_row_counts(looks, allowed):
    strikes, row = Strikes(), 0
    for is_broken in looks:
        row = row + 1 if is_broken else 0
        acted = strikes.count("w", [Breach.OVER_CPU] if is_broken else [], allowed=allowed)
        assert acted == (row > allowed)
        row = 0 if acted else row


def test_two_limits_do_not_add_up_and_neither_do_two_processes():
    strikes = Strikes()
    assert not strikes.count(1, [Breach.OVER_CPU], allowed=1)
    assert not strikes.count(1, [Breach.OVER_MEMORY], allowed=1)
    assert not strikes.count(2, [Breach.OVER_MEMORY], allowed=1)
    strikes.keep([2])
    assert not strikes.count(1, [Breach.OVER_MEMORY], allowed=1)
    assert strikes.count(2, [Breach.OVER_MEMORY], allowed=1)


def test_children_know_their_worker():
    stats = {"7": {**FACTS, "children": [{**FACTS, "pid": 8}]}, "9": "gone"}
    assert list(children(stats)) == [(7, 8, {**FACTS, "pid": 8})]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_watcher_that_uses_too_much_is_restarted(circusd, statsd):
    config = f"""
[watcher:Big One]
cmd = sleep 1000
[plugin:rw]
use = circus.plugins.resource_watcher.ResourceWatcher
watcher = Big One
loop_rate = 0.1
max_count = 1
max_mem = 1K
port = {statsd.port}
"""
    with circusd(config) as daemon, daemon.events("watcher.big_one.") as events:
        reap = events.wait_for(lambda event: event.name == "reap", deadline=40)
        assert reap.data["why"] == "command"
        head = "circus.app.watcher._resource_watcher.Big_One"
        assert statsd.wait_for("restarting") == f"{head}.restarting:1|c"
        assert statsd.seen.count(f"{head}.over_memory:1|c") >= 2


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_child_is_signalled_and_its_worker_is_not(circusd, statsd, folder):
    (folder / "child.py").write_text("import signal\nbig = bytearray(b'x' * 100_000_000)\nsignal.pause()\n")
    (folder / "worker.sh").write_text(f'while true; do "{PYTHON}" child.py; echo $? > gate; done\n')
    config = f"""
[watcher:w]
cmd = sh worker.sh
working_dir = {folder}
[plugin:rw]
use = circus.plugins.resource_watcher.ResourceWatcher
watcher = w
loop_rate = 0.1
max_count = 1
max_mem = 80M
max_cpu = 0
health_threshold = 0
process_children = yes
child_signal = KILL
port = {statsd.port}
"""
    # Only the worker itself counts for the watcher: it is small.
    with Gate(folder / "gate") as gate, circusd(config) as daemon:
        before = workers(daemon, "w")
        assert gate.line(deadline=60) == "137"
        assert gate.line(deadline=60) == "137"
        assert daemon.call("list", name="w")["pids"] == before
