"""Figures of real processes, beside what psutil says of the same ones."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from circus.stats.proc import Procfs
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


@pytest.fixture
def kernel() -> Iterator[Procfs]:
    procfs = Procfs()
    yield procfs
    procfs.close()


def busy_until(process: psutil.Process, seconds: float) -> None:
    """Return when a process has used so much CPU since now."""
    start, deadline = sum(process.cpu_times()[:2]), time.monotonic() + 15
    while sum(process.cpu_times()[:2]) - start < seconds:
        assert time.monotonic() < deadline, "it gets no CPU"
        select.select([], [], [], 0.02)


def test_a_busy_loop(start, kernel):
    pid = start(sys.executable, "-c", f"{READY}\nwhile True: pass")
    process, sampler = psutil.Process(pid), Sampler(kernel)
    sampler.sample([pid], now=time.monotonic())
    begin, used = time.monotonic(), sum(process.cpu_times()[:2])
    busy_until(process, 0.3)
    now, used = time.monotonic(), sum(process.cpu_times()[:2]) - used
    sample = sampler.sample([pid], now=now)[pid]
    assert sample.cpu * (now - begin) / 100 == pytest.approx(used, abs=0.05), "CPU seconds"
    assert sample.hot.threads == process.num_threads()
    assert sample.slow.username == process.username()
    assert sample.slow.command.split(" ")[0] == process.cmdline()[0]
    assert sample.slow.fds == process.num_fds()
    assert abs(sample.age - (time.time() - process.create_time())) < 2


def test_a_memory_hog(start, kernel):
    pid = start(sys.executable, "-c", f"hog = bytearray(b'x') * (96 << 20)\n{READY}\nsys.stdin.read()")
    sample = Sampler(kernel).sample([pid], now=1.0)[pid]
    memory = psutil.Process(pid).memory_info()
    assert sample.hot.rss > 96 << 20
    assert sample.hot.rss == pytest.approx(memory.rss, rel=0.02)
    assert sample.hot.vms == pytest.approx(memory.vms, rel=0.02)


def test_a_child_tree(start, kernel):
    loop = f"{sys.executable} -c '{READY.replace(chr(39), chr(34))}\nwhile True: pass'"
    pid = start("sh", "-c", f"sleep 1000 & {loop} & wait")
    root, sampler = psutil.Process(pid), Sampler(kernel)
    children = root.children(recursive=True)
    first = sampler.sample([pid], now=time.monotonic())[pid]
    assert first.tree_size == 1 + len(children) == 3
    assert first.tree_rss == pytest.approx(sum(p.memory_info().rss for p in [root, *children]), rel=0.05)
    worker = next(p for p in children if "python" in p.cmdline()[0])
    begin, used = time.monotonic(), sum(worker.cpu_times()[:2])
    busy_until(worker, 0.3)
    now, used = time.monotonic(), sum(worker.cpu_times()[:2]) - used
    sample = sampler.sample([pid], now=now)[pid]
    assert sample.cpu * (now - begin) / 100 < 0.05, "the shell itself only waits"
    assert sample.tree_cpu * (now - begin) / 100 == pytest.approx(used, abs=0.05), "CPU seconds of the tree"


def test_a_process_that_ended_is_gone_though_its_pid_lingers(kernel):
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert kernel.hot(process.pid) is None, "a zombie"
    assert kernel.hot(process.pid) is None


def test_without_descriptors_to_keep_the_figures_are_the_same(start, kernel):
    pid = start(sys.executable, "-c", f"{READY}\nsys.stdin.read()")
    poor = Procfs(keep=0)
    assert poor.hot(pid)[6:] == kernel.hot(pid)[6:]


def test_a_process_that_does_not_run_gives_the_same_line(kernel):
    with subprocess.Popen(["sleep", "1000"]) as process:
        first = kernel.hot(process.pid)
        deadline = time.monotonic() + 5
        while first is None or first.state != "S" or kernel.hot(process.pid) is not first:
            assert time.monotonic() < deadline
            first = kernel.hot(process.pid)
        process.kill()
        process.wait(10)
        assert kernel.hot(process.pid) is None
