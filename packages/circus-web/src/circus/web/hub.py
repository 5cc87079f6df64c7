"""All daemons and all open pages: who is connected, what they are told once a second.

Theory. Figures cost: circusd-stats looks at all processes, we add up. So the hub has them only while a page is open, or while
somebody asks for them over HTTP; for a while longer, since a page that is loaded anew and a monitoring system that asks once
a minute are to find them. Without that there is no tick: what is left are events, and a heartbeat for each daemon.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

import zmq.asyncio

from circus.protocol import encode
from circus.web.audit import AuditTrail
from circus.web.link import Link, LinkState, Tunnel, link_id

__all__ = ["Hub", "NotAllowedError", "Tab"]

TICK = 1.0
LINGER = 90.0
"""Seconds for which figures are taken on after the last page or request; Prometheus asks once a minute."""
PATIENCE = 2.0
"""Seconds that a request waits for the first figures."""
QUEUED = 4
"""Messages (two seconds of them) that wait for a slow browser; then they are dropped and a snapshot follows."""
QUEUED_LINES = 2000


class NotAllowedError(Exception):
    """This address is not among those that the console may connect to."""


class Tab:
    """One open page.

    Owned by its WebSocket's handler; the hub only pushes, and never waits for it.
    """

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.lines: deque[dict[str, Any]] = deque(maxlen=QUEUED_LINES)
        self.lost = 0
        self.needs_snapshot = True
        self.focus: tuple[str, str] | None = None
        """Daemon and watcher whose processes this page shows."""
        self.wake = asyncio.Event()

    def push(self, frame: bytes) -> None:
        """Queue a frame; if the browser is too slow, drop all and start over with a snapshot."""
        if len(self.frames) >= QUEUED:
            self.frames.clear()
            self.needs_snapshot = True
        else:
            self.frames.append(frame)
        self.wake.set()

    def push_line(self, line: dict[str, Any]) -> None:
        """Queue a line of output; what does not fit is counted."""
        if len(self.lines) == QUEUED_LINES:
            self.lost += 1
        self.lines.append(line)
        self.wake.set()


class Hub:
    """The links and the tabs.

    Args:
        endpoints: connected to at start.
        patterns: further endpoints that may be connected to.
        tunnel: how an endpoint of a daemon is reached.
        context: for all sockets; not owned.
        linger: seconds for which figures are taken on when nobody wants them any more.
    """

    def __init__(
        self,
        endpoints: Iterable[str],
        *,
        context: zmq.asyncio.Context,
        patterns: Iterable[str] = (),
        tunnel: Tunnel | None = None,
        linger: float = LINGER,
    ) -> None:
        self.known = list(dict.fromkeys(endpoints))
        self._patterns = tuple(patterns)
        self._context = context
        self._tunnel = tunnel
        self.links: dict[str, Link] = {}
        self.tabs: set[Tab] = set()
        self.audit = AuditTrail()
        self.audit.listeners.append(self._tell_action)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._actions: list[dict[str, Any]] = []
        self._linger = linger
        self._needed = asyncio.Event()
        """Whether figures are taken, and ticks made."""
        self._needed_until = self._began_at = self._paused_at = 0.0

    async def run(self, ready: Callable[[], None]) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for endpoint in self.known:
                self.connect(endpoint)
            ready()
            await self._run_ticks()

    def allowed(self, endpoint: str) -> bool:
        """Whether the console may connect there: it is no tool to reach into other networks with."""
        return endpoint in self.known or any(fnmatchcase(endpoint, one) for one in self._patterns)

    def connect(self, endpoint: str) -> Link:
        """Follow a daemon; if it is followed already, that link.

        Raises:
            NotAllowedError: this address was not configured.
        """
        if not self.allowed(endpoint):
            raise NotAllowedError(
                f"{endpoint} is not among the configured endpoints; start circushttpd with"
                f" --endpoint {endpoint} or --allow-endpoint PATTERN."
            )
        key = link_id(endpoint)
        if key in self.links:
            return self.links[key]
        if self._group is None:
            raise RuntimeError("the hub does not run")
        if endpoint not in self.known:
            self.known.append(endpoint)
        link = self.links[key] = Link(endpoint, context=self._context, tunnel=self._tunnel)
        if self._needed.is_set():
            link.show()
        self._tasks[key] = self._group.create_task(link.run(), name=f"link to {endpoint}")
        self.restart_tabs()
        return link

    def disconnect(self, key: str) -> None:
        """Follow a daemon no more; it goes on running. An unknown one is no error."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()
        self.links.pop(key, None)
        self.restart_tabs()

    def restart_tabs(self) -> None:
        """Every page gets a snapshot next."""
        for tab in self.tabs:
            tab.needs_snapshot = True
            tab.wake.set()

    def endpoints(self) -> list[dict[str, Any]]:
        """All that are known, connected or not."""
        return [
            {"id": link_id(one), "endpoint": one, "connected": link_id(one) in self.links}
            for one in self.known
        ]

    def snapshot(self) -> bytes:
        """Everything, for a page that knows nothing."""
        daemons = [{**link.view(), **link.picture.snapshot()} for link in self.links.values()]
        return encode(
            {
                "type": "snapshot",
                "time": time.time(),  # noqa: TID251 - shown
                "daemons": daemons,
                "endpoints": self.endpoints(),
                "actions": [one for one in self.audit.last() if one not in self._actions],
            }
        )

    def detail(self, focus: tuple[str, str], *, history: bool) -> bytes | None:
        """One watcher in full; None if it is gone."""
        link = self.links.get(focus[0])
        if link is None or focus[1] not in link.picture.watchers:
            return None
        detail = link.picture.detail(focus[1], now=time.monotonic(), history=history)
        return encode({"type": "detail", "daemon": focus[0], **detail})

    def _tell_action(self, entry: dict[str, Any]) -> None:
        if self.tabs:
            self._actions.append(entry)

    # -- while somebody looks --------------------------------------------------------------------

    def open(self, tab: Tab, *, now: float) -> None:
        """A page is there: its snapshot is as of now, and figures come."""
        self._need(now)
        self.tabs.add(tab)
        tab.wake.set()

    def close(self, tab: Tab, *, now: float) -> None:
        """A page is gone."""
        self.tabs.discard(tab)
        self._need(now)

    async def figures(self, *, now: float) -> None:
        """Have figures for a request: from now on for a while. Who comes first waits for them, but not for long."""
        self._need(now)
        await self._first_figures(until=self._began_at + PATIENCE)

    def _need(self, now: float) -> None:
        self._needed_until = now + self._linger
        if self._needed.is_set():
            return
        self._began_at = now
        for link in self.links.values():
            link.picture.resume(round((now - self._paused_at) / TICK))
            link.show()
        self.tick(now=now)
        self._needed.set()

    def _pause(self, now: float) -> None:
        self._paused_at = now
        self._needed.clear()
        for link in self.links.values():
            link.rest()

    async def _first_figures(self, *, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                for link in list(self.links.values()):
                    await link.feed.first()

    async def _run_ticks(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._needed.wait()
            await self._first_figures(until=self._began_at + TICK)
            due = loop.time()
            while self._needed.is_set():
                self.tick(now=time.monotonic())
                due = max(due + TICK, loop.time())
                await asyncio.sleep(max(0.0, due - loop.time()))

    def tick(self, *, now: float) -> None:
        """Tell every page what changed within the last second, encoded once for all of them; pause if nobody looks."""
        frames = {
            key: {**link.picture.tick(now=now), "link": link.view()} for key, link in self.links.items()
        }
        actions, self._actions = self._actions, []
        if not self.tabs:
            if self._needed.is_set() and now >= self._needed_until:
                self._pause(now)
            return
        frame = encode(
            {"type": "frame", "time": time.time(), "daemons": frames, "actions": actions}  # noqa: TID251 - shown
        )
        details: dict[tuple[str, str], bytes | None] = {}
        for tab in self.tabs:
            tab.push(frame)
            focus = tab.focus
            if focus is None:
                continue
            if focus not in details:
                details[focus] = self.detail(focus, history=False)
            whole = details[focus]
            if whole is not None and not tab.needs_snapshot:
                tab.frames.append(whole)

    def health(self) -> tuple[bool, list[str]]:
        """Whether all is well, and what is not."""
        problems: list[str] = []
        for link in self.links.values():
            if link.state is not LinkState.ALIVE:
                problems.append(f"{link.endpoint}: {link.reason or 'is not connected yet'}")
                continue
            found = link.picture.problems(now=time.monotonic())
            problems += [f"{link.endpoint}: {name}: {why}" for name, why in found]
        return not problems, problems
