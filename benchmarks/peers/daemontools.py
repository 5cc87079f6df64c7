"""The family of daemontools, from Debian: a small process a service, a folder a service."""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import final

from benchmarks.job import Job, LogJob
from benchmarks.peers.base import Peer, apt_get, first_line

__all__ = ["S6", "Daemontools", "Runit"]


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\nexec {command}\n")
    path.chmod(0o755)


def _services(job: Job) -> list[Path]:
    return [job.folder / "services" / f"w{number}" for number in range(1, job.workers + 1)]


def _make(job: Job, logger: Callable[[LogJob, Path], str]) -> str:
    """One folder a worker; the folder of all."""
    for service in _services(job):
        service.mkdir(parents=True)
        _script(service / "run", shlex.join(job.command))
        if job.log is not None:
            job.log.folder.mkdir(exist_ok=True)
            (service / "log").mkdir()
            _script(service / "log" / "run", logger(job.log, job.log.folder / service.name))
    return str(job.folder / "services")


def _tell(job: Job, *argv: str) -> None:
    subprocess.run([*argv, *map(str, _services(job))], check=False, capture_output=True)


@final
class Runit(Peer):
    """runit."""

    name = "runit"
    most_workers = 1000  # runsvdir takes no more

    def install(self) -> None:
        apt_get("runit", "runsvdir")

    def version(self) -> str:
        return first_line("dpkg-query", "-W", "-f", "${Version}", "runit")

    def configure(self, job: Job) -> list[str]:
        return ["runsvdir", "-P", _make(job, _svlogd)]

    def stop(self, job: Job, daemon: int) -> None:  # noqa: ARG002 - a signal says it
        os.kill(daemon, signal.SIGHUP)

    def answers(self, job: Job) -> Callable[[], object]:
        return lambda: _status_file(_services(job)[0] / "supervise" / "status")

    def status_command(self, job: Job) -> list[str]:
        return ["sv", "status", *map(str, _services(job))]


def _svlogd(log: LogJob, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(f"s{log.limit}\nn{log.files}\n")
    return f"svlogd {'-tt ' if log.time_prefix else ''}{folder}"


def _status_file(path: Path) -> bytes:
    """All that a query of this family is: the daemon writes a file at each change, and whoever asks reads it."""
    return path.read_bytes()


@final
class S6(Peer):
    """s6."""

    name = "s6"

    def install(self) -> None:
        apt_get("s6", "s6-svscan")

    def version(self) -> str:
        return first_line("dpkg-query", "-W", "-f", "${Version}", "s6")

    def configure(self, job: Job) -> list[str]:
        return ["s6-svscan", "-c", str(2 * job.workers + 100), _make(job, _s6_log)]

    def answers(self, job: Job) -> Callable[[], object]:
        return lambda: _status_file(_services(job)[0] / "supervise" / "status")

    def status_command(self, job: Job) -> list[str]:
        return ["sh", "-c", f"for s in {job.folder}/services/*; do s6-svstat $s; done"]


def _s6_log(log: LogJob, folder: Path) -> str:
    return f"s6-log {'T ' if log.time_prefix else ''}n{log.files} s{log.limit} {folder}"


@final
class Daemontools(Peer):
    """daemontools."""

    name = "daemontools"
    most_workers = 1000  # svscan takes no more

    def install(self) -> None:
        apt_get("daemontools", "svscan")

    def version(self) -> str:
        return first_line("dpkg-query", "-W", "-f", "${Version}", "daemontools")

    def configure(self, job: Job) -> list[str]:
        return ["svscan", _make(job, _multilog)]

    def stop(self, job: Job, daemon: int) -> None:
        os.kill(daemon, signal.SIGTERM)
        _tell(job, "svc", "-dx")

    def answers(self, job: Job) -> Callable[[], object]:
        return lambda: _status_file(_services(job)[0] / "supervise" / "status")

    def status_command(self, job: Job) -> list[str]:
        return ["svstat", *map(str, _services(job))]


def _multilog(log: LogJob, folder: Path) -> str:
    return f"multilog {'t ' if log.time_prefix else ''}n{log.files} s{log.limit} {folder}"
