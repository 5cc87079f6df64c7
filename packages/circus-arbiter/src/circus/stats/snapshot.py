"""Ask a circusd who runs. One pass of commands that every circusd knows, more where it is one of ours."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, final

from circus.stats.roster import HELPERS, Socket, Watcher
from circus.stats.shape import as_list, as_mapping

__all__ = ["Daemon", "Snapshot", "ask_snapshot", "ask_statuses", "parse_socket"]

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""`send_message` of a client."""
_AT_ONCE = 64
"""Requests under way at the same time."""


@final
@dataclass(frozen=True, slots=True)
class Daemon:
    """The circusd that answered."""

    pid: int | None
    version: str | None
    """None for daemons that do not tell."""
    describes: bool
    """Whether it knows `describe`."""


@final
@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who runs."""

    daemon: Daemon
    watchers: dict[str, Watcher] = field(default_factory=dict[str, Watcher])
    processes: dict[int, str] = field(default_factory=dict[int, str])
    """The daemon's own: pid -> what it is."""
    sockets: list[Socket] = field(default_factory=list[Socket])


async def ask_snapshot(ask: Ask) -> Snapshot:
    """Ask for everything.

    Raises:
        CallError: nobody answers.
    """
    daemon = await _ask_daemon(ask)
    statuses = await ask_statuses(ask)
    names = list(statuses) or [
        name for name in as_list((await ask("list")).get("watchers")) if isinstance(name, str)
    ]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Watcher:
        async with gate:
            watcher = await _ask_watcher(ask, name, describes=daemon.describes)
        watcher.status = statuses.get(name, watcher.status)
        return watcher

    watchers = dict(zip(names, await asyncio.gather(*(one(name) for name in names)), strict=True))
    processes = {os.getpid(): "circusd-stats"}
    if daemon.pid is not None:
        processes[daemon.pid] = "circusd"
    for name in HELPERS & watchers.keys():
        for pid in watchers.pop(name).workers:
            processes.setdefault(pid, name)
    sockets = [parse_socket(item) for item in as_list((await ask("listsockets")).get("sockets"))]
    return Snapshot(daemon, watchers, processes, [socket for socket in sockets if socket is not None])


async def ask_statuses(ask: Ask) -> dict[str, str]:
    """How the watchers are, by name.

    Raises:
        CallError: nobody answers.
    """
    statuses = as_mapping((await ask("status")).get("statuses"))
    return {name: str(word) for name, word in statuses.items()}


async def _ask_daemon(ask: Ask) -> Daemon:
    reply = await ask("version")
    if reply.get("status") == "ok" and isinstance(reply.get("pid"), int):
        return Daemon(reply["pid"], str(reply.get("version")), describes=True)
    pid = as_mapping((await ask("dstats")).get("info")).get("pid")
    return Daemon(pid if isinstance(pid, int) else None, None, describes=False)


async def _ask_watcher(ask: Ask, name: str, *, describes: bool) -> Watcher:
    if describes:
        reply = await ask("describe", name=name)
        if reply.get("status") == "ok":
            return _described(name, reply)
    pids = as_list((await ask("list", name=name)).get("pids"))
    return Watcher(name, workers={pid: None for pid in pids if isinstance(pid, int)})


def _described(name: str, reply: dict[str, Any]) -> Watcher:
    watcher = Watcher(name, status=str(reply.get("state", "active")))
    for row in map(as_mapping, as_list(reply.get("workers"))):
        wid, pid, restarts = row.get("wid"), row.get("pid"), row.get("restarts", 0)
        if isinstance(pid, int):
            watcher.workers[pid] = wid
        if isinstance(wid, int) and isinstance(restarts, int):
            watcher.worker_restarts[wid] = restarts
    told = reply.get("restarts")  # of its whole life, also where a reload has replaced the slots
    watcher.restarts = told if isinstance(told, int) else sum(watcher.worker_restarts.values())
    return watcher


def parse_socket(item: object) -> Socket | None:
    """A socket as `listsockets` answers it; None if it is none that can be looked at."""
    item = as_mapping(item)
    if not isinstance(item.get("fd"), int):
        return None
    name, path, host, port = (item.get(key) for key in ("name", "path", "host", "port"))
    if path:
        return Socket(str(name), item["fd"], str(path), is_unix=True)
    if isinstance(port, int):
        return Socket(str(name), item["fd"], f"{host}:{port}", is_unix=False, port=port)
    return None
