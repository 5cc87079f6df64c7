"""`Watcher`, the layer for programs: with real processes, on an event loop and without one."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from circus.watcher import Watcher
from circus.watcher import commands as c

SLEEP = f"{sys.executable} -c 'import time; time.sleep(600)'"
README = Path(__file__).parent.parent / "README.md"


def test_options_are_attributes_and_unknown_ones_are_kept():
    watcher = Watcher("Web App", "sleep 5", numprocesses=3, mfserv_plugin="x", rlimit_nofile=100)
    options = dict(watcher.options())
    assert options["numprocesses"] == 3
    assert options["mfserv_plugin"] == "x"
    assert watcher.rlimits == {"nofile": 100}
    assert (watcher.res_name, watcher.status(), len(watcher)) == ("web_app", "stopped", 0)
    assert watcher.spec().limits == {"nofile": (100, 100)}
    assert "mfserv_plugin" in watcher.optnames


def test_the_reference_s_positions_hold():
    watcher = Watcher("web", "sleep", ["5"], 2, 0.5, "/tmp")
    assert (watcher.args, watcher.numprocesses, watcher.warmup_delay) == (["5"], 2, 0.5)
    assert watcher.working_dir == "/tmp"
    with pytest.raises(TypeError):
        Watcher("web", "sleep", *range(60))


def test_what_is_changed_before_the_start_holds(monkeypatch):
    monkeypatch.setenv("SECRET", "pa$SSword")
    watcher = Watcher("web", "sleep 5", copy_env=True, env={"A": "$A b "})
    assert (watcher.env["SECRET"], watcher.env["A"]) == ("pa$SSword", "$A b ")
    watcher.env["B"] = "2"
    del watcher.env["SECRET"]
    assert watcher.spec().env["B"] == "2"
    assert "SECRET" not in watcher.spec().env


def test_impossible_options_are_refused_at_once():
    with pytest.raises(ValueError, match="singleton"):
        Watcher("web", "sleep", numprocesses=2, singleton=True)
    with pytest.raises(ValueError, match="copy_path needs copy_env"):
        Watcher("web", "sleep", copy_path=True)


def test_it_does_nothing_before_it_runs():
    watcher = Watcher("web", "sleep 5")
    with pytest.raises(ValueError, match="not running"):
        watcher.start()


@pytest.mark.real
async def test_on_an_event_loop():
    async with Watcher("web", SLEEP, numprocesses=2, copy_env=True) as web:
        assert web.is_active()
        first = web.pids
        assert len(first) == 2
        assert await web.incr() == 3
        assert await web.decr(2) == 1
        assert len(web) == 1
        told = await web.reload()
        assert told["kept"] == []
        assert len(told["started"]) == 1
        (process,) = web.processes.values()
        assert process.is_alive()
        assert process.age() >= 0
        await web.send_signal(process.pid, 9)
        outcome = await web.outcome(c.Restart())
        assert len(outcome.started) == 1
    assert web.is_stopped()
    assert web.pids == []


@pytest.mark.real
def test_without_an_event_loop():
    with Watcher("web", SLEEP, numprocesses=2, copy_env=True) as web:
        assert len(web.pids) == 2
        assert web.incr() == 3
        assert web.stop() is None
        assert web.is_stopped()
        assert len(web.start()["started"]) == 3
        assert set(web.info()) == set(web.pids)
    assert web.is_stopped()


@pytest.mark.real
async def test_output_goes_to_a_stream(tmp_path):
    lines: list[bytes] = []
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stream(data):
        lines.append(data["data"])
        loop.call_soon_threadsafe(seen.set)

    async with Watcher("echo", "echo hello", respawn=False, copy_env=True, stdout_stream={"stream": stream}):
        await asyncio.wait_for(seen.wait(), 10)
    assert b"".join(lines) == b"hello\n"


@pytest.mark.real
def test_the_readme_s_example_runs():
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(example, str(README), "exec"), {"__name__": "__main__"})
