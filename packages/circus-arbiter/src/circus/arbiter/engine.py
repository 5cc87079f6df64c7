"""The arbiter itself: one tree of tasks that owns watchers, sockets and endpoints from start to stop. The shell.

Theory: `run` is the parent of every task. Each watcher has one owner task of its own and is spoken to by messages; the
engine never reaches into it. A wish to stop is an event that pre-empts everything (it may come before the sockets are
bound, during warm-up, during a reload) and is never refused or lost. Watchers start from the highest priority to the
lowest with the warm-up in between, and stop the other way, those of one priority together.

Illegal states: two watchers of one name; a command that waits in the engine for another one.
"""

import asyncio
import logging
import os
import socket as stdlib_socket
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, final

import zmq

from circus.arbiter import discovery, reload
from circus.arbiter.build import Blueprint
from circus.arbiter.commands import handlers
from circus.arbiter.control import Incoming
from circus.arbiter.dispatch import Dispatcher
from circus.arbiter.entry import Entry, HookKeywords, Told, Turn, outcomes_of, turns_to_start
from circus.arbiter.errors import ArbiterError, Exit
from circus.arbiter.front import Front
from circus.arbiter.rollout import Item, roll
from circus.arbiter.roster import Roster, by_priority, priority_groups
from circus.arbiter.wire import from_trouble, line_payload, to_wire
from circus.config import Config, Plan
from circus.process import threads
from circus.process.clock import monotonic, wall
from circus.process.facts import Observer
from circus.process.seam import Spawner
from circus.protocol.endpoints import DEFAULT_STATS_ENDPOINT
from circus.protocol.topics import log_topic, watcher_topic
from circus.sockets import BoundSocket, Received, SocketSet
from circus.stream import OutputHub, OutputTrouble, Source, TailLine
from circus.watcher import commands as tell
from circus.watcher.commands import Command, Outcome
from circus.watcher.events import Event, Failed, Why
from circus.watcher.output import HubOutput
from circus.watcher.pace import Pace
from circus.watcher.runner import WatcherRunner
from circus.watcher.spec import WatcherSpec

__all__ = ["Engine", "Entry", "Exit"]

log = logging.getLogger("circus.arbiter")

_LAST_REPLIES = 1.0
"""Seconds that commands have for their last words once all watchers are gone."""


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """Do it; a failure that nobody foresaw is logged, and costs this work alone."""
    try:
        await work
    except Exception:
        log.exception("internal error")


