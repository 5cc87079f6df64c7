"""Programs written for the reference, run as they are in its environment and in ours: they have to see the same.

The folder `scripts` holds them, in the way of users, not of this project. None is told which of the two it runs on.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemons import Daemon, Gate
from requires import needs_daemon, needs_reference

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.reference,
    pytest.mark.timeout(120),
    needs_reference(),
    needs_daemon(),
]

SCRIPTS = Path(__file__).parent / "scripts"
DEADLINE = 60


@pytest.fixture
def both(sides):
    """Run something on both sides at once; the answers, the reference's first."""

    def run(function):
        def one(side):
            folder = sides.folder / side[0]
            folder.mkdir(exist_ok=True)
            return function(getattr(sides, side), folder)

        with ThreadPoolExecutor(2) as pool:
            return tuple(pool.map(one, ("reference", "ours")))

    return run


def script(programs, name, *words):
    """Standard output of a script that has ended well."""
    done = subprocess.run(
        [programs / "python", "-W", "ignore", SCRIPTS / name, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def daemon(programs, folder, config, **env):
    """A circusd as `python -m circus.circusd`, which finds the users' modules."""
    return Daemon(
        folder,
        config,
        program=programs / "python",
        args=["-W", "ignore", "-m", "circus.circusd"],
        env={"PYTHONPATH": str(SCRIPTS), **env},
    )


HOOKED = """\
check_delay = 0.25
[watcher:app]
cmd = sleep 987
numprocesses = 2
autostart = False
graceful_timeout = 5
hooks.before_start = user_hooks.look
hooks.after_start = user_hooks.note
hooks.before_spawn = user_hooks.note
hooks.after_spawn = user_hooks.note
hooks.before_stop = user_hooks.fail,true
hooks.after_stop = user_hooks.note
hooks.before_signal = user_hooks.note
hooks.after_signal = user_hooks.note
hooks.extended_stats = user_hooks.extend
[watcher:refused]
cmd = sleep 987
autostart = False
hooks.before_start = user_hooks.refuse
[env:app]
COLOUR = mauve
"""


def test_hooks(both):
    def see(programs, folder):
        notes = folder / "notes"
        with daemon(programs, folder, HOOKED, NOTES=str(notes)) as circusd:
            circusd.call("start", name="app", waiting=True)
            circusd.call("start", name="refused", waiting=True)
            stats = circusd.call("stats", name="app", extended=True)["info"]
            statuses = circusd.call("status")["statuses"]
            circusd.call("stop", name="app", waiting=True)
            circusd.call("quit", waiting=True)
            code = circusd.wait()
        hooks = notes.read_text().splitlines()
        return {
            "hooks": sorted(
                hooks
            ),  # two workers are started at once: whose hook comes first is nobody's promise
            "order": [hook for hook in hooks if hook.partition(" ")[0].endswith(("_start", "_stop"))],
            "stats": [one["mauve"] for one in stats.values()],
            "statuses": statuses,
            "code": code,
        }

    reference, ours = both(see)
    assert ours == reference


STREAMING = """\
check_delay = 0.25
[watcher:app]
cmd = sh -c "echo out 1; echo out 2; echo err 1 >&2; exec sleep 987"
stdout_stream.class = user_streams.TaggedStream
stdout_stream.filename = {dir}/out
stdout_stream.tag = mauve
stdout_stream.loud = yes
stdout_stream.depth = 3
stderr_stream.class = user_streams.TaggedStream
stderr_stream.filename = {dir}/err
"""


def test_stream_class(both):
    def see(programs, folder):
        with Gate(folder / "out") as out, Gate(folder / "err") as err, daemon(programs, folder, STREAMING):
            return [out.line(), out.line(), err.line()]

    reference, ours = both(see)
    assert ours == reference
    assert reference[0] == "mauve stdout pid [depth=3] OUT 1"


FOLLOWED = "check_delay = 0.25\n[watcher:app]\ncmd = sleep 987\nnumprocesses = 2\n"


def test_consumer_script(both):
    def see(programs, folder):
        with daemon(programs, folder, FOLLOWED) as circusd:
            circusd.settle()
            return json.loads(script(programs, "consumer.py", circusd.endpoint, circusd.pubsub_endpoint))

    reference, ours = both(see)
    assert [event for event in ours if event in reference] == reference


def test_daemon_of_a_scientific_program(both):
    def see(programs, folder):
        program = subprocess.Popen(
            [programs / "python", "-W", "ignore", SCRIPTS / "embed_start_and_wait.py", folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            answers = json.loads(script(programs, "drive_workers.py", f"ipc://{folder}/ctl"))
            said, _ = program.communicate(timeout=DEADLINE)
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()
        return {
            "answers": answers,
            "said": said,
            "code": program.returncode,
            "pidfile": (folder / "daemon.pid").exists(),
            "logged": (folder / "daemon.log").stat().st_size > 0,
        }

    reference, ours = both(see)
    assert ours == reference


@pytest.mark.parametrize(("client", "server"), [("reference", "ours"), ("ours", "reference")])
def test_clients_of_the_one_and_the_daemon_of_the_other(sides, client, server):
    programs = getattr(sides, client)
    config = FOLLOWED + "[watcher:workers]\ncmd = sleep 987\nnumprocesses = 2\n"
    with daemon(getattr(sides, server), sides.folder / "d", config) as circusd:
        circusd.settle()
        seen = json.loads(script(programs, "consumer.py", circusd.endpoint, circusd.pubsub_endpoint))
        answers = json.loads(script(programs, "drive_workers.py", circusd.endpoint))
        code = circusd.wait()
    assert {"start", "stop", "spawn", "reap", "updated"} <= {event[0] for event in seen}
    assert answers == [
        "active", 2, ["floatfloat"] * 2, "float", "ok", "ok", "ok", 3, ["app", "workers"], "ok",
    ]  # fmt: skip
    assert code == 0


@pytest.mark.parametrize("name", ["embed_server.py", "embed_launcher.py"])
def test_embedding_program(both, name):
    reference, ours = both(lambda programs, folder: script(programs, name, folder))
    assert ours == reference
    assert reference
