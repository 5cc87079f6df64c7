"""The shell of circusd-stats: sockets and timers around the roster, the sampler and the frames. Decides nothing else.

Theory. `_wanted` is the set of topics that somebody subscribes to, told by the XPUB. While it is empty (and nobody scrapes)
there is no timer: the process sleeps in `epoll_wait` until an event, a subscription or a signal comes. The publisher never
waits: for a subscriber that does not keep up, libzmq drops frames past the high-water mark.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self, final

import zmq

from circus.client.aio import AsyncCircusClient
from circus.client.channel import Channel
from circus.client.errors import CallError
from circus.client.link import Link
from circus.client.readiness import Readiness
from circus.process import clock
from circus.stats.hits import Hits, Meter, read_tables
from circus.stats.kernel import Kernel, memory_total, open_kernel
from circus.stats.metrics import Picture, render_metrics
from circus.stats.options import Options
from circus.stats.publisher import About, Publisher
from circus.stats.roster import Need, Roster
from circus.stats.sampler import Moment, Sample, Sampler
from circus.stats.scrape import serve_metrics
from circus.stats.shape import as_mapping
from circus.stats.snapshot import Daemon, ask_snapshot, ask_statuses
from circus.stats.statsd import StatsdEmitter

__all__ = ["Streamer"]

_INTERVAL: Final = 1.0
_FIRST: Final = 0.2
"""Seconds from the first look to the first figures of a new subscriber."""
_STATSD_INTERVAL: Final = 10.0
_RETRY: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to reach a circusd that does not answer."""
_REFRESH: Final = 60.0
"""Seconds after which a watched daemon is asked anew, in case an event was lost that no gap tells of."""
_log = logging.getLogger("circus.stats")


