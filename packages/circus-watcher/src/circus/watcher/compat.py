"""`Watcher`: a watcher as one mutable object, for programs that embed one, and for those written for the reference.

Theory. It is a description that may be changed until it is started (its attributes are its options, by the reference's names), and
a handle afterwards. A start makes the frozen spec of what the attributes say then. Nothing inside knows of it: an arbiter attaches
its own runner, and alone it makes one, on the caller's event loop (``async with``) or on a loop in a thread of its own (``with``).

Methods that do something return something to wait for: on the watcher's loop an asyncio future, elsewhere their result itself.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self, final

from circus.process.clock import wall
from circus.process.exits import ExitStatus
from circus.protocol.options import WatcherOptions, nest
from circus.stream import OutputHub
from circus.watcher import commands
from circus.watcher.commands import Command, Outcome
from circus.watcher.events import Event
from circus.watcher.output import HubOutput
from circus.watcher.runner import WatcherRunner
from circus.watcher.spec import WatcherError, WatcherSpec

__all__ = ["Watcher", "WorkerProcess"]

# The order of the reference's positional parameters, after the name and the command.
_POSITIONS = (
    "args", "numprocesses", "warmup_delay", "working_dir", "shell", "shell_args", "uid", "max_retry", "gid", "send_hup",
    "stop_signal", "stop_children", "env", "graceful_timeout", "prereload_fn", "rlimits", "executable", "stdout_stream",
    "stderr_stream", "priority", "loop", "singleton", "use_sockets", "copy_env", "copy_path", "max_age",
    "max_age_variance", "hooks", "respawn", "autostart", "on_demand", "virtualenv", "stdin_socket", "close_child_stdin",
    "close_child_stdout", "close_child_stderr", "virtualenv_py_ver",
)  # fmt: skip

_SHOWN = (
    "numprocesses", "warmup_delay", "working_dir", "uid", "gid", "send_hup", "stop_signal", "stop_children", "shell",
    "shell_args", "env", "max_retry", "cmd", "args", "respawn", "graceful_timeout", "executable", "use_sockets",
    "priority", "copy_env", "singleton", "stdout_stream_conf", "on_demand", "stderr_stream_conf", "max_age",
    "max_age_variance", "close_child_stdin", "close_child_stdout", "close_child_stderr",
)  # fmt: skip
"""What `options` shows, as the reference does, before the options that are not ours."""

_ATTRIBUTE = {"stdout_stream": "stdout_stream_conf", "stderr_stream": "stderr_stream_conf"}
_DEFAULTS: Mapping[str, Any] = {
    "env": None, "rlimits": None, "hooks": None, "stop_signal": signal.SIGTERM, **dict.fromkeys(_ATTRIBUTE)
}  # fmt: skip


@final
class WorkerProcess:
    """A worker, as the reference's users look at it."""

    def __init__(
        self, watcher: "Watcher", pid: int, wid: int, age: float, exit_status: ExitStatus | None
    ) -> None:
        self.watcher = watcher
        self.name = watcher.name
        self.pid = pid
        self.wid = wid
        self.started = wall() - age
        self.stopping = False
        self._age = age
        self._exit = exit_status

    def __repr__(self) -> str:
        return f"<{self.name}.{self.wid} pid {self.pid}>"

    def age(self) -> float:
        """Seconds since it was started, when this was made."""
        return self._age

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.pid in self.watcher.get_active_pids()

    def returncode(self) -> int | None:
        """Its exit code, or minus the signal; None while it runs."""
        return None if self._exit is None else self._exit.returncode

    def send_signal(self, signum: int) -> Any:
        """Send it a signal."""
        return self.watcher.send_signal(self.pid, signum)


