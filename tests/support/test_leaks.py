import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

pytestmark = [pytest.mark.slow, pytest.mark.real]

LEAKY = """
    import asyncio, os, signal, subprocess, sys, threading, pytest

    FOREVER = "import signal; signal.pause()"

    {body}
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
        "markers = allow_leaks(*kinds): may leave these\n"
    )

    def run_body(body: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(LEAKY.format(body=body.replace("\n", "\n    ")))
        return pytester.runpytest_subprocess("-p", "leaks", "-p", "no:cacheprovider", *args)

    return run_body


CLEAN = """
def test_nothing(): pass
async def test_loop(): await asyncio.to_thread(lambda: None)
def test_waited(): subprocess.run([sys.executable, "-c", ""], check=True)
def test_thread():
    thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
def test_descriptors():
    for number in os.pipe(): os.close(number)
@pytest.fixture
async def served():
    task = asyncio.get_running_loop().create_task(asyncio.Event().wait())
    yield
    task.cancel()
    await asyncio.wait([task])
async def test_task_of_a_fixture(served): pass
@pytest.fixture(scope="module")
def daemon():
    child = subprocess.Popen([sys.executable, "-c", FOREVER])
    yield child
    child.kill(); child.wait()
def test_wider_fixture(daemon): assert daemon.poll() is None
def test_wider_fixture_goes_on(daemon): assert daemon.poll() is None
"""


@pytest.mark.parametrize("args", [(), ("-n", "2"), ("-p", "no:randomly", "-s")])
def test_clean_tests_pass(run, args):
    run(CLEAN, *args).assert_outcomes(passed=8)


LEAKS = {
    "child": (
        "def test_it(): test_it.child = subprocess.Popen([sys.executable, '-c', FOREVER])",
        "*process *signal.pause*",
    ),
    "zombie": (
        (
            "def test_it():\n    pid = os.fork()\n    if not pid: os._exit(0)\n"
            "    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)"
        ),
        "*a zombie, nobody waited for it*",
    ),
    "orphan": (
        (
            "def test_it():\n"
            "    code = 'import subprocess, sys; "
            'subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.DEVNULL)\'\n'
            "    subprocess.run([sys.executable, '-W', 'ignore', '-c', code, FOREVER], check=True)"
        ),
        "*process *signal.pause*",
    ),
    "task": (
        "async def test_it(): test_it.task = asyncio.get_running_loop().create_task(asyncio.Event().wait())",
        "*task Task-*",
    ),
    "thread": (
        "def test_it(): threading.Thread(target=threading.Event().wait, daemon=True, name='stray').start()",
        "*thread stray*",
    ),
    "descriptor": ("def test_it(): os.pipe()", "*descriptor *: pipe:*"),
}


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_each_kind_is_found_and_does_not_harm_the_next_test(run, args):
    tests = [
        f"{body.replace('test_it', f'test_{kind}')}\ndef test_after_{kind}(): pass"
        for kind, (body, _) in LEAKS.items()
    ]
    result = run("\n".join(tests), *args)
    result.assert_outcomes(passed=2 * len(LEAKS), errors=len(LEAKS))
    for kind, (_, line) in LEAKS.items():
        result.stdout.fnmatch_lines(
            [f"*ERROR at teardown of test_{kind} *", "*this test leaves behind:*", line]
        )


ALLOWED = {
    "threads": LEAKS["thread"][0],
    "descriptors": LEAKS["descriptor"][0],
    "tasks": LEAKS["task"][0],
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_a_mark_allows_one_kind(run, kind):
    other = next(name for name in ALLOWED if name != kind)
    run(f"@pytest.mark.allow_leaks('{kind}')\n{ALLOWED[kind]}").assert_outcomes(passed=1)
    run(f"@pytest.mark.allow_leaks('{other}')\n{ALLOWED[kind]}").assert_outcomes(passed=1, errors=1)


def test_an_unknown_kind_is_refused(run):
    result = run("@pytest.mark.allow_leaks('memory')\ndef test_it(): pass")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*allow_leaks knows processes, tasks, threads, descriptors, not memory*"])


def test_zmq_shared_context_is_forgiven_once_and_its_sockets_are_not(run):
    pytest.importorskip("zmq", reason=f"{sys.executable} -m pip install pyzmq")
    body = """
import zmq
kept = []
def test_first_use():
    zmq.Context.instance().socket(zmq.PUB).close()
def test_leaves_a_socket():
    socket = zmq.Context.instance().socket(zmq.PUB); socket.bind("tcp://127.0.0.1:*"); kept.append(socket)
def test_last():
    kept.pop().close(); zmq.Context.instance().term()
"""
    result = run(body)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaves_a_socket*"])
