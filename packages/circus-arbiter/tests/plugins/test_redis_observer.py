import subprocess
import sys

import pytest

from requires import needs_program

pytest.importorskip("redis", reason="the redis package is not installed: make setup")
pytestmark = [
    needs_program("redis-server"),
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(90),
]


def test_a_redis_is_observed_and_its_watcher_restarted_when_it_hangs(circusd, statsd, folder):
    config = f"""
[watcher:redis]
cmd = redis-server --port 0 --unixsocket {folder}/redis.sock --save "" --dir {folder}
stop_signal = TERM
graceful_timeout = 0.5
[plugin:redis]
use = circus.plugins.redis_observer.RedisObserver
redis_url = unix://{folder}/redis.sock
timeout = 1
loop_rate = 0.2
restart_on_timeout = redis
port = {statsd.port}
"""
    with circusd(config) as daemon, daemon.events("watcher.redis.") as events:
        head = "circus.redis_observer.watcher.redis_stats"
        assert statsd.wait_for("used_memory:").startswith(f"{head}.used_memory:")
        statsd.wait_for(f"{head}.connected_clients:")
        reply = daemon.call("signal", name="redis", signum="STOP")
        assert reply["status"] == "ok"
        statsd.wait_for(f"{head}.error:1|c")
        statsd.wait_for(f"{head}.restart_on_error:1|c")
        events.wait_for(lambda event: event.name == "reap", deadline=40)


def test_without_the_package_it_says_what_to_install(folder):
    (folder / "redis.py").write_text("raise ModuleNotFoundError('No module named redis', name='redis')\n")
    done = subprocess.run(
        [sys.executable, "-m", "circus.plugins", "circus.plugins.redis_observer.RedisObserver"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 1
    assert "pip install 'circus-arbiter[redis]'" in done.stderr
