"""A world to look at, the same for all tests."""

import pytest

from circus.top.model import Daemon, Happening, World, apply_frame, apply_table


def _table(name: str, pids: list[int], **columns) -> dict:
    count = len(pids)
    base = {
        "pid": pids,
        "wid": list(range(1, count + 1)),
        "cpu": 0.0,
        "mem": 0.1,
        "rss": 16 << 20,
        "started": 1000.0,
        "restarts": 0,
        "threads": 1,
        "state": "sleeping",
        "fds": 9,
        "read_rate": 0.0,
        "write_rate": 2048.0,
        "tree_cpu": 0.0,
        "tree_rss": 16 << 20,
        "tree_size": 1,
        "username": "www",
        "command": f"python -m {name}",
    }
    return {
        "watcher": name,
        "status": "active",
        "restarts": 0,
        "uptime": 5000.0,
        "count": count,
        "columns": base | columns,
    }


@pytest.fixture
def world() -> World:
    daemon = Daemon(
        "ipc:///run/circus/ctl", trouble=None, can_act=True, version="1.0.0", pid=100, uptime=90_000.0
    )
    world = World([daemon], wall=1_700_000_000.0)
    for tick in range(12):
        cpu = [tick * 9.0, 2.5, 0.0]
        apply_table(daemon, _table("web", [201, 202, 203], cpu=cpu, tree_cpu=cpu), now=float(tick))
    apply_table(daemon, _table("queue worker", [301], cpu=[1.0], tree_cpu=[99.0], tree_size=[4]), now=12.0)
    apply_table(daemon, _table("cron", []) | {"status": "stopped"}, now=12.0)
    apply_table(daemon, _table("mail", []) | {"status": "backoff", "restarts": 7}, now=12.0)
    daemon.watchers["mail"].note = "try 4: exit code 1, again in 3s"
    own = {
        "pid": 100,
        "subtopic": 100,
        "cpu": 0.0,
        "mem": 0.2,
        "age": 90_000.0,
        "name": "circusd",
        "rss": 40 << 20,
    }
    apply_frame(daemon, "circus", own, now=12.0)
    apply_frame(daemon, "circus", {"pid": [100], "memory": 16 << 30, "cpus": 8, "cpu": 0.0}, now=12.0)
    hits = {
        "fd": 7,
        "subtopic": 7,
        "reads": 42,
        "address": "0.0.0.0:8080",
        "name": "web",
        "queue": 0,
        "connections": 5,
    }
    apply_frame(daemon, "sockets", hits, now=12.0)
    daemon.options["web"] = {"numprocesses": 3, "stop_signal": 15, "graceful_timeout": 30.0}
    world.events.append(
        Happening(1_699_999_990.0, daemon.endpoint, "mail", "pid 400 exited 1, crash", is_bad=True)
    )
    world.events.append(
        Happening(1_699_999_991.0, daemon.endpoint, "mail", "backs off for 3.2 s: exit code 1", is_bad=True)
    )
    return world


@pytest.fixture
def table():
    """Makes a table of circusd-stats."""
    return _table
