"""Promise 8: a program that embeds circus keeps its children, its signal handlers, its logging and its event loop."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crowd import Crowd, until

pytestmark = [pytest.mark.real, pytest.mark.slow]

HEAD = """
import json, logging, os, signal, subprocess, sys, threading, warnings
warnings.simplefilter("error", ResourceWarning)
folder = sys.argv[1]
messages = []
class Keep(logging.Handler):
    def emit(self, record):
        messages.append(record.name)
logging.getLogger().addHandler(Keep())
logging.getLogger().setLevel(logging.WARNING)
before_logging = (list(logging.getLogger().handlers), logging.getLogger().level, logging.raiseExceptions)
def mine(number, frame): pass
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, mine)
signal.set_wakeup_fd(-1)
threads = set(threading.enumerate())
excepthook, warn_filters, path, environ = sys.excepthook, list(warnings.filters), list(sys.path), dict(os.environ)
descriptors = set(os.listdir("/proc/self/fd"))
limits = __import__("resource").getrlimit(__import__("resource").RLIMIT_NOFILE)
umask = os.umask(0o27); os.umask(0o27)
early = subprocess.Popen(["sh", "-c", "read x; exit 7"], stdin=subprocess.PIPE)
from circus import get_arbiter
arbiter = get_arbiter(
    [{"cmd": "sleep 1000", "name": "w", "numprocesses": 2, "copy_env": True}],
    controller=f"ipc://{folder}/c", pubsub_endpoint=f"ipc://{folder}/p", background=BACKGROUND,
)
"""
MAIN = """
late = []
def done(*_):
    late.append(subprocess.Popen(["sh", "-c", "exit 9"]))
    early.communicate(b"x\\n")
    arbiter.loop.add_callback(arbiter.stop)
threading.Thread(target=lambda: (arbiter_is_up(), done())).start()
arbiter.start()
"""
BACKGROUND = """
arbiter.start()
arbiter_is_up()
late = [subprocess.Popen(["sh", "-c", "exit 9"])]
early.communicate(b"x\\n")
arbiter.stop()
if hasattr(arbiter, "join"): arbiter.join(20)
"""
UP = """
def arbiter_is_up():
    from circus.client import CircusClient
    client = CircusClient(endpoint=f"ipc://{folder}/c", timeout=15, patience=15)
    while client.call({"command": "numprocesses", "properties": {"name": "w"}}).get("numprocesses") != 2:
        pass
    client.stop()
"""
TAIL = """
import gc, zmq; gc.collect()
zmq.Context.instance().term()  # the client's, shared by the whole program
for thread in set(threading.enumerate()) - threads:
    thread.join(5)
print(json.dumps({
    "early": early.wait(), "late": late[0].wait(),
    "handlers": [signal.getsignal(n) is mine for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1)],
    "wakeup": signal.set_wakeup_fd(-1),
    "logging": before_logging == (list(logging.getLogger().handlers), logging.getLogger().level, logging.raiseExceptions),
    "threads": [t.name for t in set(threading.enumerate()) - threads],
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{n}") for n in set(os.listdir("/proc/self/fd")) - descriptors if os.path.exists(f"/proc/self/fd/{n}") or os.path.islink(f"/proc/self/fd/{n}")),
    "hooks": sys.excepthook is excepthook, "path": sys.path == path, "environ": dict(os.environ) == environ,
    "limits": limits == __import__("resource").getrlimit(__import__("resource").RLIMIT_NOFILE),
    "umask": os.umask(0o27),
    "subreaper": open("/proc/self/status").read().count("Subreaper"),
}))
"""


@pytest.mark.parametrize(
    ("background", "body"), [(False, MAIN), (True, BACKGROUND)], ids=["start", "background"]
)
def test_nothing_of_the_program_is_touched(
    folder: Path, script: Callable[[str, str], Path], background: bool, body: str
) -> None:
    path = folder / "program.py"
    path.write_text(HEAD.replace("BACKGROUND", str(background)) + UP + body + TAIL)
    done = subprocess.run(
        [sys.executable, path, folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["early"] == 7
    assert facts["late"] == 9
    assert facts["handlers"] == [True] * 5
    assert facts["wakeup"] == -1
    assert facts["threads"] == []
    assert facts["umask"] == 0o27
    assert [name for name in ("logging", "hooks", "path", "environ", "limits") if not facts[name]] == []
    assert [target for target in facts["descriptors"] if "urandom" not in target] == []


SHORT = """
import resource, sys
from circus import get_arbiter
folder = sys.argv[1]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
stream = {"class": "FileStream", "filename": f"{folder}/out"}
arbiter = get_arbiter(
    [{"cmd": "sleep 1000", "name": "w", "numprocesses": 100, "copy_env": True, "stdout_stream": stream, "backoff_max": 0.2}],
    controller=f"ipc://{folder}/c", pubsub_endpoint=f"ipc://{folder}/p", background=True,
)
arbiter.start()
sys.stdin.readline()
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (128, hard)
arbiter.stop()
"""


def test_workers_leave_descriptors_for_clients_within_the_programs_own_limit(folder: Path) -> None:
    """Without any libzmq would end the program with the next client; the program's limit is its own to raise."""
    program = subprocess.Popen(
        [sys.executable, "-c", SHORT, folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with program, Crowd(f"ipc://{folder}/c") as first:
        until(
            lambda: first.collect([first.ask("status", name="w")])[0].get("status") == "backoff",
            "there are no descriptors for all workers",
        )
        (status,) = first.collect([first.ask("status", name="w")])
        for _ in range(3):
            with Crowd(f"ipc://{folder}/c") as another:
                (pids,) = another.collect([another.ask("list", name="w")])
                assert 10 < len(pids["pids"]) < 100
        program.communicate("stop\n", timeout=60)
    assert program.returncode == 0
    assert "are kept for clients" in status["backoff"]["reason"]
