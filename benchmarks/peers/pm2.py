"""pm2, from npm."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import final

from benchmarks.job import Job
from benchmarks.peers.base import WORK, Missing, Peer, first_line

__all__ = ["Pm2"]

_PROGRAM = WORK / "pm2" / "node_modules" / ".bin" / "pm2"


@final
class Pm2(Peer):
    """See the module. It has no rotation of its own (a module of it has), so its files grow."""

    name = "pm2"
    most_workers = 1000

    def install(self) -> None:
        if _PROGRAM.exists():
            return
        if not shutil.which("npm"):
            raise Missing("npm is not installed: apt-get install npm")
        argv = [
            "npm",
            "install",
            "--silent",
            "--no-fund",
            "--no-audit",
            "--prefix",
            str(WORK / "pm2"),
            "pm2@7",
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if not _PROGRAM.exists():
            raise Missing(f"{' '.join(argv)}: {done.stderr.strip()[-300:]}")

    def version(self) -> str:
        package = json.loads((_PROGRAM.parent.parent / "pm2" / "package.json").read_text())
        return f"{package['version']} (node {first_line('node', '--version')})"

    def configure(self, job: Job) -> list[str]:
        command, *arguments = job.command
        app = {
            "script": command, "args": arguments, "interpreter": "none", "exec_mode": "fork", "autorestart": True,
            "max_restarts": 1_000_000, "min_uptime": 100, "pmx": False, "vizion": False, "kill_timeout": 30_000,
            "out_file": "/dev/null", "error_file": "/dev/null",
        }  # fmt: skip
        if job.log is not None:
            job.log.folder.mkdir(exist_ok=True)
            app["out_file"] = f"{job.log.folder}/out.log"
            if job.log.time_prefix:
                app["log_date_format"] = "YYYY-MM-DD HH:mm:ss"
        apps = [app | {"name": name, "instances": 1 if job.one_each else job.workers} for name in job.names]
        path = job.folder / "bench.config.json"
        path.write_text(json.dumps({"apps": apps}))
        return [str(_PROGRAM), "start", str(path)]

    def environment(self, job: Job) -> Mapping[str, str]:
        return {"PM2_HOME": str(job.folder), "PM2_DISCRETE_MODE": "true"}

    def daemon(self, job: Job, started: int) -> int:
        try:
            return int((job.folder / "pm2.pid").read_text())
        except (FileNotFoundError, ValueError):
            return started

    def stop(self, job: Job, daemon: int) -> None:  # noqa: ARG002 - a command says it
        environment = os.environ | self.environment(job)
        subprocess.run([str(_PROGRAM), "kill"], capture_output=True, check=False, env=environment)

    def status_command(self, job: Job) -> list[str]:
        return [
            "env",
            *(f"{name}={value}" for name, value in self.environment(job).items()),
            str(_PROGRAM),
            "jlist",
        ]

    def answers(self, job: Job) -> Callable[[], object] | None:  # noqa: ARG002 - its socket speaks a language of its own
        return None
