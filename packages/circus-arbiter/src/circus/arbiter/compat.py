"""`Arbiter`, `ThreadedArbiter` and `get_arbiter`: the front door for programs that embed us, as they know it.

A thin adapter: an `Arbiter` is a description until it is started; then it makes a `Blueprint`, runs an `Engine` on a loop of
its own, on the caller's, or in a thread, and passes calls on to it from wherever they come. Nothing inside bends to it.

What belongs to the embedding program is left alone: its children are not reaped, nothing process-wide is changed but, while a
blocking `start` runs in the main thread, the handlers of TERM, INT, QUIT and HUP, which are put back afterwards.
"""

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import zmq

from circus.arbiter import adapt
from circus.arbiter.build import Blueprint, helper_sockets, helper_watchers
from circus.arbiter.engine import Engine
from circus.arbiter.entry import Entry, turns_to_start
from circus.arbiter.errors import ArbiterError
from circus.arbiter.loop import LoopAdapter, unwrap
from circus.arbiter.roster import by_priority
from circus.arbiter.signals import SignalDesk
from circus.config import read_config
from circus.exc import AlreadyExist
from circus.process import descriptors
from circus.process.spawn import LocalSpawner
from circus.protocol.endpoints import DEFAULT_ENDPOINT, DEFAULT_PUBSUB_ENDPOINT, DEFAULT_STATS_ENDPOINT
from circus.protocol.options import ArbiterOptions, PluginOptions
from circus.sockets import CircusSocket, CircusSockets
from circus.watcher import Watcher
from circus.watcher import commands as tell
from circus.watcher.runner import WatcherRunner

__all__ = ["Arbiter", "ThreadedArbiter", "get_arbiter"]

log = logging.getLogger("circus.arbiter")

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_STOP_DEADLINE = 3600.0


class _Controller:
    """What programs reach for as ``arbiter.ctrl``: its loop, its endpoint."""

    def __init__(self, arbiter: "Arbiter") -> None:
        self._arbiter = arbiter
        self.loop: Any = None
        self.caller: Any = None

    @property
    def endpoint(self) -> str:
        """Where commands are received."""
        return self._arbiter.endpoint

    @property
    def endpoint_owner_mode(self) -> bool:
        """Whether somebody beside our own user and root may command."""
        return self._arbiter.endpoint_owner is not None