class Watcher:
    """N processes of one command, kept alive.

    Args:
        name: how it is called.
        cmd: the command; ``$(circus.wid)`` and its like are replaced.
        positional: the further parameters of the reference, in its order: ``args``, ``numprocesses``, ....
        options: every option of `circus.protocol.options.WatcherOptions` by name; others are kept and can be read back.

    Each option is an attribute of that name and may be changed until the start (``stdout_stream`` and ``stderr_stream`` are
    ``stdout_stream_conf`` and ``stderr_stream_conf``). With ``copy_env`` the attribute ``env`` is the whole environment.

        async with Watcher("web", "python -m http.server 0", numprocesses=2) as web:
            await web.incr()

    Raises:
        ValueError: an option cannot be what it is; also at the start, for what was changed.
    """

    args: Any
    autostart: Any
    cmd: Any
    env: Any
    hooks: Any
    numprocesses: Any
    priority: Any
    singleton: Any
    stderr_stream_conf: Any
    stdout_stream_conf: Any
    use_sockets: Any
    working_dir: Any

    def __init__(self, name: str, cmd: str, *positional: Any, **options: Any) -> None:
        if len(positional) > len(_POSITIONS):
            raise TypeError(f"Watcher takes at most {len(_POSITIONS) + 2} positional arguments")
        options = {**dict(zip(_POSITIONS, positional, strict=False)), **nest(options)}
        self.prereload_fn: Callable[[Watcher], Any] | None = options.pop("prereload_fn", None)
        self.loop = options.pop("loop", None)
        self.name = name
        self.res_name = name.lower().replace(" ", "_")
        self.cmd = cmd
        self.arbiter: Any = None
        self._options = {
            key: options.pop(key) for key in list(options) if key not in WatcherOptions.model_fields
        }
        for field, info in WatcherOptions.model_fields.items():
            if field != "cmd":
                default = _DEFAULTS.get(field, info.get_default())
                setattr(self, _ATTRIBUTE.get(field, field), options.get(field, default))
        self._runner: WatcherRunner | None = None
        self._home: _Home | None = None
        self._env_is_whole = False
        checked = self.spec()
        if checked.options.copy_env:
            self.env = dict(checked.env)
            self._env_is_whole = True

    def __repr__(self) -> str:
        return f"<Watcher {self.name}: {self.status()}>"

    def __len__(self) -> int:
        return 0 if self._runner is None else len(self._runner.pids())

    @classmethod
    def load_from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make one of a mapping that holds ``name``, ``cmd`` and options."""
        options = dict(config)
        return cls(options.pop("name"), options.pop("cmd"), **options)

    @classmethod
    def of(cls, runner: WatcherRunner) -> Self:
        """A handle for a watcher that runs already."""
        options = runner.spec.options
        values = {
            key: getattr(options, key)
            for key in options.model_fields_set
            if key in WatcherOptions.model_fields
        }
        for field in _ATTRIBUTE:
            if field in values:
                values[field] = values[field].written
        made = cls(runner.name, values.pop("cmd", ""), **values, **options.unknown)
        made._runner = runner
        return made

    # -- description -------------------------------------------------------------------------------------------------------

    def spec(self) -> WatcherSpec:
        """What the attributes say now, frozen.

        Raises:
            ValueError: they cannot be.
        """
        values = {field: getattr(self, _ATTRIBUTE.get(field, field)) for field in WatcherOptions.model_fields}
        for field in _ATTRIBUTE:
            values[field] = values.get(field) or {}
        options = WatcherOptions.model_validate({**values, **self._options})
        # The attribute `env` holds what was copied already, and perhaps changed since.
        whole = dict(options.env) if self._env_is_whole else None
        return WatcherSpec.resolve(self.name, options, env=whole)

    @property
    def optnames(self) -> tuple[str, ...]:
        """The names of all options that `options` shows."""
        return (*_SHOWN, *self._options)

    def options(self, *_: Any) -> list[tuple[str, Any]]:
        """Every option and its value, by name; those of a running watcher are as they are now."""
        self._refresh()
        return [
            (name, self._options[name] if name in self._options else getattr(self, name))
            for name in sorted(self.optnames)
        ]

    def _refresh(self) -> None:
        if self._runner is not None:
            self.numprocesses = self._runner.spec.count

    # -- what is -----------------------------------------------------------------------------------------------------------

    def status(self) -> str:
        """The word to show: stopped, starting, active, stopping, backoff, failed."""
        return "stopped" if self._runner is None else self._runner.snapshot().status.value

    def is_active(self) -> bool:
        """Whether it is up."""
        return self.status() == "active"

    def is_stopped(self) -> bool:
        """Whether nothing of it runs."""
        return self.status() == "stopped"

    def is_stopping(self) -> bool:
        """Whether it is on its way down."""
        return self.status() == "stopping"

    @property
    def pids(self) -> list[int]:
        """The pids of its workers."""
        return [] if self._runner is None else list(self._runner.pids())

    def get_active_pids(self) -> list[int]:
        """The pids of its workers."""
        return self.pids

    @property
    def processes(self) -> dict[int, WorkerProcess]:
        """Its workers by pid, at this moment."""
        if self._runner is None:
            return {}
        return {
            view.pid: WorkerProcess(self, view.pid, view.wid, view.age or 0.0, None)
            for view in self._runner.workers()
            if view.pid is not None
        }

    def get_active_processes(self) -> list[WorkerProcess]:
        """Its workers."""
        return list(self.processes.values())

    def info(self, extended: bool = False) -> dict[int, Any]:  # noqa: ARG002 - the reference's signature
        """Readings of each worker by pid: memory, CPU, ...."""
        return {pid: self.process_info(pid) for pid in self.pids}

    def process_info(self, pid: int, extended: bool = False) -> Any:  # noqa: ARG002 - likewise
        """Readings of one worker."""
        from circus.process.facts import info  # noqa: PLC0415 - psutil is loaded where readings are asked for

        return info(int(pid))

    # -- doing -------------------------------------------------------------------------------------------------------------

    def start(self) -> Any:
        """Start; the result tells ``started`` and ``kept`` pids."""
        return self._ask(commands.Start(), lambda outcome: _pids(outcome, "started", "kept"))

    def stop(self) -> Any:
        """Stop."""
        return self._ask(commands.Stop(), lambda _: None)

    def restart(self) -> Any:
        """Stop and start."""
        return self._ask(commands.Restart(), lambda outcome: _pids(outcome, "stopped", "started", "kept"))

    def reload(self, graceful: bool = True, sequential: bool = False) -> Any:
        """Replace every worker."""
        if self.prereload_fn is not None:
            self.prereload_fn(self)
        command = commands.Reload(graceful=graceful, sequential=sequential)
        return self._ask(command, lambda outcome: _pids(outcome, "stopped", "started", "kept"))

    def incr(self, nb: int = 1) -> Any:
        """So many workers more; the result is their number."""
        return self._ask(commands.Scale(nb), _count)

    def decr(self, nb: int = 1) -> Any:
        """So many workers fewer; the result is their number."""
        return self._ask(commands.Scale(-nb), _count)

    def set_numprocesses(self, np: int) -> Any:
        """So many workers; the result is their number."""
        return self._ask(commands.SetCount(max(0, np)), _count)

    def send_signal(self, pid: int, signum: int) -> Any:
        """Signal one worker."""
        return self._ask(commands.SignalWorkers(signum=signum, pid=int(pid)), lambda _: None)

    def send_signal_child(self, pid: int, child_id: int, signum: int) -> Any:
        """Signal one descendant of a worker."""
        command = commands.SignalWorkers(signum=signum, pid=int(pid), childpid=int(child_id))
        return self._ask(command, lambda _: None)

    def send_signal_children(self, pid: int, signum: int, recursive: bool = False) -> Any:
        """Signal the children of a worker."""
        command = commands.SignalWorkers(signum=signum, pid=int(pid), children=True, recursive=recursive)
        return self._ask(command, lambda _: None)

    def kill_processes(self, stop_signal: int | None = None, graceful_timeout: float | None = None) -> Any:
        """End every worker; they are replaced."""
        command = commands.Kill(signum=stop_signal, graceful_timeout=graceful_timeout)
        return self._ask(command, lambda _: None)

    def notify_event(self, topic: str, msg: Mapping[str, Any]) -> None:
        """Publish something about this watcher, where an arbiter runs it."""
        publish = getattr(self.arbiter, "publish", None)
        if publish is not None:
            publish(self.name, topic, **msg)

    def call_hook(self, hook_name: str, **kwargs: Any) -> Any:
        """Call a hook on the watcher's own thread; the result is how its value counts."""
        return self._in_loop(self._running().call_hook(hook_name, **kwargs))

    # -- whose runner ------------------------------------------------------------------------------------------------------

    def attach(self, runner: WatcherRunner, arbiter: Any) -> None:
        """Be the handle of this runner, until `detach`."""
        self._runner, self.arbiter = runner, arbiter

    def detach(self) -> None:
        """Be a description again."""
        self._refresh()
        self._runner = None

    def _running(self) -> WatcherRunner:
        if self._runner is None:
            raise WatcherError(
                f"{self.name} is not running: use it in a with or async with block, or by an arbiter"
            )
        return self._runner

    def _ask(self, command: Command, shape: Callable[[Outcome], Any]) -> Any:
        runner = self._running()

        async def ask() -> Any:
            return shape(await runner.ask(command))

        return self._in_loop(ask())

    def _in_loop(self, work: Any) -> Any:
        if self._home is not None and self._home.thread is not None:
            return asyncio.run_coroutine_threadsafe(work, self._home.loop).result()
        if self.arbiter is not None:  # a hook calls this from a thread that is not its loop's
            return self.arbiter.pass_on(work)
        return asyncio.get_running_loop().create_task(work)

    def outcome(self, command: Command) -> Any:
        """Tell it any command (`circus.watcher.commands`); the result is its whole outcome."""
        return self._ask(command, lambda outcome: outcome)

    async def __aenter__(self) -> Self:
        self._home = _Home(asyncio.get_running_loop())
        await self._home.enter(self)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._home is not None
        home, self._home = self._home, None
        await home.leave(self)

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        self._home = _Home(loop)
        self._home.thread = threading.Thread(target=loop.run_forever, name=f"watcher {self.name}")
        self._home.thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._home.enter(self), loop).result()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        home, self._home = self._home, None
        assert home is not None
        assert home.thread is not None
        try:
            asyncio.run_coroutine_threadsafe(home.leave(self), home.loop).result()
        finally:
            home.loop.call_soon_threadsafe(home.loop.stop)
            home.thread.join()
            home.loop.close()

    def on_event(self, event: Event) -> None:
        """Told of each domain event where the watcher runs alone; for subclasses."""


