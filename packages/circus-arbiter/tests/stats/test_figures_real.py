"""Figures of real processes, beside what psutil says of the same ones."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from circus.stats.kernel import TICKS, Kernel, open_kernel
from circus.stats.portable import Portable
from circus.stats.procfs import HAS_PROCFS, Procfs
from circus.stats.sampler import Sampler

pytestmark = [pytest.mark.real, pytest.mark.slow]

READY = "import sys; sys.stdout.write('up\\n'); sys.stdout.flush();"


@pytest.fixture
def start() -> Iterator:
    running: list[subprocess.Popen[bytes]] = []

    def run(*argv: str) -> int:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return process.pid

    yield run
    for process in running:
        os.killpg(process.pid, 9)
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


KERNELS = ["portable", *(["procfs"] if HAS_PROCFS else [])]


@pytest.fixture(params=KERNELS)
def kernel(request) -> Iterator[Kernel]:
    """Each test runs over both: over psutil here as it would elsewhere."""
    made = Portable() if request.param == "portable" else Procfs()
    yield made
    made.close()


class Bracket:
    """What psutil says that a process has used, around what a sampler says: between its two looks, and from before to after them."""

    def __init__(self, sampler: Sampler, pid: int, busy: psutil.Process) -> None:
        def used() -> float:
            return sum(busy.cpu_times()[:2])

        before = used()
        sampler.sample([pid], now=time.monotonic())
        first, after_first = sampler.moment(0.0), used()
        deadline = time.monotonic() + 30
        while used() - after_first < 0.3:
            assert time.monotonic() < deadline, "it gets no CPU"
            select.select([], [], [], 0.02)
        least = used() - after_first
        self.sample = sampler.sample([pid], now=time.monotonic())[pid]
        self.seconds = sampler.moment(0.0).uptime - first.uptime
        self.least, self.most = least - 0.05, used() - before + 0.05

    def holds(self, cpu: float) -> bool:
        """Whether this many per cent of a core are within."""
        return self.least <= cpu / 100 * self.seconds <= self.most


def test_a_busy_loop(start, kernel):
    pid = start(sys.executable, "-c", f"{READY}\nwhile True: pass")
    process, sampler = psutil.Process(pid), Sampler(kernel)
    bracket = Bracket(sampler, pid, process)
    sample = bracket.sample
    assert bracket.holds(sample.cpu)
    assert sample.hot.threads == process.num_threads()
    assert sample.slow.username == process.username()
    assert sample.slow.command.split(" ")[0] == process.cmdline()[0]
    assert sample.slow.fds == process.num_fds()
    age = sample.age(sampler.moment(time.time()))
    assert abs(age - (time.time() - process.create_time())) < 2


def test_a_memory_hog(start, kernel):
    pid = start(sys.executable, "-c", f"hog = bytearray(b'x') * (96 << 20)\n{READY}\nsys.stdin.read()")
    sample = Sampler(kernel).sample([pid], now=1.0)[pid]
    memory = psutil.Process(pid).memory_info()
    assert sample.hot.rss > 96 << 20
    assert sample.hot.rss == pytest.approx(memory.rss, rel=0.02)
    assert sample.hot.vms == pytest.approx(memory.vms, rel=0.02)


FAMILY = f"""
import subprocess, sys
for code in ("sys.stdin.read()", "\\nwhile True: pass"):
    child = subprocess.Popen([sys.executable, "-c", {READY!r} + code], stdout=subprocess.PIPE)
    child.stdout.readline()
{READY}
sys.stdin.read()
"""


def test_a_child_tree(start, kernel):
    pid = start(sys.executable, "-c", FAMILY)
    root, sampler = psutil.Process(pid), Sampler(kernel)
    children = root.children(recursive=True)
    first = sampler.sample([pid], now=time.monotonic())[pid]
    assert first.tree_size == 1 + len(children) == 3
    assert first.tree_rss == pytest.approx(sum(p.memory_info().rss for p in [root, *children]), rel=0.05)
    worker = next(p for p in children if "while True" in p.cmdline()[-1])
    bracket = Bracket(sampler, pid, worker)
    assert bracket.sample.cpu * bracket.seconds / 100 < 0.05, "the parent itself only waits"
    assert bracket.holds(bracket.sample.tree_cpu)


def test_a_process_that_ended_is_gone_though_its_pid_lingers(kernel):
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert kernel.read([process.pid]) == {}, "a zombie"
    assert kernel.read([process.pid]) == {}


@pytest.mark.skipif(not HAS_PROCFS, reason="needs procfs")
def test_without_descriptors_to_keep_the_figures_are_the_same(start):
    pid = start(sys.executable, "-c", f"{READY}\nsys.stdin.read()")
    poor, rich = Procfs(keep=0), Procfs()
    assert poor.read([pid])[pid][6:] == rich.read([pid])[pid][6:]
    rich.close()


@pytest.mark.skipif(not HAS_PROCFS, reason="needs procfs to compare with")
def test_both_say_the_same_of_one_process(start):
    pid = start(sys.executable, "-c", f"hog = bytearray(b'x') * (32 << 20)\n{READY}\nsys.stdin.read()")
    procfs, portable = Procfs(), Portable()
    one, two = procfs.read([pid])[pid], portable.read([pid])[pid]
    assert (one.ppid, one.nice, one.threads, one.vms) == (two.ppid, two.nice, two.threads, two.vms)
    assert one.rss == pytest.approx(two.rss, rel=0.02)
    assert one.used == pytest.approx(two.used, abs=2)
    ages = [kernel.uptime_ticks() - hot.start for kernel, hot in ((procfs, one), (portable, two))]
    assert ages[0] / TICKS == pytest.approx(ages[1] / TICKS, abs=2)
    assert procfs.slow(pid)[:4] == portable.slow(pid)[:4]
    assert procfs.parent(pid) == portable.parent(pid) == os.getpid()
    procfs.close()


def test_the_cheapest_kernel_that_works_here_is_taken():
    kernel = open_kernel()
    assert isinstance(kernel, Procfs if HAS_PROCFS else Portable)
    kernel.close()


def test_a_census_tells_who_is_new(kernel):
    cursor = kernel.census(None, limit=0).cursor
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert process.pid in kernel.census(cursor, limit=100_000).pids
        assert process.pid in kernel.census(cursor, limit=0).pids, "too many: all are listed"
        assert kernel.parent(process.pid) == os.getpid()
        process.kill()
    assert kernel.parent(process.pid) == 0


@pytest.mark.skipif(not HAS_PROCFS, reason="other systems number processes only")
def test_a_thread_is_no_process():
    procfs, gate = Procfs(), threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    try:
        assert thread.native_id is not None
        assert procfs.parent(thread.native_id) == 0
        assert procfs.parent(os.getpid()) == os.getppid()
    finally:
        gate.set()
        thread.join()


def test_a_process_that_does_not_run_gives_the_same_line(kernel):
    with subprocess.Popen(["sleep", "1000"]) as process:
        pid = process.pid
        deadline = time.monotonic() + 15
        first = kernel.read([pid])[pid]
        while first.state != "S" or kernel.read([pid])[pid] is not first:
            assert time.monotonic() < deadline
            first = kernel.read([pid])[pid]
        process.kill()
        process.wait(10)
        assert kernel.read([pid]) == {}
