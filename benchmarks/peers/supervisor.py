"""supervisor, from PyPI."""

import http.client
import socket
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

from benchmarks.job import Job
from benchmarks.peers.base import Peer, first_line, python_environment

__all__ = ["Supervisor"]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        kept = self._connection
        if kept[1] is not None and kept[0] == host:
            return kept[1]
        connection = _UnixConnection(self._path)
        self._connection = host, connection
        return connection


def _socket(job: Job) -> str:
    return f"{job.folder}/supervisor.sock"


def _call(job: Job, method: str, *arguments: object) -> Callable[[], object]:
    proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(_socket(job)))

    def request() -> object:
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (xmlrpc.client.Error, http.client.HTTPException) as error:
            raise OSError(str(error)) from error

    return request


@final
class Supervisor(Peer):
    """See the module."""

    name = "supervisor"

    def __init__(self) -> None:
        self._programs = Path()

    def install(self) -> None:
        self._programs = python_environment("supervisor", "supervisor")

    def version(self) -> str:
        return first_line(str(self._programs / "supervisord"), "--version")

    def configure(self, job: Job) -> list[str]:
        path = job.folder / "supervisord.conf"
        lines = [
            "[supervisord]", "nodaemon = true", "silent = true", "minfds = 20000", "minprocs = 200",
            f"logfile = {job.folder}/supervisord.log", f"pidfile = {job.folder}/supervisord.pid",
            f"childlogdir = {job.folder}",
            "[unix_http_server]", f"file = {_socket(job)}",
            "[supervisorctl]", f"serverurl = unix://{_socket(job)}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        ]  # fmt: skip
        for name in job.names:
            lines += [
                f"[program:{name}]",
                f"command = {' '.join(job.command)}",
                "autorestart = true",
                "startsecs = 0",
            ]
            lines += [f"numprocs = {1 if job.one_each else job.workers}"]
            lines += ["process_name = %(program_name)s_%(process_num)d", "redirect_stderr = true"]
            if job.log is None:
                lines += ["stdout_logfile = NONE"]
            else:
                job.log.folder.mkdir(exist_ok=True)
                lines += [f"stdout_logfile = {job.log.folder}/{name}.log"]
                lines += [
                    f"stdout_logfile_maxbytes = {job.log.limit}",
                    f"stdout_logfile_backups = {job.log.files}",
                ]
        path.write_text("\n".join(lines) + "\n")
        return [str(self._programs / "supervisord"), "-c", str(path)]

    def logs(self, job: Job) -> bool:
        return job.log is not None and not job.log.time_prefix

    def answers(self, job: Job) -> Callable[[], object]:
        return _call(job, "getState")

    def lists(self, job: Job) -> Callable[[], object]:
        return _call(job, "getAllProcessInfo")

    def status_command(self, job: Job) -> list[str]:
        return [str(self._programs / "supervisorctl"), "-c", f"{job.folder}/supervisord.conf", "status"]
