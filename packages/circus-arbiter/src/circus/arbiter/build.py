"""From a configuration, or from the arguments of a library call, to what is to be run. Pure but for resolving watchers.

The daemon's helpers (circusd-stats, circushttpd, plugins) become watchers here, like any other; nothing else knows that
they are special, but `Blueprint.helpers`.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from circus.arbiter.control import DoorKind
from circus.arbiter.errors import ArbiterError
from circus.client.keys import KeyDirectory, KeyFileError, default_directory
from circus.config import Config
from circus.protocol.options import ArbiterOptions, PluginOptions, WatcherOptions
from circus.protocol.values import parse_bool
from circus.sockets import SocketSpec
from circus.watcher.spec import WatcherError, WatcherSpec

__all__ = ["Blueprint", "from_config", "helper_sockets", "helper_watchers"]

STATS = "circusd-stats"
HTTPD = "circushttpd"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What an arbiter is to run.

    Args:
        options: of the daemon.
        watchers: by configuration and helpers, each name once.
        sockets: likewise.
        helpers: lower-case names of the watchers and sockets that the daemon added by itself.
        config: the configuration it was made of; None for a library call.
        path: the file that is read again on `reloadconfig`.
        local_endpoint: an ipc endpoint beside the configured one, or None.
    """

    options: ArbiterOptions
    watchers: tuple[WatcherSpec, ...] = ()
    sockets: tuple[SocketSpec, ...] = ()
    helpers: frozenset[str] = frozenset()
    config: Config | None = None
    path: str | None = None
    local_endpoint: str | None = field(default=None)

    @property
    def speaks_within(self) -> bool:
        """Whether an endpoint is one that only this process can reach."""
        options = self.options
        return any(one.startswith("inproc:") for one in (options.endpoint, options.pubsub_endpoint))

    def control_doors(self) -> tuple[tuple[DoorKind, tuple[str, ...]], ...]:
        """Where commands are received, by what is asked of those who come; the first is the one we are known by.

        Raises:
            ArbiterError: CURVE is asked for, and there are no keys.
        """
        local = () if self.local_endpoint is None else (self.local_endpoint,)
        plain = (DoorKind(), (self.options.endpoint, *local))
        curve = self.options.curve_endpoint
        return (plain,) if curve is None else (plain, (self._curve_kind(), (curve,)))

    def event_doors(self) -> tuple[tuple[DoorKind, str], ...]:
        """Where events are published, likewise."""
        plain = (DoorKind(), self.options.pubsub_endpoint)
        curve = self.options.curve_pubsub_endpoint
        return (plain,) if curve is None else (plain, (self._curve_kind(), curve))

    def _curve_kind(self) -> DoorKind:
        configured = self.options.curve_dir
        path = Path(configured) if configured else default_directory(os.environ, uid=os.getuid())
        keys = KeyDirectory(path)
        try:
            return DoorKind(server=keys.server(), keys=keys)
        except KeyFileError as error:
            raise ArbiterError(f"cannot listen for those with keys: {error}") from error


def from_config(config: Config, path: str, *, local_endpoint: str | None = None) -> Blueprint:
    """The blueprint of a configuration.

    Raises:
        WatcherError: a watcher names something that is not there.
    """
    options = config.arbiter
    plugins = [(plugin.name, plugin.options) for plugin in config.plugins]
    helpers = helper_watchers(options, plugins)
    own = [WatcherSpec.resolve(watcher.name, watcher.options) for watcher in config.watchers]
    sockets = (*config.socket_specs, *helper_sockets(options))
    return Blueprint(
        options=options,
        watchers=(*own, *helpers),
        sockets=sockets,
        helpers=frozenset(spec.name.lower() for spec in helpers),
        config=config,
        path=path,
        local_endpoint=local_endpoint,
    )


def helper_sockets(options: ArbiterOptions) -> tuple[SocketSpec, ...]:
    """The socket of the web console, where that is asked for."""
    if not options.httpd:
        return ()
    return (SocketSpec(name=HTTPD, host=options.httpd_host, port=options.httpd_port),)


def helper_watchers(
    options: ArbiterOptions, plugins: Iterable[tuple[str, PluginOptions]]
) -> tuple[WatcherSpec, ...]:
    """The watchers that the daemon runs for itself.

    Raises:
        WatcherError: the web console is asked for and not installed.
    """
    specs: list[WatcherSpec] = []
    if options.statsd:
        specs.append(_helper(STATS, options, _stats_args(options), close=options.statsd_close_outputs))
    if options.httpd:
        if find_spec("circus.web") is None:
            raise WatcherError(
                "httpd = true needs the web console, which is not installed: pip install circus-web"
            )
        args = ["-m", "circus.web", "--endpoint", options.endpoint, "--fd", f"$(circus.sockets.{HTTPD})"]
        specs.append(
            _helper(
                HTTPD, options, [*args, *_ssh(options)], close=options.httpd_close_outputs, sockets=(HTTPD,)
            )
        )
    specs += [_plugin(name, plugin, options) for name, plugin in plugins]
    return tuple(specs)


def _ssh(options: ArbiterOptions) -> list[str]:
    return [] if options.ssh_server is None else ["--ssh", options.ssh_server]


def _logging(options: ArbiterOptions) -> list[str]:
    level = "DEBUG" if options.debug else options.loglevel
    args = [] if level is None else ["--log-level", level]
    return args if options.logoutput is None else [*args, "--log-output", options.logoutput]


def _stats_args(options: ArbiterOptions) -> list[str]:
    from circus.protocol.endpoints import DEFAULT_STATS_ENDPOINT  # noqa: PLC0415

    where = options.stats_endpoint or DEFAULT_STATS_ENDPOINT
    args = ["-m", "circus.stats", "--endpoint", options.endpoint, "--pubsub", options.pubsub_endpoint]
    return [*args, "--statspoint", where, *_ssh(options), *_logging(options)]


def _helper(
    name: str,
    options: ArbiterOptions,
    args: list[str],
    *,
    close: bool,
    sockets: tuple[str, ...] | bool = False,
    more: Mapping[str, Any] | None = None,
) -> WatcherSpec:
    values: dict[str, Any] = {
        "cmd": sys.executable,
        "args": args,
        "singleton": True,
        "copy_env": True,
        "copy_path": True,
        "use_sockets": sockets,
        "close_child_stdout": close,
        "close_child_stderr": close,
        **(more or {}),
    }
    if options.debug:
        values.setdefault("stdout_stream", {"class": "StdoutStream"})
        values.setdefault("stderr_stream", {"class": "StdoutStream"})
    return WatcherSpec.resolve(name, WatcherOptions.model_validate(values))


def _is_off(plugin: PluginOptions) -> bool:
    try:
        return not parse_bool(plugin.config.get("active", True))
    except ValueError:
        return False  # the plugin itself says what is wrong


def _plugin(name: str, plugin: PluginOptions, options: ArbiterOptions) -> WatcherSpec:
    from circus.plugins.command import plugin_args  # noqa: PLC0415 - only where there are plugins

    # What it says on standard error goes to ours: why it cannot be loaded, above all.
    more = {"priority": plugin.priority, "use": plugin.use, "close_child_stderr": False}
    more.update({key: value for key, value in plugin.config.items() if key in WatcherOptions.model_fields})
    if _is_off(plugin):
        more.update(autostart=False, respawn=False)  # it would only say so and end, again and again
    words = plugin_args(plugin, options, name=name)
    args = ["-m", "circus.plugins", *words, *_ssh(options), *_logging(options)]
    return _helper(name, options, args, close=not options.debug, more=more)
