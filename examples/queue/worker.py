"""Takes jobs out of the folder ``jobs``, one after the other; on SIGTERM the job that has begun is finished first."""

import os
import signal
import sys
import threading
from pathlib import Path

JOBS, DONE = Path("jobs"), Path("done")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())


def take():
    """A job that is ours alone: a rename succeeds for one worker only."""
    for path in sorted(JOBS.glob("*.job")):
        mine = path.with_suffix(f".{os.getpid()}")
        try:
            path.rename(mine)
        except FileNotFoundError:
            continue
        return mine
    return None


def work(job):
    number = int(job.read_text())
    (DONE / job.stem).write_text(f"{number * number}\n")
    job.unlink()


while not stop.is_set():
    job = take()
    if job is None:
        stop.wait(0.05)
    else:
        work(job)
        print(f"worker {sys.argv[1]}: {job.stem}", flush=True)
