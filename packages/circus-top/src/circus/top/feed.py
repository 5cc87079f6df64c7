"""One circusd over ZeroMQ: asks it, and takes what it and its circusd-stats publish. The shell around `model`.

Theory. The endpoint may be that of circusd, which tells where its figures and events come from, or that of circusd-stats alone,
as the reference's circus-top takes it; the first to speak decides. Publications are not waited for: they queue in the
sockets and are taken at each tick, so that 5,000 frames cost one wake-up. Whatever fails is tried again for ever.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, final

import zmq
from pydantic_core import from_json

from circus.client import AccessDenied, AsyncCircusClient, CallError, NotRunning, TimedOut
from circus.client.channel import Channel
from circus.client.link import Link
from circus.top.asking import ask_detail, ask_workers
from circus.top.diagnosis import Signs, diagnose
from circus.top.model import (
    Daemon,
    Detail,
    World,
    apply_description,
    apply_frame,
    apply_table,
    expire,
    hide_helpers,
)
from circus.top.model import Socket as SocketView
from circus.top.owner import Owner
from circus.top.shape import as_list, as_mapping
from circus.top.words import happening, status_note

__all__ = ["Feed"]

_TIMEOUT: Final = 2.0
_POLL: Final = 3.0
"""Seconds between looks at the statuses while all is well."""
_RETRY: Final = 1.0
_RECEIVE_HIGH_WATER: Final = 50_000
_AT_ONCE: Final = 200_000
"""Messages taken at one tick, at most."""


@final
class Feed:
    """Keeps a `Daemon` up to date.

    Args:
        world: where its events go.
        daemon: what to keep; its endpoint is where to connect.
        context: the ZeroMQ context; stays the caller's.
        ssh: ``user@host:port`` to go through.
        process_timeout: seconds after which a process whose frames stopped is dropped.

    Raises:
        CallError: the endpoint cannot be one, or ssh made no tunnel.
    """

    def __init__(
        self,
        world: World,
        daemon: Daemon,
        *,
        context: "zmq.Context[zmq.Socket[bytes]]",
        ssh: str | None = None,
        process_timeout: float = 3.0,
    ) -> None:
        self.daemon = daemon
        self._world = world
        self._context = context
        self._ssh = ssh
        self._process_timeout = process_timeout
        self._client = AsyncCircusClient(context, daemon.endpoint, timeout=_TIMEOUT, ssh_server=ssh)
        self._stats: Channel | None = None
        self._stats_endpoint: str | None = None
        self._linking_since: float | None = None
        self._events: Channel | None = None
        self._events_endpoint: str | None = None
        self._has_tables: bool | None = None
        self._speaks_version: bool | None = None
        self._stats_only = False
        self._asked = False
        self._error: str | None = None
        self._is_down = False
        self._has_stats: bool | None = None
        self._nudge = asyncio.Event()
        self._complete = False
        self._owner = Owner()
        self._asked_to_end: set[int] = set()

    def close(self) -> None:
        """Close all connections."""
        self._client.stop()
        for channel in (self._stats, self._events):
            if channel is not None:
                channel.close()

    @property
    def is_complete(self) -> bool:
        """Whether everything that is to be shown has come, or will not come."""
        daemon = self.daemon
        return self._complete or (
            daemon.trouble is not None and self._asked and not daemon.trouble.startswith("wait")
        )

    # -- asking --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask, again and again, until cancelled."""
        while True:
            await self.refresh()
            self._nudge.clear()
            try:
                async with asyncio.timeout(_RETRY if self._error is not None else _POLL):
                    await self._nudge.wait()
                await asyncio.sleep(0.05)  # events come in bunches
            except TimeoutError:
                continue

    async def refresh(self) -> None:
        """Ask once for everything but figures."""
        if self._stats is None and not self._asked:
            self._follow_stats(self.daemon.endpoint)  # it may be circusd-stats; the first who speaks decides
        try:
            await self._ask_all()
        except CallError as error:
            if self._stats_only:
                return
            self._asked = True
            self._error, self._is_down = str(error), isinstance(error, NotRunning)
            if isinstance(error, TimedOut):
                self._error = f"no answer from {self.daemon.endpoint} in {_TIMEOUT:g} s"
            elif isinstance(error, AccessDenied):
                self._is_down = False
            self._forget()
        else:
            self._asked, self._error, self._is_down, self._stats_only = True, None, False, False
        self.judge(now=asyncio.get_running_loop().time())

    def _forget(self) -> None:
        daemon = self.daemon
        daemon.can_act = False
        self._speaks_version = None
        if self._is_down:
            daemon.watchers.clear()
            daemon.own.clear()
            daemon.sockets.clear()
            daemon.seen.clear()
            daemon.uptime = None
            daemon.has_figures = False

    async def _ask_all(self) -> None:
        ask, daemon = self._client.send_message, self.daemon
        options = as_mapping((await ask("globaloptions")).get("options"))
        self._follow_stats(str(options.get("stats_endpoint") or ""))
        self._follow_events(str(options.get("pubsub_endpoint") or ""))
        await self._ask_watchers()
        await self._ask_version()
        if not daemon.sockets:
            for item in map(as_mapping, as_list((await ask("listsockets")).get("sockets"))):
                if isinstance(item.get("fd"), int):
                    address = item.get("path") or f"{item.get('host')}:{item.get('port')}"
                    daemon.sockets[item["fd"]] = SocketView(item["fd"], str(address), item.get("name"))
        if not daemon.has_figures:
            replies = await ask_workers(ask, list(daemon.watchers), is_ours=bool(self._speaks_version))
            if not daemon.has_figures:  # else they came meanwhile, and are newer
                for name, (reply, used) in replies.items():
                    apply_description(daemon.watcher(name), reply, used)
        daemon.can_act = True

    async def _ask_watchers(self) -> None:
        """Their names and how they are; why, where the daemon tells."""
        daemon, reply = self.daemon, await self._client.send_message("status")
        statuses, details = as_mapping(reply.get("statuses")), as_mapping(reply.get("details"))
        self._has_stats = "circusd-stats" in statuses
        names = hide_helpers([str(name) for name in statuses])
        for name in daemon.watchers.keys() - set(names):
            del daemon.watchers[name]
        for name in names:
            watcher = daemon.watcher(name)
            watcher.status = str(statuses[name])
            watcher.note = status_note(details.get(name))

    async def _ask_version(self) -> None:
        if self._speaks_version is False:
            return
        reply = await self._client.send_message("version")
        self._speaks_version = reply.get("status") == "ok"
        if self._speaks_version:
            self.daemon.version = str(reply.get("version"))
            self.daemon.pid = self._owner.pid = (
                reply.get("pid") if isinstance(reply.get("pid"), int) else None
            )
            uptime = reply.get("uptime")
            self.daemon.uptime = float(uptime) if isinstance(uptime, (int, float)) else None

    async def ask_detail(self, name: str) -> None:
        """Get what the detail screen and the questions show of one watcher. Never raises for what a daemon answers."""
        daemon = self.daemon
        try:
            detail = await ask_detail(self._client.send_message, name, is_ours=bool(self._speaks_version))
        except CallError as error:
            why = "needs circusd, and only its figures are within reach"
            detail = Detail(error="" if self._stats_only else str(error), why_no_lines=why)
        if detail.options is not None:
            daemon.options[name] = detail.options
        daemon.details[name] = detail

    async def perform(self, command: str, properties: Mapping[str, Any]) -> str:
        """Send a command; how it went, in words."""
        try:
            reply = await self._client.send_message(command, **properties)
        except CallError as error:
            return f"failed: {error}"
        self._nudge.set()
        if reply.get("status") == "error":
            return f"refused: {reply.get('reason', 'no reason given')}"
        return "ok"

    # -- what is published ---------------------------------------------------------------------------------------------

    def _follow_stats(self, endpoint: str) -> None:
        if not endpoint or endpoint == self._stats_endpoint:
            return
        if self._stats is not None:
            self._stats.close()
        self._stats = self._subscribe(endpoint, "table.", "stat.circus", "stat.sockets")
        self._stats_endpoint = endpoint
        self._owner.forget()
        self._linking_since = asyncio.get_running_loop().time()
        self._has_tables = None

    def _follow_events(self, endpoint: str) -> None:
        if not endpoint or endpoint == self._events_endpoint:
            return
        if self._events is not None:
            self._events.close()
        self._events = self._subscribe(endpoint, "watcher.")
        self._events_endpoint = endpoint

    def _subscribe(self, endpoint: str, *topics: str) -> Channel:
        channel = Channel(self._context, zmq.SUB, endpoint=endpoint, ssh_server=self._ssh)
        channel.socket.rcvhwm = _RECEIVE_HIGH_WATER
        for topic in topics:
            channel.socket.subscribe(topic)
        return channel

    def take(self, *, now: float, wall: float, keep: bool = True) -> None:
        """Take all that was published since the last time.

        Args:
            now: monotonic seconds.
            wall: seconds since the epoch.
            keep: whether figures are wanted; without, they are thrown away.
        """
        self._take_events(wall)
        if self._stats is not None:
            for _ in self._stats.news():
                pass
            for _ in range(_AT_ONCE):
                parts = self._stats.try_receive()
                if parts is None:
                    break
                if keep and len(parts) == 2:
                    self._take_figures(parts[0], parts[1], now)
        expire(self.daemon, now=now, after=self._process_timeout)
        self.judge(now=now)

    def _take_figures(self, topic: bytes, message: bytes, now: float) -> None:
        try:
            frame = as_mapping(from_json(message))
        except ValueError:
            return
        if not self._asked or self._error is not None:
            self._stats_only = self._stats_only or self._stats_endpoint == self.daemon.endpoint
        if topic.startswith(b"table."):
            if not self._owner.is_doubtful:
                apply_table(self.daemon, frame, now=now)
            return
        group = topic.decode("utf-8", "replace").removeprefix("stat.")
        if "subtopic" in frame:
            group = group.removesuffix(f".{frame['subtopic']}")
            if group == "circus" and frame.get("name") == "circusd":
                self._hear_owner(frame["subtopic"])
        if self._owner.is_doubtful:
            return
        if group == "circus" and "subtopic" not in frame:
            self._hear_summary(frame)
        apply_frame(self.daemon, group, frame, now=now)

    def _hear_owner(self, pid: object) -> None:
        if not isinstance(pid, int) or self._stats_only:
            return
        was_foreign = self._owner.foreign
        if self._owner.hear(pid):
            self._nudge.set()
        elif self._owner.foreign is not None and was_foreign is None:
            self.daemon.own.clear()
            self.daemon.sockets.clear()
            self.daemon.has_figures = False

    def _hear_summary(self, frame: Mapping[str, Any]) -> None:
        has_tables = bool(frame.get("tables"))
        if has_tables is not self._has_tables and self._stats is not None and not has_tables:
            self._stats.socket.subscribe("stat.")  # an older circusd-stats: a frame a process
        self._complete = self._complete or has_tables or self._has_tables is False
        self._has_tables = has_tables
        endpoint = frame.get("endpoint")
        if self._stats_only and isinstance(endpoint, str) and endpoint != self._client.endpoint:
            self._client.stop()
            self._client = AsyncCircusClient(self._context, endpoint, timeout=_TIMEOUT, ssh_server=self._ssh)
            self._nudge.set()

    def _take_events(self, wall: float) -> None:
        if self._events is None:
            return
        for link in self._events.news():
            if link in {Link.READY, Link.GONE}:
                self._nudge.set()
        for _ in range(_AT_ONCE):
            parts = self._events.try_receive()
            if parts is None:
                break
            if len(parts) == 2:
                self._take_event(parts[0], parts[1], wall)

    def _take_event(self, topic: bytes, message: bytes, wall: float) -> None:
        try:
            body = as_mapping(from_json(message))
        except ValueError:
            return
        text = topic.decode("utf-8", "replace")
        event = happening(self.daemon.endpoint, text, body, wall=wall)
        if event is not None:
            self._world.events.append(event)
        name = text.rpartition(".")[2]
        if event is not None and not self._has_tables:
            self._count_restart(name, event.watcher, body)
        if name in {"start", "stop", "add", "remove", "failed", "backoff"} or (
            name == "spawn" and not self.daemon.has_figures
        ):
            self._nudge.set()

    def _count_restart(self, event: str, name: str, body: Mapping[str, Any]) -> None:
        """Where circusd-stats does not count: an exit that no kill announced is one that nobody asked for."""
        pid, watcher = body.get("process_pid"), self.daemon.watchers.get(name)
        if watcher is None or not isinstance(pid, int):
            return
        if event == "kill":
            self._asked_to_end.add(pid)
        elif event == "reap":
            if pid not in self._asked_to_end:
                watcher.restarts += 1
            self._asked_to_end.discard(pid)

    def judge(self, *, now: float) -> None:
        """Say what is wrong, if anything is."""
        daemon = self.daemon
        is_linked = self._stats is not None and self._stats.link is Link.READY
        signs = Signs(
            endpoint=daemon.endpoint,
            stats_endpoint=self._stats_endpoint,
            error=self._error,
            is_down=self._is_down,
            asked=self._asked,
            has_stats=self._has_stats,
            is_linked=is_linked,
            linking_for=now - self._linking_since if self._linking_since is not None else 0.0,
            figures_ago=None if daemon.figures_at is None else now - daemon.figures_at,
            stats_only=self._stats_only,
            is_empty=daemon.can_act and not daemon.watchers,
            foreign=self._owner.foreign,
        )
        daemon.trouble, daemon.advice = diagnose(signs)
        if signs.figures_ago is not None and signs.figures_ago > 2 * self._process_timeout:
            daemon.has_figures = False  # ask for pids again
