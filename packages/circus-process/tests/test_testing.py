"""The fakes that others build upon: virtual time, and scripts."""

import asyncio
import os
import signal

import pytest

from circus.process import ExitStatus, SpawnError, Stage, Stdio
from circus.process.testing import FakeSpawner, Script, VirtualLoop, run_virtual


def test_an_hour_passes_by_itself():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600)
        assert loop.time() == 3600
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        return loop.time()

    assert run_virtual(main()) == 3610


def test_timers_come_in_order():
    async def main():
        seen = []
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2, 0.1 + 0.2, 1e6, 1e6 + 0.1):
            loop.call_later(delay, seen.append, delay)
        await asyncio.sleep(2e6)
        assert seen == sorted(seen)
        assert len(seen) == 6

    run_virtual(main())


def test_threads_may_still_answer():
    async def main():
        return await asyncio.to_thread(lambda: 5)

    assert run_virtual(main()) == 5


def test_waiting_for_ever_is_an_error(monkeypatch):
    monkeypatch.setattr("circus.process.testing._PATIENCE", 0.01)
    with pytest.raises(RuntimeError, match="would wait for ever"):
        VirtualLoopRunner.run()


class VirtualLoopRunner:
    @staticmethod
    def run():
        loop = VirtualLoop()
        try:
            loop.run_until_complete(loop.create_future())
        finally:
            loop.close()


def test_scripts_in_virtual_time(spec):
    async def main():
        spawner = FakeSpawner([Script(lifetime=5, exit=ExitStatus(code=2)), Script(on_signal=30.0)])
        loop = asyncio.get_running_loop()
        first = spawner.spawn(spec())
        assert await first.wait() == ExitStatus(code=2)
        assert loop.time() == 5
        second, third = spawner.spawn(spec()), spawner.spawn(spec())
        second.signal(signal.SIGWINCH)
        second.signal(signal.SIGTERM)
        assert spawner.running == [second, third]
        assert await second.wait() == ExitStatus(signal=15)
        assert loop.time() == 35
        assert second.signals == [signal.SIGWINCH, signal.SIGTERM]
        third.end(ExitStatus(signal=11))
        third.end()
        assert await third.wait() == ExitStatus(signal=11)
        assert spawner.times == [0, 5, 5]
        assert len(spawner.specs) == 3
        assert "killed by SIGSEGV" in repr(third)

    run_virtual(main())


def test_a_stuck_process_ends_only_from_outside(spec):
    async def main():
        child = FakeSpawner(Script(stuck=True)).spawn(spec())
        child.signal(signal.SIGKILL)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(child.wait(), 1000)
        child.end()
        assert (await child.wait()).ok

    run_virtual(main())


def test_a_script_by_spec(spec):
    async def main():
        spawner = FakeSpawner(
            lambda s: Script(fails=Stage.FORK, cause="full") if s.label == "a.1" else Script()
        )
        with pytest.raises(SpawnError, match="full"):
            spawner.spawn(spec(label="a.1"))
        spawner.spawn(spec(label="b.1")).close()
        assert len(spawner.children) == len(spawner.failures) == 1

    run_virtual(main())


def test_output_ends_with_the_process(spec):
    async def main():
        child = FakeSpawner(Script(output=b"hi", lifetime=1)).spawn(spec(stdout=Stdio.PIPE, stdin=Stdio.PIPE))
        await child.wait()
        with os.fdopen(child.take_stdout(), "rb") as out:
            assert out.read() == b"hi"
        child.close()

    run_virtual(main())
