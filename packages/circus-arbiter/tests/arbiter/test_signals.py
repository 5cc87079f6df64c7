"""No signal is lost, whatever else comes in; and everything is put back."""

import asyncio
import os
import signal

from circus.arbiter.signals import SignalDesk


async def test_a_stop_signal_survives_a_flood_of_others():
    stopped, floods = asyncio.Event(), []
    before = signal.getsignal(signal.SIGTERM)
    desk = SignalDesk({signal.SIGTERM: stopped.set, signal.SIGCHLD: lambda: floods.append(1)})
    desk.install()
    try:
        for _ in range(100_000):  # more than any buffer of one byte a signal holds
            os.kill(os.getpid(), signal.SIGCHLD)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await stopped.wait()
        assert floods
    finally:
        desk.restore()
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1
