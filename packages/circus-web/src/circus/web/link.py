"""One daemon: met, watched, lost and met again. The thin shell around a `Picture`."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, cast

import zmq
import zmq.asyncio

from circus.client import AsyncCircusClient
from circus.exc import CallError
from circus.protocol import ErrorNumber
from circus.protocol.events import topic_name
from circus.web.feed import Feed
from circus.web.picture import Picture
from circus.web.wire import Caller, messages, reachable, subscriber

__all__ = ["Link", "LinkState", "Sink", "Tunnel", "link_id"]

log = logging.getLogger("circus.web")

CALL_TIMEOUT = 5.0
PROBE_TIMEOUT = 2.5
HEARTBEAT = 2.0
SLOW_REFRESH = 10
"""Heartbeats between two looks at what no event tells of."""
AT_ONCE = 16
RETRY = (0.25, 0.5, 1.0, 2.0)

Sink = Callable[[dict[str, Any]], None]
Tunnel = Callable[[str], Awaitable[str]]
"""How an endpoint is reached: the address to connect to."""


class LinkState(StrEnum):
    """Whether the daemon answers."""

    CONNECTING = "connecting"
    ALIVE = "alive"
    DEAD = "dead"


class _LostError(Exception):
    """The daemon stopped answering."""


def link_id(endpoint: str) -> str:
    """A short name for an endpoint that fits into an address."""
    return hashlib.sha256(endpoint.encode()).hexdigest()[:10]


class Link:
    """The console's side of one daemon.

    Args:
        endpoint: as it was given.
        context: for all sockets; not owned.
        tunnel: how its endpoints are reached, if not directly.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        context: zmq.asyncio.Context,
        tunnel: Tunnel | None = None,
    ) -> None:
        self.id = link_id(endpoint)
        self.endpoint = endpoint
        self.picture = Picture()
        self.feed = Feed(context, self._take_figures)
        self.state = LinkState.CONNECTING
        self.reason = ""
        self.facts: dict[str, Any] = {}
        """What the daemon says of itself: version, pid, endpoints."""
        self.offers: bool = False
        """Whether it knows the commands that came with version 1."""
        self._since = time.time()  # noqa: TID251 - shown: since when this state holds
        self._met = time.monotonic()
        self._context = context
        self._tunnel = tunnel
        self._caller: Caller | None = None
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._probe = asyncio.Event()
        self._sinks: dict[str, list[Sink]] = {}
        self._logs: zmq.asyncio.Socket | None = None

    # -- asked from outside ----------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """The daemon as the pages show it."""
        uptime = self.facts.get("uptime")
        return {
            "id": self.id,
            "endpoint": self.endpoint,
            "state": self.state.value,
            "reason": self.reason,
            "since": self._since,
            "version": self.facts.get("version"),
            "pid": self.facts.get("pid"),
            "uptime": uptime + time.monotonic() - self._met if isinstance(uptime, (int, float)) else None,
            "offers_logs": self.offers,
            "offers_plan": self.offers,
            "stats": bool(self.facts.get("stats_endpoint")),
            "check_delay": self.facts.get("check_delay"),
            "pubsub_endpoint": self.facts.get("pubsub_endpoint"),
            "stats_endpoint": self.facts.get("stats_endpoint"),
        }

    async def call(self, command: str, properties: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One command, one reply.

        Raises:
            CallError: no answer, or not connected.
        """
        if self._caller is None:
            raise CallError(f"{self.endpoint} is not connected")
        return await self._caller.call({"command": command, "properties": dict(properties or {})})

    def show(self) -> None:
        """Somebody looks from now on: figures are taken, and states are looked at more often than events tell of them."""
        self.feed.begin()
        self._probe.set()

    def rest(self) -> None:
        """Nobody looks any more."""
        self.feed.end()
        self.picture.pause()

    def touch(self, name: str | None = None) -> None:
        """Look again at a watcher, or at all: something was asked to change."""
        self._dirty |= {name} if name is not None else set(self.picture.watchers)
        self._probe.set()
        self._wake.set()

    def follow(self, watcher: str, sink: Sink) -> Callable[[], None]:
        """Give each new line of a watcher's workers to the sink, until what is returned is called."""
        topic = topic_name(watcher)
        sinks = self._sinks.setdefault(topic, [])
        sinks.append(sink)
        if len(sinks) == 1 and self._logs is not None:
            self._logs.subscribe(_log_prefix(topic))

        def unfollow() -> None:
            if sink not in sinks:
                return
            sinks.remove(sink)
            if not sinks:
                self._sinks.pop(topic, None)
                if self._logs is not None and not self._logs.closed:
                    self._logs.unsubscribe(_log_prefix(topic))

        return unfollow

    # -- its life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Meet the daemon, watch it, and begin anew when it is lost. Until cancelled."""
        failures = 0
        while True:
            try:
                address = await self._through(self.endpoint)
                self._caller = AsyncCircusClient(self._context, endpoint=address, timeout=CALL_TIMEOUT)
                await self._meet()
                failures = 0
                await self._watch()
            except* (_LostError, CallError) as group:
                self._become(LinkState.DEAD, _reason_of(group))
            except* Exception as group:  # one daemon's odd answers must not end the console
                log.exception("lost track of %s", self.endpoint)
                self._become(LinkState.DEAD, f"The console could not follow it: {_reason_of(group)}")
            finally:
                if self._caller is not None:
                    self._caller.stop()
                    self._caller = None
            await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
            failures += 1

    def _become(self, state: LinkState, reason: str = "") -> None:
        if state is not self.state:
            self._since = time.time()  # noqa: TID251 - shown: since when this state holds
            log.info("%s is %s %s", self.endpoint, state.value, reason)
        self.state, self.reason = state, reason
        if state is not LinkState.ALIVE:
            self.picture.blank()

    async def _meet(self) -> None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                reply = await self.call("version")
        except (TimeoutError, CallError):
            raise _LostError("Nobody answers at this address.") from None
        self.offers = reply.get("status") == "ok"
        facts = dict(reply)
        globals_ = await self.call("globaloptions")
        if globals_.get("status") != "ok":
            raise _LostError(str(globals_.get("reason") or "It refuses to answer."))
        facts = {**cast("dict[str, Any]", globals_.get("options") or {}), **facts}
        if not self.offers:
            if reply.get("errno") != ErrorNumber.UNKNOWN_COMMAND:
                raise _LostError(str(reply.get("reason") or "It refuses to answer."))
            own = cast("dict[str, Any]", (await self.call("dstats")).get("info") or {})
            facts.update(version="before 1.0", pid=own.get("pid"), uptime=own.get("age"))
        self.facts, self._met = facts, time.monotonic()

    async def _watch(self) -> None:
        published = await self._address("pubsub_endpoint")
        events = subscriber(self._context, published, b"watcher.", b"arbiter.")
        self._logs = subscriber(self._context, published, *(_log_prefix(topic) for topic in self._sinks))
        figures = await self._address("stats_endpoint") if self.facts.get("stats_endpoint") else None
        sockets = (events, self._logs)
        try:
            await self._take_inventory()
            self._become(LinkState.ALIVE)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read_events(events), name=f"events of {self.endpoint}")
                tasks.create_task(self._read_logs(self._logs), name=f"logs of {self.endpoint}")
                if figures is not None:
                    tasks.create_task(self.feed.run(figures), name=f"figures of {self.endpoint}")
                tasks.create_task(self._refresh(), name=f"refresh of {self.endpoint}")
                tasks.create_task(self._keep_alive(), name=f"heartbeat of {self.endpoint}")
                tasks.create_task(self._notice_death(events), name=f"monitor of {self.endpoint}")
        finally:
            self._logs = None
            for socket in sockets:
                with contextlib.suppress(zmq.ZMQError):
                    socket.disable_monitor()
                socket.close(linger=0)

    async def _address(self, kind: str) -> str:
        return await self._through(reachable(str(self.facts.get(kind)), seen_from=self.endpoint))

    async def _through(self, endpoint: str) -> str:
        return endpoint if self._tunnel is None else await self._tunnel(endpoint)

    async def _take_inventory(self) -> None:
        await self._look_at_statuses()
        await self._look_at(set(self.picture.watchers), options=True)
        await self._look_at_sockets()

    async def _look_at_statuses(self) -> set[str]:
        """Gives the watchers that are new or changed."""
        reply = await self.call("status")
        statuses = reply.get("statuses")
        if not isinstance(statuses, dict):
            raise _LostError(str(reply.get("reason") or "It does not list its watchers."))
        return self.picture.set_statuses(cast("dict[str, str]", statuses))

    async def _look_at_sockets(self) -> None:
        reply = await self.call("listsockets")
        found = reply.get("sockets")
        self.picture.sockets = cast("list[dict[str, Any]]", found) if isinstance(found, list) else []

    async def _look_at(self, names: set[str], *, options: bool) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(name: str) -> None:
            async with gate:
                if options or not self.picture.watchers[name].options:
                    reply = await self.call("options", {"name": name})
                    self.picture.set_options(name, reply.get("options") or {})
                if self.offers:
                    reply = await self.call("describe", {"name": name})
                    if reply.get("status") == "ok":
                        self.picture.set_described(name, reply, now=time.monotonic())
                else:
                    reply = await self.call("list", {"name": name})
                    self.picture.set_listed(name, cast("list[int]", reply.get("pids") or []))

        async with asyncio.TaskGroup() as tasks:
            for name in names:
                if name in self.picture.watchers:
                    tasks.create_task(look(name), name=f"look at {name}")

    async def _refresh(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(0.15)  # many events of one moment are one look
            self._wake.clear()
            names, self._dirty = self._dirty, set()
            names |= await self._look_at_statuses()
            await self._look_at(names, options=True)

    async def _keep_alive(self) -> None:
        beats = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._probe.wait()
            looks = self.feed.wanted or not self.offers or self._probe.is_set() or beats % SLOW_REFRESH == 0
            self._probe.clear()
            changed: set[str] = set()
            try:
                # One question: it must not depend on how much changed. While nobody looks, one that costs nothing.
                async with asyncio.timeout(PROBE_TIMEOUT):
                    if looks:
                        changed = await self._look_at_statuses()
                    else:
                        await self.call("version")
            except (TimeoutError, CallError):
                raise _LostError("It does not answer any more.") from None
            if changed:
                self._dirty |= changed
                self._wake.set()
            beats += 1
            if beats % SLOW_REFRESH == 0:
                await self._look_at_sockets()

    async def _notice_death(self, events: zmq.asyncio.Socket) -> None:
        """A closed connection is looked into at once, not at the next heartbeat."""
        monitor = events.get_monitor_socket(int(zmq.Event.DISCONNECTED))
        while True:
            await monitor.recv_multipart()
            self._probe.set()

    async def _read_events(self, socket: zmq.asyncio.Socket) -> None:
        last: int | None = None
        async for topic, body in messages(socket):
            if not isinstance(body, dict):
                continue
            event = cast("dict[str, Any]", body)
            self._dirty |= self.picture.apply_event(topic, event, now=time.monotonic())
            number = event.get("seq")
            if isinstance(number, int):
                if last is not None and number != last + 1:
                    self._dirty |= set(self.picture.watchers)
                last = number
            self._wake.set()

    def _take_figures(self, topic: str, body: dict[str, Any]) -> None:
        self.picture.apply_stats(topic, body, now=time.monotonic())

    async def _read_logs(self, socket: zmq.asyncio.Socket) -> None:
        async for topic, body in messages(socket):
            name, _, stream = topic.removeprefix("log.").rpartition(".")
            name, _, wid = name.rpartition(".")
            lines = cast("list[object]", body if isinstance(body, list) else [body])
            for line in lines:
                if isinstance(line, dict):
                    whole = {
                        "stream": stream,
                        "wid": int(wid) if wid.isdigit() else None,
                        **cast("dict[str, Any]", line),
                    }
                    for sink in list(self._sinks.get(name, ())):
                        sink(whole)


def _log_prefix(topic: str) -> bytes:
    return f"log.{topic}.".encode("utf-8", "backslashreplace")


def _reason_of(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _reason_of(error.exceptions[0])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - any exception will do
    text = str(error) or type(error).__name__
    return "It does not answer any more." if text == "Timed out." else text