@final
class Streamer:
    """Publishes figures. An async context manager that owns its sockets.

    Args:
        options: what to connect to, and where to publish.

    Raises:
        CircusError: an endpoint cannot be one, or is taken.
        OSError: the address of the metrics is taken.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._roster = Roster()
        self._kernel: Kernel = open_kernel()
        self._sampler = Sampler(self._kernel)
        self._meter = Meter()
        self._scrape_sampler = Sampler(self._kernel)
        self._scrape_meter = Meter()
        self._memory = memory_total()
        self._need = Need.SNAPSHOT
        self._daemon = Daemon(None, None, describes=False)
        self._is_up = False
        self._has_asked = False
        self._failures = 0
        self._work = asyncio.Event()
        self._next_tick: float | None = None
        self._next_ask = 0.0
        self._wakes_at: float | None = None
        self._metrics_port = 0
        self._next_statsd = 0.0
        self._samples: Mapping[int, Sample] = {}
        self._chosen = frozenset[int](), frozenset[int]()
        self._chosen_for: tuple[int, frozenset[bytes]] | None = None
        self._hits: dict[str, Hits] = {}
        self._reads: dict[str, int] = {}
        self._stack = AsyncExitStack()
        self._statsd = StatsdEmitter(options.statsd, options.statsd_prefix) if options.statsd else None

    # -- life ----------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        options = self._options
        async with AsyncExitStack() as stack:
            stack.callback(self._kernel.close)
            context = zmq.Context[zmq.Socket[bytes]]()
            stack.callback(context.term)
            self._publisher = Publisher(context, options.statspoint, memory=self._memory)
            stack.callback(self._publisher.close)
            self._events = Channel(context, zmq.SUB, endpoint=options.pubsub, ssh_server=options.ssh)
            stack.callback(self._events.close)
            self._events.socket.subscribe(b"watcher.")
            self._events.socket.subscribe(b"arbiter.")
            self._client = AsyncCircusClient(context, options.endpoint, ssh_server=options.ssh)
            stack.callback(self._client.stop)
            watched = (self._publisher.socket,), (self._events.socket, self._events.monitor)
            self._on_publisher = Readiness(watched[0], callback=self._hear_subscriptions)
            self._on_events = Readiness(watched[1], callback=self._hear_events)
            for readiness in (self._on_publisher, self._on_events):
                readiness.start()
                readiness.again()
                stack.callback(readiness.stop)
            if options.metrics:
                server = await stack.enter_async_context(serve_metrics(options.metrics, self._scrape))
                self._metrics_port = int(server.sockets[0].getsockname()[1])
            if self._statsd is not None:
                stack.callback(self._statsd.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # -- what comes in -------------------------------------------------------------------------------------------------

    def _hear_subscriptions(self) -> None:
        self._publisher.hear()
        self._work.set()

    def _hear_events(self) -> None:
        for link in self._events.news():
            self._hear_link(link)
        for _ in range(64):
            parts = self._events.try_receive()
            if parts is None:
                break
            if len(parts) == 2:
                self._hear_event(parts[0], parts[1])
        else:
            self._on_events.again()
        if any(_readable(part) for part in (self._events.socket, self._events.monitor)):
            self._on_events.again()

    def _hear_link(self, link: Link) -> None:
        match link:
            case Link.READY:
                self._roster.restarted()
                self._ask_for(Need.SNAPSHOT)
                self._next_ask = 0.0
            case Link.GONE:
                self._is_up = False
                self._ask_for(Need.SNAPSHOT)
            case _:
                pass

    def _hear_event(self, topic: bytes, message: bytes) -> None:
        try:
            body = as_mapping(json.loads(message))
        except ValueError:
            _log.warning("skipped an event that is not JSON: %r", message[:80])
            return
        if body:
            self._ask_for(self._roster.apply(topic.decode("utf-8", "replace"), body))

    def _ask_for(self, need: Need) -> None:
        order = list(Need)
        if order.index(need) > order.index(self._need):
            self._need = need
            self._next_ask = min(self._next_ask, asyncio.get_running_loop().time() + 0.05)
        self._work.set()

    # -- the loop ------------------------------------------------------------------------------------------------------

    @property
    def is_looking(self) -> bool:
        """Whether processes are read, now and again."""
        return self._next_tick is not None

    @property
    def wakes_at(self) -> float | None:
        """When its loop will do something by itself, on its clock; None for never."""
        return self._wakes_at

    @property
    def metrics_port(self) -> int:
        """The port of the metrics; 0 without."""
        return self._metrics_port

    @property
    def _is_watched(self) -> bool:
        return bool(self._publisher.subscriptions) or self._statsd is not None

    async def run(self, *, until: asyncio.Event) -> None:
        """Publish until the event is set."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            stopper = group.create_task(until.wait(), name="stop")
            stopper.add_done_callback(lambda _: self._work.set())
            asking: asyncio.Task[None] | None = None
            while not until.is_set():
                self._work.clear()
                if self._is_due_to_ask(loop.time()) and (asking is None or asking.done()):
                    asking = group.create_task(self._refresh(), name="ask")
                self._wakes_at = self._turn(loop.time())
                if self._work.is_set():
                    continue
                try:
                    async with asyncio.timeout_at(self._wakes_at):
                        await self._work.wait()
                except TimeoutError:
                    continue
            stopper.cancel()
            if asking is not None:
                asking.cancel()

    def _turn(self, now: float) -> float | None:
        """Do what is due; says when something will be, None for never."""
        if not self._is_watched:
            if self._next_tick is not None:
                _log.debug("nobody listens any more")
                self._next_tick = None
                self._sampler.reset()
                self._meter = Meter()
            return None
        if not self._has_asked:
            return None  # the answer, or its absence, wakes us
        if self._next_tick is None:
            self._look(now)
            self._next_tick = now + _FIRST
        elif now >= self._next_tick:
            self._look(now)
            self._publish(now)
            self._on_publisher.again()  # sending may have swallowed the word of a subscription
            interval = _INTERVAL if self._publisher.subscriptions else _STATSD_INTERVAL
            self._next_tick = max(self._next_tick + interval, now + interval / 2)
        return min(self._next_tick, self._next_ask)

    # -- asking circusd ------------------------------------------------------------------------------------------------

    def _is_due_to_ask(self, now: float) -> bool:
        return self._is_watched and now >= self._next_ask

    async def _refresh(self) -> None:
        """Ask the daemon for what we do not know."""
        need, self._need = self._need, Need.NOTHING
        loop = asyncio.get_running_loop()
        self._next_ask = loop.time() + _REFRESH
        try:
            if need is Need.STATUS:
                for name, status in (await ask_statuses(self._client.send_message)).items():
                    if name in self._roster.watchers:
                        self._roster.watchers[name].status = status
            else:
                snapshot = await ask_snapshot(self._client.send_message)
                self._daemon = snapshot.daemon
                self._roster.replace(snapshot.watchers, snapshot.processes, snapshot.sockets)
        except CallError as error:
            if self._failures == 0:
                _log.warning("cannot ask circusd who runs: %s", error)
            self._next_ask = loop.time() + _RETRY[min(self._failures, len(_RETRY) - 1)]
            self._failures += 1
            self._is_up = False
            self._need = Need.SNAPSHOT
            self._roster.alone()
        else:
            self._failures = 0
            self._is_up = True
        self._has_asked = True
        self._work.set()

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Read the processes that somebody wants to see."""
        roster = self._roster
        roots, wanted = self._choose()
        self._samples = self._sampler.sample(roots, now=now, only=wanted)
        if len(self._samples) != len(wanted):
            roster.drop(wanted - self._samples.keys())
        if roster.sockets and (self._statsd is not None or self._publisher.wants("sockets")):
            self._hits = self._meter.count(read_tables(roster.sockets), now=now)

    def _choose(self) -> tuple[frozenset[int], frozenset[int]]:
        """Who runs, and whom of them somebody wants to see: the same objects while both are the same."""
        roster, publisher = self._roster, self._publisher
        for_what = roster.version, frozenset(publisher.subscriptions)
        if for_what != self._chosen_for:
            wants_all = self._statsd is not None
            groups: list[tuple[str, Iterable[int]]] = [
                *((watcher.name, watcher.workers) for watcher in roster.watchers.values()),
                ("circus", roster.daemon),
            ]
            roots = frozenset(pid for _, pids in groups for pid in pids)
            wanted = frozenset(
                pid for name, pids in groups if wants_all or publisher.wants(name) for pid in pids
            )
            self._chosen_for, self._chosen = for_what, (roots, roots if wanted == roots else wanted)
        return self._chosen

    def _publish(self, now: float) -> None:
        about = About(
            is_up=self._is_up,
            version=self._daemon.version,
            endpoint=self._options.endpoint,
            pubsub_endpoint=self._options.pubsub,
        )
        moment = self._sampler.moment(clock.wall())
        self._publisher.publish(self._roster, self._samples, self._hits, about=about, moment=moment)
        if self._statsd is not None and now >= self._next_statsd:
            self._next_statsd = now + _STATSD_INTERVAL * 0.95
            self._statsd.emit(self._picture(self._samples, self._hits, moment))

    # -- metrics -------------------------------------------------------------------------------------------------------

    async def _scrape(self, *, openmetrics: bool) -> str:
        """A look of its own, so that the figures of those who watch keep their pace."""
        if not self._is_watched and (self._need is not Need.NOTHING or not self._is_up):
            await self._refresh()
        now = asyncio.get_running_loop().time()
        roster = self._roster
        pids = {pid for watcher in roster.watchers.values() for pid in watcher.workers} | roster.daemon.keys()
        samples = self._scrape_sampler.sample(pids, now=now)
        hits: dict[str, Hits] = {}
        if roster.sockets:
            hits = self._scrape_meter.count(read_tables(roster.sockets), now=now)
        for name, hit in hits.items():
            self._reads[name] = self._reads.get(name, 0) + hit.reads
        return render_metrics(
            self._picture(samples, hits, self._scrape_sampler.moment(clock.wall())), openmetrics=openmetrics
        )

    def _picture(self, samples: Mapping[int, Sample], hits: dict[str, Hits], moment: Moment) -> Picture:
        return Picture(
            is_up=self._is_up,
            memory=self._memory,
            moment=moment,
            watchers=list(self._roster.watchers.values()),
            daemon=dict(self._roster.daemon),
            sockets=list(self._roster.sockets),
            samples=samples,
            hits=hits,
            reads=dict(self._reads),
        )


def _readable(part: "zmq.Socket[bytes]") -> bool:
    return bool(part.poll(0, zmq.POLLIN))