class Arbiter:
    """Runs watchers and sockets, answers commands, publishes events.

    Args:
        watchers: `circus.watcher.Watcher` objects; they may be changed until `start`.
        endpoint: where commands are received.
        pubsub_endpoint: where events are published.
        check_delay: accepted for compatibility; nothing waits for it.
        prereload_fn: called with this arbiter before each reload of everything.
        context: a ZeroMQ context of the caller's.
        loop: an event loop of the caller's (asyncio's, or tornado's); then `start` returns at once with something to wait for.
        statsd: run circusd-stats.
        stats_endpoint: where statistics are published.
        statsd_close_outputs: its output goes to /dev/null.
        multicast_endpoint: ``udp://`` address at which discovery is answered; None: not at all.
        plugins: mappings with ``use`` and the plugin's own options.
        sockets: `circus.sockets.CircusSocket` objects.
        warmup_delay: seconds between the starts of two watchers.
        httpd: run circushttpd.
        httpd_host: its address.
        httpd_port: its port.
        httpd_close_outputs: its output goes to /dev/null.
        debug: log more; helpers show their output.
        debug_gc: let the garbage collector report leaks.
        ssh_server: through which helpers reach us.
        proc_name: our name in reports.
        pidfile: kept for the caller; see `circus.pidfile`.
        loglevel: for helpers.
        logoutput: for helpers.
        loggerconfig: kept for the caller; see `circus.util.configure_logger`.
        fqdn_prefix: prefix of our name among those of other machines.
        umask: file mode creation mask, set at `start`.
        endpoint_owner: a user who may command, beside our own and root.
        more: further options of ``[circus]``.
    """

    def __init__(
        self,
        watchers: Iterable[Watcher],
        endpoint: str = DEFAULT_ENDPOINT,
        pubsub_endpoint: str = DEFAULT_PUBSUB_ENDPOINT,
        check_delay: float = 1.0,
        prereload_fn: Callable[["Arbiter"], Any] | None = None,
        context: Any = None,
        loop: Any = None,
        statsd: bool = False,
        stats_endpoint: str | None = None,
        statsd_close_outputs: bool = False,
        multicast_endpoint: str | None = None,
        plugins: Iterable[Mapping[str, Any]] | None = None,
        sockets: Iterable[CircusSocket] | None = None,
        warmup_delay: float = 0,
        httpd: bool = False,
        httpd_host: str = "localhost",
        httpd_port: int = 8080,
        httpd_close_outputs: bool = False,
        debug: bool = False,
        debug_gc: bool = False,
        ssh_server: str | None = None,
        proc_name: str = "circusd",
        pidfile: str | None = None,
        loglevel: str | None = None,
        logoutput: str | None = None,
        loggerconfig: Any = None,
        fqdn_prefix: str | None = None,
        umask: int | str | None = None,
        endpoint_owner: str | None = None,
        **more: Any,
    ) -> None:
        self._watchers = list(watchers)
        self._more = more
        self.endpoint = endpoint
        self.pubsub_endpoint = pubsub_endpoint
        self.check_delay = check_delay
        self.prereload_fn = prereload_fn
        self.context: zmq.Context[zmq.Socket[bytes]] | None = context
        self.statsd = statsd
        self.stats_endpoint = stats_endpoint
        self.statsd_close_outputs = statsd_close_outputs
        self.multicast_endpoint = multicast_endpoint
        self.plugins = [dict(plugin) for plugin in plugins or ()]
        self.sockets = sockets if isinstance(sockets, CircusSockets) else adapt.named(sockets or ())
        self.warmup_delay = warmup_delay
        self.httpd = httpd
        self.httpd_host = httpd_host
        self.httpd_port = httpd_port
        self.httpd_close_outputs = httpd_close_outputs
        self.debug = debug
        self.debug_gc = debug_gc
        self.ssh_server = ssh_server
        self.proc_name = proc_name
        self.pidfile = pidfile
        self.loglevel = loglevel
        self.logoutput = logoutput
        self.loggerconfig = loggerconfig
        self.fqdn_prefix = fqdn_prefix
        self.umask = umask
        self.endpoint_owner = endpoint_owner
        self.config_file: str | None = None
        self.pid = os.getpid()
        self.loop: Any = None
        self.ctrl = _Controller(self)
        self._provided_loop = loop is not None
        self._restarting = False
        self._engine: Engine | None = None
        self._starting = self._stop_early = False
        self._life = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._handles: dict[str, tuple[WatcherRunner, Watcher]] = {}
        if loop is not None:
            self.loop = loop
            self.ctrl.loop = loop

    @classmethod
    def load_from_config(cls, config_file: str, loop: Any = None) -> "Arbiter":
        """An arbiter as a configuration file describes it.

        Raises:
            ConfigError: it cannot be run, with everything that is wrong.
        """
        config = read_config(config_file)
        arbiter = cls(
            [Watcher(watcher.name, **dict(watcher.options)) for watcher in config.watchers],
            plugins=[{"name": plugin.name, **dict(plugin.options)} for plugin in config.plugins],
            sockets=[adapt.socket(spec) for spec in config.socket_specs],
            loop=loop,
            **adapt.keywords(config.arbiter),
        )
        arbiter.config_file = os.path.abspath(config_file)
        return arbiter

    @classmethod
    def of(cls, engine: Engine, loop: asyncio.AbstractEventLoop) -> "Arbiter":
        """A handle for an engine that runs already, on that loop."""
        blueprint = engine.blueprint
        arbiter = cls((), **adapt.keywords(blueprint.options))
        arbiter.config_file = blueprint.path
        arbiter.loop = arbiter.ctrl.loop = LoopAdapter(loop)
        arbiter._engine = engine
        return arbiter

    # -- starting ----------------------------------------------------------------------------------------------

    def start(self, cb: Callable[[Any], Any] | None = None) -> Any:
        """Run.

        Without a loop of the caller's this blocks until `stop` (from a signal, a command, another thread) has stopped
        everything, and returns a finished future. With one, it returns a future that is done when all watchers were
        started; the caller runs the loop.

        Args:
            cb: called with a finished future when all watchers were started.

        Raises:
            EndpointError, BindError: an address cannot be had; nothing was started.
            Exit: a watcher with ``on_failure = "shutdown"`` failed.
        """
        self._starting = True
        if self._provided_loop:
            return self._start_on(unwrap(self.loop), cb)
        done: concurrent.futures.Future[bool] = concurrent.futures.Future()
        with asyncio.Runner() as runner:
            self.loop = self.ctrl.loop = LoopAdapter(runner.get_loop())
            with contextlib.suppress(KeyboardInterrupt):
                runner.run(self._run(cb, handle_signals=True))
        done.set_result(self._restarting)
        return done

    def _start_on(
        self, loop: asyncio.AbstractEventLoop, cb: Callable[[Any], Any] | None
    ) -> "asyncio.Future[bool]":
        started: asyncio.Future[bool] = loop.create_future()

        def is_started(result: Any) -> None:
            if not started.done():
                started.set_result(self._restarting)
            if cb is not None:
                cb(result)

        def has_ended(task: "asyncio.Task[None]") -> None:
            self._task = None
            error = None if task.cancelled() else task.exception()
            if not started.done():
                started.set_exception(error or ArbiterError("the arbiter was stopped before all was started"))
            elif error is not None:
                log.error("the arbiter failed", exc_info=error)

        # The caller's loop is the parent: there is no other scope that lives as long as this arbiter.
        self._task = loop.create_task(self._run(is_started, handle_signals=False))
        self._task.add_done_callback(has_ended)
        return started

    async def _run(self, cb: Callable[[Any], Any] | None, *, handle_signals: bool) -> None:
        try:
            await self._run_engine(cb, handle_signals=handle_signals)
        finally:
            with self._life:
                self._engine = None
                self._starting = self._stop_early = False
            for _, watcher in self._handles.values():
                watcher.detach()

    async def _run_engine(self, cb: Callable[[Any], Any] | None, *, handle_signals: bool) -> None:
        if self.debug_gc:
            gc.set_debug(gc.DEBUG_LEAK)
        if self.umask is not None:
            os.umask(int(self.umask, 8) if isinstance(self.umask, str) else self.umask)
        self._restarting = False
        spawner = LocalSpawner()
        # The program's limit stays as it is; at the last descriptor libzmq would end the program.
        spawner.keep_free(descriptors.kept_from_spawns)
        engine = Engine(
            self._blueprint(),
            spawner=spawner,
            context=self.context,
            facade=self.hook_keywords,
            bound=self._bind(),
            before_reload=None if self.prereload_fn is None else self._before_reload,
        )
        with self._life:
            self._engine = engine
            if self._stop_early:
                engine.request_stop("stop() while it was starting")

        def started() -> None:
            if cb is not None:
                future: concurrent.futures.Future[None] = concurrent.futures.Future()
                future.set_result(None)
                cb(future)

        with _signals(engine) if handle_signals else contextlib.nullcontext():
            await engine.run(started=started)

    def _before_reload(self) -> None:
        assert self.prereload_fn is not None
        self.prereload_fn(self)

    def _bind(self) -> list[Any]:
        """The sockets as the caller made them, bound and handed over."""
        bound: list[Any] = []
        for sock in self.sockets.values():
            if sock.bound is None:
                sock.bind_and_listen()
            bound.append(sock.bound)
        return bound

    def _blueprint(self) -> Blueprint:
        options = ArbiterOptions.model_validate(
            {
                **self._more,
                "endpoint": self.endpoint,
                "pubsub_endpoint": self.pubsub_endpoint,
                "check_delay": self.check_delay,
                "statsd": self.statsd,
                "stats_endpoint": self.stats_endpoint,
                "statsd_close_outputs": self.statsd_close_outputs,
                "multicast_endpoint": self.multicast_endpoint,
                "warmup_delay": self.warmup_delay,
                "httpd": self.httpd,
                "httpd_host": self.httpd_host,
                "httpd_port": self.httpd_port,
                "httpd_close_outputs": self.httpd_close_outputs,
                "debug": self.debug,
                "ssh_server": self.ssh_server,
                "proc_name": self.proc_name,
                "loglevel": self.loglevel,
                "logoutput": self.logoutput,
                "fqdn_prefix": self.fqdn_prefix,
                "endpoint_owner": self.endpoint_owner,
            }
        )
        plugins = [
            (str(plugin.get("name", plugin["use"])), PluginOptions.model_validate(adapt.without_name(plugin)))
            for plugin in self.plugins
        ]
        helpers = helper_watchers(options, plugins)
        return Blueprint(
            options=options,
            watchers=(*(watcher.spec() for watcher in self._watchers), *helpers),
            sockets=helper_sockets(options),
            helpers=frozenset(spec.name.lower() for spec in helpers),
            config=None if self.config_file is None else read_config(self.config_file),
            path=self.config_file,
        )

    def hook_keywords(self, entry: Entry) -> dict[str, Any]:
        """What the hooks of a watcher are given."""
        return {"watcher": self._watcher_of(entry), "arbiter": self}

    def _watcher_of(self, entry: Entry) -> Watcher:
        """The object that stands for a watcher: the caller's own, or one that is made with the first look."""
        key = entry.name.lower()
        runner, watcher = self._handles.get(key, (None, None))
        if watcher is None or runner is not entry.runner:  # there may have been another one of that name
            known = next((one for one in self._watchers if one.name.lower() == key), None)
            watcher = known if known is not None else Watcher.of(entry.runner)
            watcher.attach(entry.runner, self)
            self._handles[key] = entry.runner, watcher
        return watcher

    # -- stopping ----------------------------------------------------------------------------------------------

    def stop(self) -> Any:
        """Stop everything; from anywhere, at any time, any number of times.

        Returns:
            Something to wait for: on the arbiter's own loop an asyncio future, elsewhere one of `concurrent.futures`. It is
            done when all workers are gone.
        """
        with self._life:
            engine = self._engine
            self._stop_early = engine is None and self._starting
        if engine is None:
            return _finished()

        async def work() -> None:
            engine.request_stop("stop()")
            await engine.watchers_gone()

        return self.pass_on(work())

    async def _emergency_stop(self) -> None:
        """Stop without grace; for whoever has to end at once."""
        engine = self._engine
        if engine is not None:
            engine.request_stop_at_once("emergency")
            await engine.watchers_gone()

    @property
    def running(self) -> bool:
        """Whether it is started and not stopped."""
        return self._engine is not None and not self._engine.stopping

    # -- passing on --------------------------------------------------------------------------------------------

    def pass_on(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it on the arbiter's loop; see `stop` for what comes back."""
        loop = unwrap(self.loop)
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            return _as_task(loop, work)
        if loop.is_running():
            return asyncio.run_coroutine_threadsafe(work, loop)
        return _as_task(loop, work)

    def _running(self) -> Engine:
        if self._engine is None:
            raise ArbiterError("the arbiter does not run")
        return self._engine

    def _told(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.pass_on(work)

    def start_watchers(self, watcher_iter_func: Callable[..., Iterable[Watcher]] | None = None) -> Any:
        """Start all watchers that start by themselves, or those that a function gives."""
        engine = self._running()
        if watcher_iter_func is None:
            entries = by_priority(entry for entry in engine.roster if entry.autostart)
        else:
            entries = [engine.roster.get(watcher.name) for watcher in watcher_iter_func()]
        return self._told(engine.start_watchers(turns_to_start(entries)))

    def stop_watchers(self, watcher_iter_func: Callable[..., Iterable[Watcher]] | None = None) -> Any:
        """Stop all watchers, or those that a function gives."""
        engine = self._running()
        if watcher_iter_func is None:
            entries = list(engine.roster)
        else:
            entries = [engine.roster.get(watcher.name) for watcher in watcher_iter_func(reverse=False)]
        return self._told(engine.stop_watchers(entries))

    def reload(self, graceful: bool = True, sequential: bool = False) -> Any:
        """Reload all watchers."""
        engine = self._running()
        return self._told(engine.reload_all(tell.Reload(graceful, sequential), list(engine.roster)))

    def restart(
        self, inside_circusd: bool = False, watcher_iter_func: Callable[..., Iterable[Watcher]] | None = None
    ) -> Any:
        """Restart everything, or those watchers that a function gives. Endpoints and sockets stay open."""
        engine = self._running()
        if watcher_iter_func is None or inside_circusd:
            return self._told(engine.restart_everything(list(engine.roster)))
        entries = [engine.roster.get(watcher.name) for watcher in watcher_iter_func()]
        return self._told(engine.tell(entries, tell.Restart()))

    def reload_from_config(self, config_file: str | None = None, inside_circusd: bool = False) -> Any:
        """Read the configuration again and apply what differs."""
        del inside_circusd  # nothing has to be restarted from outside
        if config_file is not None:
            self.config_file = config_file
        return self._told(self._running().reload_configuration())

    # -- watchers ----------------------------------------------------------------------------------------------

    @property
    def watchers(self) -> list[Watcher]:
        """All watchers; before the start a list that may be changed."""
        if self._engine is None:
            return self._watchers
        return [self._watcher_of(entry) for entry in self._engine.roster]

    def iter_watchers(self, reverse: bool = True) -> list[Watcher]:
        """All watchers by priority, the highest first."""
        return sorted(self.watchers, key=lambda watcher: watcher.priority, reverse=reverse)

    def get_watcher(self, name: str) -> Watcher:
        """The watcher of a name, in any case.

        Raises:
            KeyError: there is none.
        """
        for watcher in self.watchers:
            if watcher.name.lower() == name.lower():
                return watcher
        raise KeyError(name.lower())

    def add_watcher(self, name: str, cmd: str, **options: Any) -> Watcher:
        """Add a watcher, stopped.

        Raises:
            AlreadyExist: there is one of that name.
        """
        if any(watcher.name.lower() == name.lower() for watcher in self.watchers):
            raise AlreadyExist(f"{name!r} already exist")
        watcher = Watcher(name, cmd, **options)
        self._watchers.append(watcher)
        if self._engine is not None:
            self._engine.add(watcher.spec())
        return watcher

    def rm_watcher(self, name: str, nostop: bool = False) -> Any:
        """Remove a watcher, and stop it unless told not to."""
        watcher = self.get_watcher(name)
        if watcher in self._watchers:
            self._watchers.remove(watcher)
        if self._engine is None:
            return _finished()
        entry = self._engine.take_out(name)
        return self._told(self._engine.dismiss(entry, leave_running=nostop))

    def numprocesses(self) -> int:
        """How many workers run."""
        return sum(len(watcher) for watcher in self.watchers)

    def numwatchers(self) -> int:
        """How many watchers there are."""
        return len(self.watchers)

    def statuses(self) -> dict[str, str]:
        """The state of each watcher by name."""
        return {watcher.name: watcher.status() for watcher in self.watchers}

    def get_socket(self, name: str) -> CircusSocket | None:
        """A socket by name."""
        return self.sockets.get(name, None)

    @property
    def fqdn(self) -> str:
        """Our name among those of other machines."""
        import socket  # noqa: PLC0415

        host = socket.gethostname()
        return host if self.fqdn_prefix is None else f"{self.fqdn_prefix}@{host}"

    @property
    def endpoint_owner_mode(self) -> bool:
        """Whether somebody beside our own user and root may command."""
        return self.endpoint_owner is not None

    def _ensure_ioloop(self) -> None:
        """Make a loop if there is none; for programs that start the arbiter in a thread of their own."""
        if self.loop is None:
            self.loop = self.ctrl.loop = LoopAdapter(asyncio.new_event_loop())

    def initialize(self) -> None:
        """Kept for programs that call it: all is done by `start`."""


class ThreadedArbiter(threading.Thread, Arbiter):
    """An arbiter that runs in a thread of its own: `start` returns at once, `stop` waits for its end."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        threading.Thread.__init__(self, name="circus-arbiter")
        Arbiter.__init__(self, *args, **keywords)

    def start(self, cb: Callable[[Any], Any] | None = None) -> None:
        """Start the thread."""
        self._cb = cb
        self._starting = True
        threading.Thread.start(self)

    def run(self) -> Any:
        """What the thread does."""
        return Arbiter.start(self, getattr(self, "_cb", None))

    def stop(self) -> Any:
        """Stop everything and, unless called from the thread itself, wait for its end."""
        told = Arbiter.stop(self)
        if threading.get_ident() != self.ident and self.is_alive():
            self.join()
        return told


def get_arbiter(
    watchers: str | Sequence[Mapping[str, Any]],
    controller: str | int | None = None,
    pubsub_endpoint: str | None = None,
    statsd: bool = False,
    stats_endpoint: str | None = None,
    statsd_close_outputs: bool = False,
    multicast_endpoint: str | None = None,
    env: Mapping[str, str] | None = None,
    name: str | None = None,
    context: Any = None,
    background: bool = False,
    stream_backend: str = "thread",
    httpd: bool = False,
    plugins: Iterable[Mapping[str, Any]] | None = None,
    debug: bool = False,
    proc_name: str = "circusd",
    loop: Any = None,
    check_delay: float = 1.0,
    numprocesses: int = 1,
    **more: Any,
) -> Arbiter:
    """An arbiter in one call.

    >>> arbiter = get_arbiter("sleep 1000", 4)
    >>> arbiter.numwatchers()
    1

    Args:
        watchers: a command, with the number of processes as second argument; or mappings with ``cmd`` and any other
            options of a watcher. Without a ``name`` it is that of the program.
        controller: where commands are received; or, with a command, the number of processes.
        pubsub_endpoint: where events are published.
        statsd: run circusd-stats.
        stats_endpoint: where statistics are published; asks for circusd-stats, too.
        statsd_close_outputs: its output goes to /dev/null.
        multicast_endpoint: at which discovery is answered; None: not at all.
        env: environment of watchers that have none of their own.
        name: name of the watcher, with a command.
        context: a ZeroMQ context of the caller's.
        background: run in a thread: `ThreadedArbiter`.
        stream_backend: of no meaning any more.
        httpd: run circushttpd.
        plugins: mappings with ``use`` and the plugin's own options.
        debug: log more.
        proc_name: our name in reports.
        loop: an event loop of the caller's.
        check_delay: of no meaning any more.
        numprocesses: with a command, how many processes; the second argument may say it, too.
        more: further arguments of `Arbiter`.
    """
    del stream_backend  # output needs no backend any more
    if isinstance(controller, int):
        numprocesses, controller = controller, None
    if isinstance(watchers, str):
        named = {} if name is None else {"name": name}
        watchers = [{"cmd": watchers, "numprocesses": numprocesses, **named}]
    made: list[Watcher] = []
    for given in watchers:
        options = dict(given)
        options.pop("stream_backend", None)
        options.setdefault("name", adapt.program(options["cmd"]))
        if env is not None:
            options.setdefault("env", dict(env))
        made.append(Watcher.load_from_config(options))
    kind = ThreadedArbiter if background else Arbiter
    return kind(
        made,
        controller if controller is not None else DEFAULT_ENDPOINT,
        pubsub_endpoint if pubsub_endpoint is not None else DEFAULT_PUBSUB_ENDPOINT,
        statsd=statsd or stats_endpoint is not None,
        stats_endpoint=stats_endpoint if stats_endpoint is not None or not statsd else DEFAULT_STATS_ENDPOINT,
        statsd_close_outputs=statsd_close_outputs,
        multicast_endpoint=multicast_endpoint,
        context=context,
        httpd=httpd,
        plugins=plugins,
        debug=debug,
        proc_name=proc_name,
        loop=loop,
        check_delay=check_delay,
        **more,
    )


def _finished(result: Any = None) -> "concurrent.futures.Future[Any]":
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    future.set_result(result)
    return future


_TASKS: set["asyncio.Task[Any]"] = set()


def _as_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """The caller may wait for it or forget it; it is kept until it is done."""
    task = loop.create_task(work)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
    return task


@contextlib.contextmanager
def _signals(engine: Engine) -> Generator[None]:
    """Let signals stop and reload the engine meanwhile, if this is the main thread; put everything back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    desk = SignalDesk(
        {
            **{number: partial(engine.request_stop, number.name) for number in _SIGNALS},
            signal.SIGHUP: partial(engine.request_reload, "SIGHUP"),
        }
    )
    desk.install()
    try:
        yield
    finally:
        desk.restore()
