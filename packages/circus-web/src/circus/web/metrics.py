"""Prometheus text from pictures. Pure."""

from collections.abc import Iterable, Iterator

from circus.web.link import Link, LinkState

__all__ = ["exposition"]

_HELP = {
    "circus_up": ("gauge", "Whether the daemon answers."),
    "circus_uptime_seconds": ("gauge", "How long the daemon runs."),
    "circus_watcher_processes": ("gauge", "Processes that run."),
    "circus_watcher_processes_wanted": ("gauge", "Processes that are meant to run."),
    "circus_watcher_healthy": ("gauge", "0 if the watcher fails, flaps or backs off."),
    "circus_watcher_state": ("gauge", "1 for the state that the watcher is in."),
    "circus_watcher_restarts_total": ("counter", "Restarts of its processes."),
    "circus_watcher_cpu_percent": ("gauge", "CPU of its processes, in per cent of one core."),
    "circus_watcher_memory_bytes": ("gauge", "Resident memory of its processes."),
    "circus_socket_reads": ("gauge", "Reads of the last interval."),
}


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def exposition(links: Iterable[Link], *, now: float) -> str:
    """All figures of all daemons; what is not known is left out."""
    samples: dict[str, list[str]] = {name: [] for name in _HELP}
    for link in links:
        for name, value, labels in _samples(link, now=now):
            pairs = {"endpoint": link.endpoint, **labels}
            text = ",".join(f'{key}="{_escape(label)}"' for key, label in pairs.items())
            samples[name].append(
                f"{name}{{{text}}} {value:g}" if isinstance(value, float) else f"{name}{{{text}}} {value}"
            )
    lines: list[str] = []
    for name, (kind, text) in _HELP.items():
        if samples[name]:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *samples[name]]
    return "\n".join(lines) + "\n"


def _samples(link: Link, *, now: float) -> Iterator[tuple[str, float, dict[str, str]]]:
    alive = link.state is LinkState.ALIVE
    yield "circus_up", int(alive), {}
    if not alive:
        return
    uptime = link.view()["uptime"]
    if uptime is not None:
        yield "circus_uptime_seconds", round(uptime), {}
    figures = link.picture.figures()
    for name in link.picture.watchers:
        view = link.picture.view(name, now=now)
        labels = {"watcher": name}
        yield "circus_watcher_processes", view["running"], labels
        if view["wanted"] is not None:
            yield "circus_watcher_processes_wanted", view["wanted"], labels
        yield "circus_watcher_healthy", int(view["level"] != "bad"), labels
        yield "circus_watcher_state", 1, {**labels, "state": view["state"]}
        yield "circus_watcher_restarts_total", view["restarts"], labels
        cpu, memory, _ = figures.get(name, [None, None, None])
        if cpu is not None:
            yield "circus_watcher_cpu_percent", cpu, labels
        if memory is not None:
            yield "circus_watcher_memory_bytes", int(memory), labels
    names = {one.get("fd"): str(one.get("name")) for one in link.picture.sockets}
    for fd, reads in link.picture.hits.items():
        yield "circus_socket_reads", reads, {"socket": names.get(fd, str(fd))}
