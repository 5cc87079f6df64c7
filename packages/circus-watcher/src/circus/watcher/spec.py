"""What a watcher runs, fully resolved and frozen: two equal specs run alike, so a reload is a comparison.

Theory. The options (`circus.protocol.options.WatcherOptions`) are what a user wrote; the spec adds what they leave open: the
whole environment, the number of CPUs, the numbers behind user and group names. It is made once, where a configuration is read;
`process_spec` then is pure and cheap, and where nothing in the command differs between workers it is expanded once for all.

Values of variables are literal: neither `env` nor what is copied from circusd's own environment is expanded or stripped here
(the ini reader expands ``$NAME`` where its format says so).
"""

import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, final

from circus.process import expand, identity
from circus.process.errors import SpawnError, Stage
from circus.process.spec import Identity, ProcessSpec, Stdio
from circus.protocol.options import Change, WatcherOptions, change_of
from circus.sockets import markers
from circus.watcher.machine import Rules
from circus.watcher.restart import Policy

__all__ = ["Difference", "GivenSockets", "WatcherError", "WatcherSpec"]

_STREAMS = frozenset({"stdout_stream", "stderr_stream"})


class WatcherError(ValueError):
    """A watcher cannot be as its options say; the text names the watcher, the option and the way out."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSockets:
    """What one worker gets of the daemon's sockets.

    Args:
        fds: descriptors to pass on under the same numbers.
        values: socket name in lower case to the text for ``$(circus.sockets.NAME)``.
        stdin: the descriptor that becomes its standard input, or None.
    """

    fds: tuple[int, ...] = ()
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stdin: int | None = None


_NO_SOCKETS = GivenSockets()


@final
@dataclass(frozen=True, slots=True)
class Difference:
    """How a spec differs from an earlier one.

    Args:
        options: the names of the options that differ, and ``env`` if the environment does.
        change: what it takes for the new one to hold; None where nothing differs.
    """

    options: tuple[str, ...]
    change: Change | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherSpec:
    """One watcher. Made by `resolve`.

    Args:
        name: as the user wrote it.
        options: as the user wrote them.
        env: the whole environment of its workers.
        count: how many workers to keep.
        identity: user and group in numbers; None where they could not be found, which the next spawn says.
        limits: resource name to (soft, hard).
        rules: of the restart policy and of stops.
    """

    name: str
    options: WatcherOptions
    env: Mapping[str, str]
    count: int
    identity: Identity | None
    limits: Mapping[str, tuple[int, int]]
    rules: Rules
    table: Mapping[str, str] = field(repr=False, compare=False)
    argv: tuple[str, ...] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def resolve(
        cls,
        name: str,
        options: WatcherOptions,
        *,
        environ: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Resolve options into a spec. Looks at the machine: CPUs, users, the virtual environment's folder.

        Args:
            name: of the watcher.
            options: of the watcher.
            environ: what ``copy_env`` copies; default: this process's environment.
            env: the whole environment of the workers, where somebody has made it already; default: as the options say.

        Raises:
            WatcherError: an option names something that is not there.
        """
        if env is None:
            env = _environment(name, options, os.environ if environ is None else environ)
        whole = MappingProxyType(dict(env))
        limits = {
            key.removeprefix("rlimit_").lower(): _limit(value) for key, value in options.rlimits.items()
        }
        made = cls(
            name=name,
            options=options,
            env=whole,
            count=_count(options),
            identity=_identity_or_none(options),
            limits=MappingProxyType(limits),
            rules=_rules(options),
            table=MappingProxyType(_table(name, options, whole)),
        )
        return replace(made, argv=made._argv_for_all())

    # -- what it means -----------------------------------------------------------------------------------------------------

    def with_count(self, count: int) -> "WatcherSpec":
        """The same with another number of workers.

        Raises:
            WatcherError: more than one for a singleton.
        """
        if self.options.singleton and count > 1:
            raise WatcherError(f"{self.name} is a singleton: it has one worker, not {count}")
        count = max(0, count)
        options = self.options.model_copy(update={"numprocesses": count})
        return replace(self, options=options, count=count)

    def difference(self, earlier: "WatcherSpec") -> Difference:
        """What differs from an earlier spec, and what it takes for this one to hold."""
        mine, theirs = _values(self.options), _values(earlier.options)
        names = {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
        if dict(self.env) != dict(earlier.env):
            names.add("env")
        if self.identity != earlier.identity:
            names.add("uid")
        changes = {change_of(WatcherOptions, key) for key in names}
        if _pipes(self.options) != _pipes(earlier.options):
            changes.add(Change.RELOAD)  # a worker's descriptors are what they were when it was spawned
        worst = next((c for c in (Change.RESTART, Change.RELOAD, Change.LIVE) if c in changes), None)
        return Difference(tuple(sorted(names)), worst)

    @property
    def uses_sockets(self) -> bool | tuple[str, ...]:
        """Which sockets its workers get: all (True), or those that are named in `use_sockets` or in the command."""
        options = self.options
        if options.use_sockets is True:
            return True
        named = dict.fromkeys(options.use_sockets or ())
        texts = [options.cmd, *_texts(options.args), *_texts(options.shell_args)]
        named.update(dict.fromkeys(_socket_names(texts)))
        return tuple(named)

    def label(self, wid: int) -> str:
        """How errors and logs call a worker: ``web.2``."""
        return f"{self.name}.{wid}"

    def process_spec(
        self, wid: int, sockets: GivenSockets = _NO_SOCKETS, *, capture: tuple[bool, bool] | None = None
    ) -> ProcessSpec:
        """What to spawn for a worker. Pure, but for a user or group that was unknown before and is looked up again.

        Args:
            wid: its slot.
            sockets: what it gets of the daemon's sockets.
            capture: whether stdout and stderr are pipes to us; default: where a stream is configured.

        Raises:
            SpawnError: the command cannot be expanded, or there is no such user or group.
        """
        options = self.options
        pipes = _pipes(options) if capture is None else capture
        return ProcessSpec(
            label=self.label(wid),
            argv=self.argv or self._expand(wid, sockets),
            executable=options.executable,
            env=self.env,
            cwd=options.working_dir,
            identity=self.identity or self._identity(wid),
            limits=self.limits,
            stdin=sockets.stdin
            if sockets.stdin is not None
            else Stdio.NULL
            if options.close_child_stdin
            else Stdio.INHERIT,
            stdout=_output(pipes[0], options.close_child_stdout),
            stderr=_output(pipes[1], options.close_child_stderr),
            pass_fds=sockets.fds,
            parent_death_signal=options.parent_death_signal,
        )

    # -- inside ------------------------------------------------------------------------------------------------------------

    def _expand(self, wid: int, sockets: GivenSockets) -> tuple[str, ...]:
        table = dict(self.table)
        table["wid"] = str(wid)
        table.update((f"sockets.{key}", value) for key, value in sockets.values.items())
        return self._command(table, self.label(wid))

    def _command(self, table: Mapping[str, str], label: str) -> tuple[str, ...]:
        options = self.options
        return expand.command(
            options.cmd,
            options.args,
            label=label,
            table=table,
            shell=options.shell,
            shell_args=options.shell_args,
        )

    def _argv_for_all(self) -> tuple[str, ...] | None:
        """The argument vector, where it is the same for every worker and can be made."""
        texts = (self.options.cmd, *_texts(self.options.args), *_texts(self.options.shell_args))
        if any("$" in text or "((" in text for text in texts):
            return None
        try:
            return self._command(self.table, self.name)
        except SpawnError:
            return None  # the spawn says it, and for which worker

    def _identity(self, wid: int) -> Identity:
        try:
            return identity.resolve(self.options.uid, self.options.gid)
        except identity.IdentityError as error:
            raise SpawnError(
                self.label(wid), Stage.RESOLVE_IDENTITY, error.subject, cause=error.cause, retryable=False
            ) from error


# -- resolving -------------------------------------------------------------------------------------------------------------


def _values(options: WatcherOptions) -> dict[str, Any]:
    return {**{name: getattr(options, name) for name in WatcherOptions.model_fields}, **options.unknown}


def _texts(part: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else part or ()


def _socket_names(texts: list[str]) -> list[str]:
    return sorted(markers(texts))


def _pipes(options: WatcherOptions) -> tuple[bool, bool]:
    return options.stdout_stream.configured, options.stderr_stream.configured


def _output(pipe: bool, close: bool) -> Stdio:  # noqa: FBT001 - two facts, one decision
    if close:
        return Stdio.NULL
    return Stdio.PIPE if pipe else Stdio.INHERIT


def _count(options: WatcherOptions) -> int:
    if isinstance(options.numprocesses, int):
        return options.numprocesses
    if options.singleton:
        return 1
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit(value: int | None) -> tuple[int, int]:
    limit = resource.RLIM_INFINITY if value is None else value
    return limit, limit


def _rules(options: WatcherOptions) -> Rules:
    policy = Policy(
        stable_after=options.stable_after,
        backoff_initial=options.backoff_initial,
        backoff_max=options.backoff_max,
        max_restarts=options.max_restarts,
        restart_window=options.restart_window,
        retry_after=options.retry_after,
        max_retry=options.max_retry,
    )
    return Rules(policy=policy, stop_signal=options.stop_signal, grace=options.graceful_timeout)


def _identity_or_none(options: WatcherOptions) -> Identity | None:
    try:
        return identity.resolve(options.uid, options.gid)
    except identity.IdentityError:
        return None


def _table(name: str, options: WatcherOptions, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that are the same for all workers: every option, those unknown to us too, and the environment."""
    values = _values(options)
    values.update(name=name, env=env, working_dir=options.working_dir or str(Path.cwd()))
    values.update(use_fds=bool(options.use_sockets), stdout_stream_conf=None, stderr_stream_conf=None)
    return expand.variables({key: value for key, value in values.items() if value is not None})


def _environment(name: str, options: WatcherOptions, environ: Mapping[str, str]) -> dict[str, str]:
    env = dict(environ) if options.copy_env else {}
    if options.copy_path:
        env["PYTHONPATH"] = os.pathsep.join(sys.path)
    env.update(options.env)
    if options.virtualenv:
        _activate(name, options, env)
    return env


def _activate(name: str, options: WatcherOptions, env: dict[str, str]) -> None:
    """Put a virtual environment's programs and packages first."""
    if not options.copy_env:
        raise WatcherError(f"{name}: virtualenv needs copy_env: set copy_env = true")
    root = Path(str(options.virtualenv))
    version = options.virtualenv_py_ver or f"{sys.version_info.major}.{sys.version_info.minor}"
    tried = [root / "lib" / f"{kind}{version}" / "site-packages" for kind in ("python", "pypy")]
    site = next((folder for folder in tried if folder.is_dir()), None)
    if site is None:
        raise WatcherError(
            f"{name}: there is no virtual environment for Python {version} at {root}: no {tried[0]}"
        )
    if (root / "bin").is_dir():
        env["PATH"] = os.pathsep.join(filter(None, (str(root / "bin"), env.get("PATH"))))
    folders = [*_linked(site), str(site)]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (*folders, env.get("PYTHONPATH"))))


def _linked(site: Path) -> list[str]:
    """The folders that the .pth files of a site-packages folder name."""
    found: dict[str, None] = {}
    for file in sorted(site.glob("*.pth")):
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if line.strip() and not line.startswith(("#", "import")):
                folder = (site / line.rstrip()).resolve()
                if folder.exists():
                    found[str(folder)] = None
    return list(found)
