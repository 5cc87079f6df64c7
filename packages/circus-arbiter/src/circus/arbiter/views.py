"""How watchers, workers and sockets are shown to clients. Pure: values in, plain dicts out."""

import os
from typing import Any

from circus.arbiter.entry import Entry
from circus.process.exits import ExitStatus, signal_name
from circus.sockets import BoundSocket
from circus.watcher.spec import WatcherSpec
from circus.watcher.views import LastExit, Waiting, WatcherSnapshot, WorkerView

__all__ = ["describe_watcher", "option_values", "socket_view", "trouble"]

_RENAMED = {"stdout_stream": "stdout_stream_conf", "stderr_stream": "stderr_stream_conf"}
_WHOLE = ("max_age", "max_age_variance", "warmup_delay")
"""Seconds that scripts read as whole numbers; ours may have a fraction, and are shown without one where there is none."""


def option_values(spec: WatcherSpec) -> dict[str, Any]:
    """All options of a watcher under the reference's names, unknown ones and ours beside them, sorted.

    As in the reference, `env` is the whole environment of the workers, `working_dir` is never empty, and what a file leaves
    out is an empty text (`args`) or mapping (streams).
    """
    options = spec.options
    values: dict[str, Any] = {}
    for name in type(options).model_fields:
        value = getattr(options, name)
        if name in _RENAMED:
            values[_RENAMED[name]] = {key: _plain(item) for key, item in value.written.items()}
        elif name == "hooks":
            values[name] = {hook: [_plain(one.target), one.ignore_failure] for hook, one in value.items()}
        else:
            values[name] = list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType]
    for name in _WHOLE:
        values[name] = int(values[name]) if values[name] == int(values[name]) else values[name]
    if values["args"] is None:
        values["args"] = ""
    values["numprocesses"] = spec.count
    values["env"] = dict(spec.env)
    values["working_dir"] = options.working_dir or os.getcwd()
    values.update({key: _plain(value) for key, value in options.unknown.items()})
    return dict(sorted(values.items()))


def _plain(value: Any) -> Any:
    """Callables are shown by their dotted name."""
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return f"{getattr(value, '__module__', '?')}.{name}"
    return value


def socket_view(bound: BoundSocket) -> dict[str, Any]:
    """One socket, as `listsockets` answers it."""
    spec = bound.spec
    view: dict[str, Any] = {"fd": bound.fileno(), "name": spec.key, "backlog": spec.backlog}
    if spec.path is not None:
        return {**view, "path": spec.path}
    return {**view, "host": bound.location.rpartition(":")[0], "port": bound.port}


def trouble(snapshot: WatcherSnapshot) -> dict[str, Any]:
    """What is beside the status word where something is wrong; empty where nothing is."""
    told: dict[str, Any] = {}
    if snapshot.waiting is not None:
        told["backoff"] = _waiting(snapshot.waiting)
    if snapshot.failure:
        told["failure"] = snapshot.failure
    if snapshot.stuck:
        told["stuck"] = list(snapshot.stuck)
    if snapshot.lost_bytes:
        told["lost_bytes"] = snapshot.lost_bytes
        told["output_error"] = snapshot.output_error
    if told and snapshot.last_exit is not None:
        told["last_exit"] = _last_exit(snapshot.last_exit)
    return told


def describe_watcher(entry: Entry) -> dict[str, Any]:
    """Everything about one watcher."""
    snapshot = entry.runner.snapshot()
    options = entry.options
    return {
        "name": snapshot.name,
        "state": snapshot.status.value,
        "phase": snapshot.phase.value,
        "wanted": snapshot.wanted,
        "running": snapshot.running,
        "up": snapshot.up,
        "restarts": snapshot.restarts,
        "singleton": options.singleton,
        "on_demand": options.on_demand,
        "priority": options.priority,
        "cmd": options.cmd,
        "args": options.args,
        "captured": entry.captures,
        "exit_counts": {why.value: count for why, count in snapshot.exits.items()},
        "exits": [_last_exit(one) for one in entry.runner.last_exits()],
        "reloading": snapshot.reloading,
        "waits_for": list(snapshot.waits_for),
        "workers": [_worker(view) for view in entry.runner.workers()],
        **trouble(snapshot),
    }


def _waiting(waiting: Waiting) -> dict[str, Any]:
    return {
        "wid": waiting.wid,
        "attempt": waiting.attempt,
        "wait": round(waiting.wait, 3),
        "left": round(waiting.left, 3),
        "reason": waiting.reason,
    }


def _exit(status: ExitStatus) -> dict[str, Any]:
    return {
        "exit": status.describe(),
        "exit_code": status.returncode,
        "signal": None if status.signal is None else signal_name(status.signal),
    }


def _last_exit(last: LastExit) -> dict[str, Any]:
    return {
        "time": last.at,
        "pid": last.pid,
        "wid": last.wid,
        "why": last.why.value,
        "lifetime": round(last.lifetime, 3),
        **_exit(last.exit),
    }


def _worker(view: WorkerView) -> dict[str, Any]:
    return {
        "wid": view.wid,
        "pid": view.pid,
        "state": view.state.value,
        "started": view.started_at,
        "age": None if view.age is None else round(view.age, 3),
        "restarts": view.restarts,
        "why": view.why.value,
        "last_exit": None if view.last_exit is None else _exit(view.last_exit),
        "error": view.error,
    }
