"""The floor: `native/floor.c`, the least that any supervisor can do."""

from typing import final

from benchmarks import native
from benchmarks.job import Job
from benchmarks.peers.base import Peer

__all__ = ["Floor"]


@final
class Floor(Peer):
    """See the module."""

    name = "floor"

    def install(self) -> None:
        native.build()

    def version(self) -> str:
        return "1"

    def configure(self, job: Job) -> list[str]:
        log: list[str] = []
        if job.log is not None:
            job.log.folder.mkdir()
            log = ["-l", str(job.log.folder / "out"), "-s", str(job.log.limit)]
        return [str(native.FLOOR), str(job.workers), *log, "--", *job.command]

    def logs(self, job: Job) -> bool:
        return job.log is not None and not job.log.time_prefix