@final
class _Home:
    """What a watcher needs that runs alone: a loop, a runner, a hub for its output."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread: threading.Thread | None = None
        self._group = asyncio.TaskGroup()
        self._hub: OutputHub | None = None
        self._runner: WatcherRunner | None = None

    async def enter(self, watcher: Watcher) -> None:
        """Make the runner and attach it."""
        from circus.process.spawn import LocalSpawner  # noqa: PLC0415 - only a watcher that runs alone forks by itself

        spec = watcher.spec()
        self._hub = OutputHub(call=self.loop.call_soon_threadsafe)
        runner = self._runner = WatcherRunner(
            spec,
            spawner=LocalSpawner(),
            output=HubOutput(spec, hub=self._hub),
            publish=watcher.on_event,
            hook_context={"watcher": watcher, "arbiter": None},
        )
        await self._group.__aenter__()
        self._group.create_task(runner.run(), name=f"watcher {watcher.name}")
        watcher.attach(runner, None)

    async def leave(self, watcher: Watcher) -> None:
        """Stop everything and let go."""
        if self._hub is None:
            return
        assert self._runner is not None
        await self._runner.ask(commands.Shutdown())
        await self._group.__aexit__(None, None, None)
        await self._hub.aclose()
        watcher.detach()


def _pids(outcome: Outcome, *names: str) -> dict[str, list[int]]:
    return {name: sorted(getattr(outcome, name)) for name in names}


def _count(outcome: Outcome) -> int:
    if "numprocesses" in outcome.failures:
        raise WatcherError(outcome.failures["numprocesses"])
    return outcome.count
