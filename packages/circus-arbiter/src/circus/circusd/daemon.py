"""circusd itself: a configuration, a pid file, signals, a log, and an engine that runs. The shell around the arbiter.

Theory: what can be refused is refused while somebody still looks: the configuration is read before going into the background,
and the parent of ``--daemon`` returns only when commands are answered. Signals are wishes that the engine remembers from its
first moment on: TERM, INT and QUIT stop, a second INT stops without grace, HUP reloads, whatever else is going on.

Illegal states: a second daemon on one pid file; a daemon that says nothing when it could not start.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import final

from circus import __version__
from circus.arbiter.build import Blueprint, from_config
from circus.arbiter.engine import Engine, Exit
from circus.arbiter.errors import ArbiterError
from circus.arbiter.hookside import HookObjects
from circus.arbiter.signals import SignalDesk
from circus.circusd import cli
from circus.circusd.background import fork_and_wait_until_ready
from circus.circusd.conflict import find_conflicting_distribution
from circus.circusd.doors import with_doors
from circus.circusd.notify import notify
from circus.circusd.orphans import OrphanDuty
from circus.circusd.rundir import local_endpoint, run_directory
from circus.config import Config, ConfigError, Severity, check
from circus.pidfile import Pidfile, PidfileError
from circus.process import descriptors
from circus.process.spawn import LocalSpawner
from circus.process.subreaper import become_subreaper
from circus.protocol.options import ArbiterOptions
from circus.sockets import BindError, take_listen_fds
from circus.util import configure_logger
from circus.watcher.spec import WatcherError

__all__ = ["main"]

log = logging.getLogger("circus")

Told = Callable[[str | None], None]

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class _StartError(Exception):
    """Why circusd could not start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run circusd; the entry point of the command.

    Returns:
        An exit code: see `circus.circusd.cli`.
    """
    conflict = find_conflicting_distribution()
    if conflict is not None:
        return _fail(conflict)
    arguments = cli.parse(argv)
    if arguments.version:
        sys.stdout.write(f"{__version__}\n")
        return cli.EXIT_OK
    assert arguments.config is not None
    report = check(arguments.config)
    if arguments.check:
        report = with_doors(report, arguments.config, os.environ)
        sys.stdout.write(f"{report.render()}\n")
        return cli.EXIT_OK if report.ok else cli.EXIT_FAILED
    if report.config is None:
        return _fail(report.render())
    warnings = [str(problem) for problem in report.problems if problem.severity is Severity.WARNING]
    tell: Told = fork_and_wait_until_ready() if arguments.daemon else _tell_terminal
    try:
        return _Daemon(arguments, report.config, tell).run(warnings)
    except _StartError as error:
        tell(str(error))
        return cli.EXIT_FAILED
    except BaseException as error:
        if arguments.daemon:
            with suppress(OSError):
                tell(f"circusd failed: {type(error).__name__}: {error}")
        raise


def _fail(text: str) -> int:
    sys.stderr.write(f"circusd: {text}\n")
    return cli.EXIT_FAILED


def _tell_terminal(failure: str | None) -> None:
    if failure is not None:
        _fail(failure)


def _effective(options: ArbiterOptions, arguments: cli.Arguments) -> ArbiterOptions:
    """The command line wins over the file."""
    given = {
        "loglevel": arguments.log_level,
        "logoutput": arguments.log_output,
        "loggerconfig": arguments.logger_config,
        "pidfile": arguments.pidfile,
    }
    return options.model_copy(update={name: value for name, value in given.items() if value is not None})


@final
class _Daemon:
    """One run of circusd."""

    def __init__(self, arguments: cli.Arguments, config: Config, tell: Told) -> None:
        self._options = _effective(config.arbiter, arguments)
        self._config = replace(config, arbiter=self._options)
        self._path = os.path.abspath(str(arguments.config))
        self._tell = tell

    def run(self, warnings: Sequence[str]) -> int:
        if self._options.umask is not None:
            os.umask(self._options.umask)
        self._configure_log()
        if self._options.debug_gc:
            gc.set_debug(gc.DEBUG_LEAK)
        for warning in warnings:
            log.warning("%s", warning)
        pidfile = self._take_pidfile()
        try:
            return self._run_engine(self._blueprint())
        finally:
            if pidfile is not None:
                pidfile.unlink()

    def _configure_log(self) -> None:
        options = self._options
        try:
            configure_logger(
                log,
                level=options.loglevel or ("debug" if options.debug else "info"),
                output=options.logoutput or "-",
                loggerconfig=options.loggerconfig,
            )
        except (OSError, ValueError) as error:
            raise _StartError(f"cannot set up the log: {error}") from error

    def _take_pidfile(self) -> Pidfile | None:
        if not self._options.pidfile:
            return None
        pidfile = Pidfile(self._options.pidfile)
        try:
            pidfile.create(os.getpid())
        except PidfileError as error:
            raise _StartError(str(error)) from error
        return pidfile

    def _blueprint(self) -> Blueprint:
        try:
            return from_config(self._config, self._path, local_endpoint=self._local_endpoint())
        except (WatcherError, ConfigError, ValueError) as error:
            raise _StartError(str(error)) from error

    def _local_endpoint(self) -> str | None:
        try:
            folder = run_directory(os.environ, uid=os.getuid())
            return local_endpoint(folder, uid=os.getuid(), pid=os.getpid())
        except OSError as error:
            log.info("circusctl has to be told where we are, since there is no run directory: %s", error)
            return None

    def _run_engine(self, blueprint: Blueprint) -> int:
        try:
            asyncio.run(self._serve(blueprint), debug=False)
        except (ArbiterError, BindError) as error:
            raise _StartError(str(error)) from error
        except Exit as error:
            log.critical("circusd ends: %s", error)
            return cli.EXIT_WATCHER_FAILED
        return cli.EXIT_OK

    async def _serve(self, blueprint: Blueprint) -> None:
        spawner = LocalSpawner()
        spawner.raise_nofile()
        spawner.keep_free(descriptors.kept_from_spawns)
        if become_subreaper():
            spawner.forest.gather()
        hooks = HookObjects()
        engine = Engine(
            blueprint,
            spawner=spawner,
            facade=hooks.of,
            version=__version__,
            received=take_listen_fds(os.environ),
        )
        hooks.attach(engine)
        orphans = OrphanDuty(spawner.forest)
        signals = SignalDesk(_Meanings(engine, orphans).table)
        signals.install()
        gc.freeze()  # what start-up has made is not looked through again and again
        gc.enable()
        log.info("circusd %s starts on pid %s", __version__, os.getpid())
        try:
            await engine.run(ready=self._say_ready, ending=_say_that_we_end)
        finally:
            signals.restore()
            for number in _ENDING:  # it ends already: what comes now must not make of that a death by signal
                signal.signal(number, signal.SIG_IGN)
            orphans.end()
            if left := await engine.watchers_gone():
                log.error("left behind, for SIGKILL did not end them: pids %s", ", ".join(map(str, left)))
            log.info("circusd has stopped")

    def _say_ready(self) -> None:
        log.info("circusd waits for commands at %s", self._options.endpoint)
        notify(f"READY=1\nMAINPID={os.getpid()}")
        self._tell(None)


def _say_that_we_end() -> None:
    notify("STOPPING=1")  # at the beginning of the end, as sd_notify(3) has it


@final
class _Meanings:
    """What the process's signals mean, while the engine runs."""

    def __init__(self, engine: Engine, orphans: OrphanDuty) -> None:
        self._engine = engine
        self._interrupts = 0
        self.table: dict[int, Callable[[], None]] = {
            signal.SIGTERM: lambda: engine.request_stop("SIGTERM"),
            signal.SIGQUIT: lambda: engine.request_stop("SIGQUIT"),
            signal.SIGINT: self._interrupt,
            signal.SIGHUP: lambda: engine.request_reload("SIGHUP"),
            signal.SIGCHLD: orphans.child_ended,
        }

    def _interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self._engine.request_stop("SIGINT; once more to give no grace")
        else:
            self._engine.request_stop_at_once("SIGINT again")
