"""`get_config` and `watcher_defaults`: a configuration as the nested dict that old programs take apart.

Built from the same resolved sections as the model, with the values that old versions gave: text where they
left text, and ``env`` as it is written, with the whole environment beneath it where `copy_env` is set.
"""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, cast

from circus.config.document import Entry, Section
from circus.config.expand import ResolvedWatcher, resolve
from circus.config.load import load
from circus.config.problems import ConfigError, Problem, Severity
from circus.protocol.endpoints import DEFAULT_ENDPOINT, DEFAULT_PUBSUB_ENDPOINT, DEFAULT_STATS_ENDPOINT
from circus.protocol.values import parse_bool, parse_signal

__all__ = ["get_config", "watcher_defaults"]

_RLIM_INFINITY = -1


def watcher_defaults() -> dict[str, Any]:
    """A watcher's options and their defaults, as old programs know them. A new dict each time."""
    return {
        "name": "",
        "cmd": "",
        "args": "",
        "numprocesses": 1,
        "warmup_delay": 0,
        "executable": None,
        "working_dir": None,
        "on_demand": False,
        "shell": False,
        "uid": None,
        "gid": None,
        "send_hup": False,
        "stop_signal": int(signal.SIGTERM),
        "stop_children": False,
        "max_retry": 5,
        "graceful_timeout": 30,
        "rlimits": {},
        "stderr_stream": {},
        "stdout_stream": {},
        "priority": 0,
        "use_sockets": False,
        "singleton": False,
        "copy_env": False,
        "copy_path": False,
        "hooks": {},
        "respawn": True,
        "autostart": True,
    }


def _number(value: Any) -> int | float:
    text = str(value).strip()
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _processes(value: Any) -> int | str:
    return "auto" if str(value).strip().lower() == "auto" else int(value)


def _flag(value: Any) -> bool | str:
    """A boolean; names of sockets stay text."""
    try:
        return parse_bool(value)
    except ValueError:
        return str(value)


def _octal(value: Any) -> int | None:
    return value if isinstance(value, int) else int(str(value), 8) if value else None


def _limit(value: Any) -> int:
    text = str(value).strip().lower()
    return _RLIM_INFINITY if text in {"", "infinity", "unlimited"} else int(text)


def _hook(value: Any) -> list[Any]:
    if not isinstance(value, str):
        return list(cast("list[Any]", value))
    target, comma, flag = value.partition(",")
    return [target.strip(), parse_bool(flag) if comma else False]


_BOOLEANS = (
    "on_demand",
    "shell",
    "send_hup",
    "stop_children",
    "singleton",
    "copy_env",
    "copy_path",
    "respawn",
    "autostart",
    "check_flapping",
    "close_child_stdin",
    "close_child_stdout",
    "close_child_stderr",
)
_WATCHER: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_BOOLEANS, parse_bool),
    "use_sockets": _flag,
    "numprocesses": _processes,
    "warmup_delay": _number,
    "stop_signal": parse_signal,
    "max_retry": int,
    "graceful_timeout": float,
    "priority": int,
}
_ARBITER: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "check_delay": (5.0, float),
    "endpoint": (DEFAULT_ENDPOINT, str),
    "endpoint_owner": (None, str),
    "pubsub_endpoint": (DEFAULT_PUBSUB_ENDPOINT, str),
    "multicast_endpoint": (None, str),
    "stats_endpoint": (None, str),
    "statsd": (False, parse_bool),
    "umask": (None, _octal),
    "warmup_delay": (0, _number),
    "httpd": (False, parse_bool),
    "httpd_host": ("localhost", str),
    "httpd_port": (8080, int),
    "debug": (False, parse_bool),
    "debug_gc": (False, parse_bool),
    "pidfile": (None, str),
    "loglevel": (None, str),
    "logoutput": (None, str),
    "loggerconfig": (None, str),
    "fqdn_prefix": (None, str),
}


def _converted(entry: Entry, section: Section, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(entry.value)
    except (ValueError, TypeError) as error:
        problem = Problem(text=str(error), origin=entry.origin, section=section.name, option=entry.name)
        raise ConfigError([problem]) from error


def get_config(
    config_file: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Read a configuration into a dict: options of ``[circus]``, and lists `watchers`, `plugins`, `sockets`.

    New programs want `circus.config.read_config`.

    Args:
        config_file: an ini or TOML file.
        environ: the environment that values may refer to; default: that of this process.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: it cannot be read, or a value is of the wrong type. Unknown sections and options are no error.
    """
    path = os.fspath(config_file)
    surroundings = dict(os.environ if environ is None else environ)
    if not os.path.exists(path):
        raise FileNotFoundError(f"the configuration file {path!r} does not exist")
    document, problems = load(path, surroundings)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigError(problems)
    resolved = resolve(document, surroundings)
    config: dict[str, Any] = {}
    for name, (default, convert) in _ARBITER.items():
        entry = resolved.circus.get(name) if resolved.circus is not None else None
        if entry is None or resolved.circus is None:
            config[name] = default
        else:
            config[name] = _converted(entry, resolved.circus, convert)
    if config["stats_endpoint"] is None:
        config["stats_endpoint"] = DEFAULT_STATS_ENDPOINT
    else:
        config["statsd"] = True
    config["watchers"] = [_watcher(item, surroundings) for item in resolved.watchers]
    config["plugins"] = [_plugin(section) for section in resolved.plugins]
    config["sockets"] = [_socket(section) for section in resolved.sockets]
    return config


def _watcher(item: ResolvedWatcher, environ: Mapping[str, str]) -> dict[str, Any]:
    watcher = watcher_defaults()
    for entry in item.section.entries:
        head, _, rest = entry.name.partition(".")
        if head in {"stdout_stream", "stderr_stream"} and rest:
            watcher[head][rest] = entry.value
        elif head == "hooks" and rest:
            watcher["hooks"][rest] = _converted(entry, item.section, _hook)
        elif entry.name.startswith("rlimit_"):
            limit = _converted(entry, item.section, _limit)
            watcher["rlimits"][entry.name.removeprefix("rlimit_")] = limit
        elif entry.name in _WATCHER:
            watcher[entry.name] = _converted(entry, item.section, _WATCHER[entry.name])
        else:
            watcher[entry.name] = entry.value
    own = watcher.pop("env", None)
    watcher["name"] = item.section.name
    configured = {**item.written, **(cast("dict[str, Any]", own) if isinstance(own, dict) else {})}
    watcher["env"] = {**environ, **configured} if watcher["copy_env"] else configured
    return watcher


def _plugin(section: Section) -> dict[str, Any]:
    plugin = {entry.name: entry.value for entry in section.entries}
    plugin["name"] = section.name
    priority = section.get("priority")
    if priority is not None:
        plugin["priority"] = _converted(priority, section, int)
    return plugin


def _socket(section: Section) -> dict[str, Any]:
    sock = {entry.name: entry.value for entry in section.entries}
    sock["name"] = section.name
    for flag in ("so_reuseport", "replace"):
        entry = section.get(flag)
        sock[flag] = _converted(entry, section, parse_bool) if entry is not None else False
    return sock