@final
class Engine:
    """Runs watchers.

    Args:
        blueprint: what to run: options, sockets, watchers, and how to read them again.
        spawner: who starts processes.
        context: a ZeroMQ context, used if an endpoint is inproc; otherwise the engine makes and ends its own.
        facade: gives the keywords of a watcher's hooks, `watcher` and `arbiter`; called when the watcher is taken in.
        version: what we say we are.
        bound: sockets that are bound already; the engine's from now on.
        received: descriptors that the service manager passed to us; the engine's from now on.
        before_reload: user code to run, in a thread, before everything is reloaded.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        spawner: Spawner,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        facade: Callable[[Entry], Mapping[str, Any]] = lambda entry: {"watcher": entry, "arbiter": None},
        version: str = "",
        bound: Iterable[BoundSocket] = (),
        received: Iterable[Received] = (),
        before_reload: Callable[[], object] | None = None,
    ) -> None:
        self.blueprint = blueprint
        self.spawner = spawner
        self.roster: Roster[Entry] = Roster()
        self.sockets = SocketSet()
        for one in bound:
            self.sockets.add(one)
        self._received = tuple(received)
        self._before_reload = before_reload
        self.facts = Observer()
        self.output = OutputHub(
            on_trouble=self._on_output, call=lambda say: self._loop and self._loop.call_soon_threadsafe(say)
        )
        self.pace = Pace()
        self._facade = facade
        self._version = version
        self._front = Front(blueprint, context=context, receive=self._receive, on_log_demand=self._log_demand)
        front = self._front
        self._dispatcher = Dispatcher(
            handlers=handlers(self), send=self._send, adopt=self._adopt, permit=front.permit, warn=front.warn
        )
        self.audit, self._publisher, self._control = front.audit, front.publisher, front.control
        self._tasks: asyncio.TaskGroup | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_wanted, self._gone = asyncio.Event(), asyncio.Event()
        self._survivors: tuple[int, ...] = ()
        self._failure: Exit | None = None
        self._log_wanted = self._impatient = False
        self._owned: set[Entry] = set()
        self._running_work: set[asyncio.Task[None]] = set()
        self._reconfiguring = asyncio.Lock()
        self._started_at = monotonic()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(
        self,
        *,
        ready: Callable[[], None] = lambda: None,
        started: Callable[[], None] = lambda: None,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        """Bind, start everything, serve until a stop is wanted, stop everything.

        Args:
            ready: called when commands are answered.
            started: called when every watcher that starts by itself was started.
            ending: called when a stop is wanted, before anything is stopped.

        Raises:
            EndpointError: an endpoint cannot be bound; nothing was started.
            BindError: a socket cannot be bound; nothing was started.
            Exit: a watcher failed whose `on_failure` says that circusd is to end with it.
        """
        self._loop = asyncio.get_running_loop()
        self._started_at = monotonic()
        try:
            self._open()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._serve(ready, started, ending)
        finally:
            self._tasks = None
            await self._close()
        if self._failure is not None:
            raise self._failure

    def _open(self) -> None:
        for unused in self.sockets.bind(self.blueprint.sockets, received=self._received):
            log.warning("descriptor %s was passed to us and fits no socket; it is closed", unused.fd)
            os.close(unused.fd)
        self._front.open()

    async def _serve(
        self, ready: Callable[[], None], started: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        assert self._loop is not None
        self._front.start(self._loop)
        for spec in self.blueprint.watchers:
            self._enroll(spec)
        self._control.start(self._loop)
        self._adopt(discovery.serve(self.blueprint.options, until=self._stop_wanted))
        ready()
        starting = self._spawn(self._start_all(started))
        await self._stop_wanted.wait()
        starting.cancel()
        ending()
        await self._stop_all()
        await self._flush()
        self._control.close()
        for task in list(self._running_work):
            task.cancel()

    async def _start_all(self, started: Callable[[], None]) -> None:
        turns = turns_to_start(by_priority(entry for entry in self.roster if entry.autostart))
        for name, outcome in await self.start_watchers(turns):
            for subject, reason in outcome.failures.items():
                log.error("%s: %s: %s", name, subject, reason)
        started()

    async def _stop_all(self) -> None:
        grace = 0.0 if self._impatient else None
        stuck: list[int] = []
        for group in priority_groups(self.roster):
            outcomes = await self.tell(group, tell.Stop(graceful_timeout=grace, why=Why.DAEMON_STOP))
            stuck += [pid for _, outcome in outcomes for pid in outcome.stuck]
        # Not only those in the roster: some are on their way out, some were let go and still have output to move.
        await asyncio.gather(*(self._end(entry) for entry in list(self._owned)))
        self._survivors = tuple(stuck)
        self._gone.set()

    async def _end(self, entry: Entry) -> Outcome:
        outcome = await entry.ask(tell.Shutdown(graceful_timeout=0.0 if self._impatient else None))
        await entry.ended()
        self._owned.discard(entry)
        return outcome

    async def _flush(self) -> None:
        """Let those who waited for the end have their replies first."""
        if self._running_work:
            await asyncio.wait(self._running_work, timeout=_LAST_REPLIES)

    async def _close(self) -> None:
        self._control.close()
        self.sockets.close()
        await self.output.aclose()
        self._gone.set()
        await self._front.aclose()

    def request_stop(self, reason: str) -> None:
        """Stop as soon as possible; asking again is harmless. On the loop's thread."""
        if not self._stop_wanted.is_set():
            log.info("stopping: %s", reason)
            self._stop_wanted.set()

    def request_stop_at_once(self, reason: str) -> None:
        """Stop, and give workers no grace any more."""
        self.request_stop(reason)
        self._impatient = True
        log.warning("no grace any more: %s", reason)
        for entry in self._owned:
            entry.cast(tell.Stop(graceful_timeout=0.0, why=Why.DAEMON_STOP))

    def request_reload(self, reason: str) -> None:
        """Reload all watchers gracefully, as SIGHUP asks for."""
        if self._tasks is None or self.stopping:
            return
        log.info("reloading: %s", reason)
        self._adopt(self._reload_on_signal(list(self.roster)))

    async def _reload_on_signal(self, entries: Sequence[Entry]) -> None:
        for name, outcome in await self.reload_all(tell.Reload(), entries):
            for subject, why in outcome.failures.items():
                log.error("reload of %s: %s: %s", name, subject, why)

    async def reload_all(self, command: tell.Reload, entries: Sequence[Entry]) -> Told:
        """Reload all watchers there were when it was asked for, by priority (`rollout`), and open our own logs anew.

        What was added since is new anyway, and perhaps not to run yet.
        """
        turns = {entry: entry.later(command) for entry in by_priority(entries)}
        self.reopen_own_logs()
        self._front.cut_removed_keys()
        if self._before_reload is not None:
            await threads.call(self._before_reload)
        if command.sequential or self.blueprint.options.warmup_delay:
            return await self.one_after_the_other(turns)
        items = [Item(entry, entry.runner.spec.count) for entry in turns]
        told = await roll(items, lambda entry: turns[entry](), stopped=lambda: self.stopping)
        return [(entry.name, outcome) for entry, outcome in told]

    @property
    def stopping(self) -> bool:
        """Whether a stop is wanted."""
        return self._stop_wanted.is_set()

    async def watchers_gone(self) -> tuple[int, ...]:
        """Wait until every watcher is stopped for good; the pids that would not die."""
        await self._gone.wait()
        return self._survivors

    # -- watchers ----------------------------------------------------------------------------------------------

    def _enroll(self, spec: WatcherSpec) -> Entry:
        output = HubOutput(spec, hub=self.output, capture=self.blueprint.options.capture)
        context = HookKeywords()
        runner = WatcherRunner(
            spec,
            spawner=self.spawner,
            sockets=self.sockets,
            output=output,
            publish=self._on_event,
            hook_context=context,
            pace=self.pace,
        )
        entry = Entry(runner, output)
        context.known = self._facade(entry)
        self.roster.add(entry)
        if self._log_wanted:
            entry.follow(self._publish_lines)
        assert self._tasks is not None
        self._owned.add(entry)
        entry.start_owner(self._tasks)
        return entry

    def add(self, spec: WatcherSpec) -> Entry:
        """Add a watcher, stopped.

        Raises:
            AlreadyExist: there is one of that name.
            ArbiterError: circusd stops.
        """
        if self.stopping or self._tasks is None:
            raise ArbiterError("circusd stops; no watcher can be added")
        entry = self._enroll(spec)
        self.publish(spec.name, "add")
        return entry

    def take_out(self, name: str) -> Entry:
        """Take a watcher out of the roster, so that its name is free; `dismiss` it then."""
        entry = self.roster.remove(name)
        self.publish(entry.name, "remove")
        return entry

    async def dismiss(self, entry: Entry, *, leave_running: bool = False) -> Outcome:
        """End a watcher that was taken out.

        Args:
            entry: the watcher.
            leave_running: let its workers go on, unwatched.
        """
        if not leave_running:
            return await self._end(entry)
        # Its output goes on to its sinks, so its owner goes on, too; only nobody is replaced any more.
        return await entry.ask(tell.Release())

    async def tell(self, entries: Iterable[Entry], command: Command) -> Told:
        """Give one command to several watchers at once and wait for all of them."""
        return await outcomes_of((entry.name, entry.ask(command)) for entry in entries)

    async def one_after_the_other(self, turns: Mapping[Entry, Turn]) -> Told:
        """Give several watchers their commands in their order, with the warm-up in between."""
        told: Told = []
        for index, (entry, turn) in enumerate(turns.items()):
            if index and self.blueprint.options.warmup_delay:
                await self._pause(self.blueprint.options.warmup_delay)
            if self.stopping:
                break
            told.append((entry.name, await turn()))
        return told

    async def start_watchers(self, turns: Mapping[Entry, Turn]) -> Told:
        """Start watchers in the order given; without a warm-up, those of one priority start together."""
        if self.blueprint.options.warmup_delay:
            return await self.one_after_the_other(turns)
        told: Told = []
        for group in reversed(priority_groups(turns)):
            if self.stopping:
                break
            told += await outcomes_of((entry.name, turns[entry]()) for entry in group)
        return told

    async def stop_watchers(self, entries: Sequence[Entry]) -> Told:
        """Stop watchers: the lowest priority first, those of one priority together."""
        told: Told = []
        for group in priority_groups(entries):
            told += await self.tell(group, tell.Stop())
        return told

    async def restart_everything(self, entries: Sequence[Entry]) -> None:
        """Take the configuration over as it is in the file now, then restart all there were. Listeners stay open."""
        turns = turns_to_start(entries, stops=1)
        if self.configuration is not None:
            await self.reload_configuration()
        await self.stop_watchers(entries)
        await self.start_watchers({entry: turns[entry] for entry in by_priority(entries) if entry.autostart})

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop_wanted.wait()

    # -- configuration -----------------------------------------------------------------------------------------

    @property
    def configuration(self) -> Config | None:
        """The configuration as it was read; None where there was no file."""
        return self.blueprint.config

    def plan_reload(self) -> Plan:
        """What a reload of the configuration would change. Reads files; changes nothing.

        Raises:
            CommandFailedError: the files cannot be taken over, with every problem.
        """
        return reload.prepare(self.blueprint).plan

    async def reload_configuration(self) -> Plan:
        """Read the configuration again and apply what differs, all or nothing; one reload at a time.

        Raises:
            CommandFailedError: it cannot be taken over; all is as before.
        """
        async with self._reconfiguring:
            reloading = await threads.call(reload.prepare, self.blueprint)
            await reload.apply(self, reloading)
            return reloading.plan

    # -- events ------------------------------------------------------------------------------------------------

    def publish(self, watcher: str, word: str, **payload: Any) -> None:
        """Publish an event of a watcher that the arbiter itself has caused."""
        made = watcher_topic(watcher, word), {**payload, "time": wall(), "watcher": watcher}
        self._publisher.event(lambda: made)

    def _on_event(self, event: Event) -> None:
        self._publisher.event(lambda: to_wire(event, now=wall()))
        if isinstance(event, Failed) and event.watcher in self.roster:
            entry = self.roster.get(event.watcher)
            log.error("watcher %s failed: %s", event.watcher, event.reason)
            if entry.options.on_failure == "shutdown" and self._failure is None:
                self._failure = Exit(f"watcher {event.watcher} failed: {event.reason}")
                self.request_stop(str(self._failure))

    def _on_output(self, trouble: OutputTrouble) -> None:
        if (event := from_trouble(trouble)) is not None:
            self._on_event(event)

    def _log_demand(self, wanted: bool) -> None:  # noqa: FBT001 - a callback
        self._log_wanted = wanted
        for entry in self.roster:
            entry.follow(self._publish_lines if wanted else None)

    def _publish_lines(self, source: Source, lines: list[TailLine]) -> None:
        topic = log_topic(source.watcher, source.wid, source.stream)
        for line in lines:
            self._publisher.send(topic, line_payload(source, line))

    # -- control -----------------------------------------------------------------------------------------------

    def _receive(self, incoming: Incoming) -> None:
        self._dispatcher.receive(incoming)

    def _send(self, incoming: Incoming, body: bytes) -> None:
        self._control.reply(incoming.route, body)

    def _adopt(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it as one of our tasks; nobody waits for it but the end."""
        _ = self._spawn(work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        task = self._tasks.create_task(_guarded(work))
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
        self._running_work.add(task)
        task.add_done_callback(self._running_work.discard)
        return task

    # -- what is told about us ---------------------------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        """Version, pid, endpoints, uptime."""
        options = self.blueprint.options
        return {
            "version": self._version,
            "pid": os.getpid(),
            "name": self.fqdn,
            "proc_name": options.proc_name,
            "uptime": round(monotonic() - self._started_at, 3),
            "endpoint": self._control.bound,
            "pubsub_endpoint": self._publisher.bound,
            "stats_endpoint": (options.stats_endpoint or DEFAULT_STATS_ENDPOINT) if options.statsd else None,
            **self._front.curve_endpoints,
        }

    @property
    def fqdn(self) -> str:
        """Our name among those of other machines."""
        prefix = self.blueprint.options.fqdn_prefix
        return stdlib_socket.gethostname() if prefix is None else f"{prefix}@{stdlib_socket.gethostname()}"

    def global_options(self) -> dict[str, Any]:
        """Options of the daemon, as `globaloptions` answers them."""
        options = self.blueprint.options
        return {
            "endpoint": options.endpoint,
            "stats_endpoint": options.stats_endpoint or DEFAULT_STATS_ENDPOINT,
            "pubsub_endpoint": options.pubsub_endpoint,
            "check_delay": options.check_delay,
            "multicast_endpoint": options.multicast_endpoint,
        }

    def reopen_own_logs(self) -> None:
        """Open our own log files anew, after an external rotation."""
        for handler in logging.getLogger("circus").handlers:
            if isinstance(handler, logging.FileHandler):
                handler.close()  # it opens itself again with the next record
