"""Frames for a pipe or a file: text, or one JSON object a line. Pure."""

import json
from typing import Any

from circus.top.model import Daemon, World
from circus.top.process import Process
from circus.top.render import HEADER, Look, render
from circus.top.rows import rows_of
from circus.top.view import View

__all__ = ["as_document", "as_json", "as_text"]


def as_text(world: World, view: View, *, width: int) -> str:
    """The whole list as lines of text, however long."""
    height = max(len(rows_of(world, view)), 3) + HEADER + 1
    frame, _ = render(world, view, Look(width, height))
    lines = ["".join(text for text, _ in line).rstrip() for line in frame[:-1]]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def as_json(world: World) -> str:
    """One line."""
    return json.dumps(as_document(world), separators=(",", ":")) + "\n"


def as_document(world: World) -> dict[str, Any]:
    """All that is known, unfiltered; None is what is not known."""
    return {"time": world.wall, "daemons": [_daemon(daemon) for daemon in world.daemons]}


def _daemon(daemon: Daemon) -> dict[str, Any]:
    return {
        "endpoint": daemon.endpoint,
        "trouble": daemon.trouble,
        "advice": daemon.advice,
        "version": daemon.version,
        "pid": daemon.pid,
        "uptime": daemon.uptime,
        "watchers": [
            {
                "name": watcher.name,
                "status": watcher.status,
                "restarts": watcher.restarts,
                "processes": [_process(process) for process in watcher.processes],
            }
            for watcher in daemon.watchers.values()
        ],
        "circus": [_process(process) for process in daemon.own.values()],
        "sockets": [
            {
                "fd": socket.fd,
                "name": socket.name,
                "address": socket.address,
                "reads": socket.reads,
                "queue": socket.queue,
                "connections": socket.connections,
            }
            for socket in daemon.sockets.values()
        ],
    }


def _process(process: Process) -> dict[str, Any]:
    return process._asdict()
