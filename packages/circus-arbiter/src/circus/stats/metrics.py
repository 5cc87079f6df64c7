"""The same figures in the text formats of Prometheus and OpenMetrics. Pure.

Names and units follow the conventions: base units (seconds, bytes), counters end in ``_total``. A worker is named by its
watcher and its worker id (its pid where the daemon does not tell one), so that a restarted worker continues its
series; the pid is a metric's value nowhere, and a label only where there is nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

from circus.stats.hits import Hits
from circus.stats.roster import Socket, Watcher
from circus.stats.sampler import Moment, Sample

__all__ = ["Picture", "render_metrics"]

STATUSES = ("active", "starting", "stopping", "stopped", "backoff", "failed")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that is known at one moment; see the classes that it is made of."""

    is_up: bool
    memory: int
    moment: Moment
    watchers: list[Watcher] = field(default_factory=list[Watcher])
    daemon: dict[int, str] = field(default_factory=dict[int, str])
    sockets: list[Socket] = field(default_factory=list[Socket])
    samples: Mapping[int, Sample] = field(default_factory=dict[int, Sample])
    hits: Mapping[str, Hits] = field(default_factory=dict[str, Hits])
    reads: Mapping[str, int] = field(default_factory=dict[str, int])
    """Connections seen at each socket since circusd-stats first looked."""


Labels = str
"""As they stand between the braces."""


@final
class _Text:
    """Writes one family after the other."""

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._lines: list[str] = []

    def family(
        self, name: str, kind: str, about: str, values: Iterable[tuple[Labels, float | int | None]]
    ) -> None:
        suffix = "_total" if kind == "counter" else ""
        head = name if self._openmetrics else name + suffix
        self._lines += [f"# HELP {head} {about}", f"# TYPE {head} {kind}"]
        for unit in ("seconds", "bytes"):
            if self._openmetrics and name.endswith(f"_{unit}"):
                self._lines.append(f"# UNIT {head} {unit}")
        sample = name + suffix
        self._lines += [
            f"{sample}{{{labels}}} {value}" if labels else f"{sample} {value}"
            for labels, value in values
            if value is not None
        ]

    def text(self) -> str:
        end = ["# EOF", ""] if self._openmetrics else [""]
        return "\n".join(self._lines + end)


def _label(name: str, value: str) -> Labels:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{name}="{escaped}"'


def _workers(picture: Picture) -> list[tuple[Labels, Sample]]:
    rows: list[tuple[Labels, Sample]] = []
    for watcher in picture.watchers:
        of = _label("watcher", watcher.name)
        for pid, wid in watcher.workers.items():
            sample = picture.samples.get(pid)
            if sample is not None:
                who = _label("pid", str(pid)) if wid is None else _label("worker", str(wid))
                rows.append((f"{of},{who}", sample))
    return rows


def render_metrics(picture: Picture, *, openmetrics: bool) -> str:
    """The text of one scrape.

    Args:
        picture: what is known.
        openmetrics: whether in OpenMetrics, else in the older Prometheus text format.
    """
    text = _Text(openmetrics=openmetrics)
    _daemon(text, picture)
    _watchers(text, picture)
    _processes(text, picture)
    _sockets(text, picture)
    return text.text()


def _daemon(text: _Text, picture: Picture) -> None:
    text.family("circus_up", "gauge", "Whether circusd answers.", [("", int(picture.is_up))])
    text.family("circus_watchers", "gauge", "Watchers of circusd.", [("", len(picture.watchers))])
    text.family("circus_machine_memory_bytes", "gauge", "Memory of the machine.", [("", picture.memory)])


def _watchers(text: _Text, picture: Picture) -> None:
    named = [(_label("watcher", watcher.name), watcher) for watcher in picture.watchers]
    text.family(
        "circus_watcher_processes",
        "gauge",
        "Workers that run.",
        [(labels, sum(pid in picture.samples for pid in watcher.workers)) for labels, watcher in named],
    )
    text.family(
        "circus_watcher_status",
        "gauge",
        "1 for the status that the watcher has.",
        [
            (f"{labels},{_label('status', word)}", int(word == watcher.status))
            for labels, watcher in named
            for word in dict.fromkeys((*STATUSES, watcher.status))
        ],
    )
    text.family(
        "circus_watcher_restarts",
        "counter",
        "Exits of workers that nobody asked for.",
        [(labels, watcher.restarts) for labels, watcher in named],
    )


_GAUGES: tuple[tuple[str, str, str, Callable[[Sample, Moment], float | int | None]], ...] = (
    ("cpu_seconds", "counter", "User and system time of the process.", lambda s, _: s.cpu_seconds),
    ("resident_memory_bytes", "gauge", "Resident memory.", lambda s, _: s.hot.rss),
    ("virtual_memory_bytes", "gauge", "Virtual memory.", lambda s, _: s.hot.vms),
    ("threads", "gauge", "Threads.", lambda s, _: s.hot.threads),
    ("open_fds", "gauge", "Open descriptors.", lambda s, _: s.slow.fds),
    ("read_bytes", "counter", "Bytes read from storage.", lambda s, _: s.slow.read_bytes),
    ("written_bytes", "counter", "Bytes written to storage.", lambda s, _: s.slow.write_bytes),
    ("start_time_seconds", "gauge", "Start, since the epoch.", lambda s, at: round(at.wall - s.age(at), 2)),
    ("tree_processes", "gauge", "Processes of the whole tree.", lambda s, _: s.tree_size),
    ("tree_resident_memory_bytes", "gauge", "Resident memory of the whole tree.", lambda s, _: s.tree_rss),
)


def _processes(text: _Text, picture: Picture) -> None:
    workers = _workers(picture)
    daemon = [
        (_label("process", name), picture.samples[pid])
        for pid, name in picture.daemon.items()
        if pid in picture.samples
    ]
    for group, rows in (("worker", workers), ("daemon", daemon)):
        for name, kind, about, value in _GAUGES:
            values = [(labels, value(sample, picture.moment)) for labels, sample in rows]
            text.family(f"circus_{group}_{name}", kind, about, values)


def _sockets(text: _Text, picture: Picture) -> None:
    named = [
        (f"{_label('socket', socket.name)},{_label('address', socket.address)}", socket.name)
        for socket in picture.sockets
    ]
    zero = Hits(0, 0, 0)
    text.family(
        "circus_socket_connections_seen",
        "counter",
        "Connections that arrived, as far as they can be seen: a lower bound.",
        [(labels, picture.reads.get(name, 0)) for labels, name in named],
    )
    text.family(
        "circus_socket_connections",
        "gauge",
        "Open connections.",
        [(labels, picture.hits.get(name, zero).connections) for labels, name in named],
    )
    text.family(
        "circus_socket_queue_length",
        "gauge",
        "Connections that wait to be accepted.",
        [(labels, picture.hits.get(name, zero).queue) for labels, name in named],
    )
