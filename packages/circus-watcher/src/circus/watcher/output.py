"""`Output` on a hub: which sink each worker's pipes go to, what was written last, and who follows it live.

Theory: a watcher has one sink for its standard output and one for its standard error, made when it starts and closed when
it has stopped; if both are configured alike they are one sink, so that lines of both keep their order in one file. A
change of streams redirects the pipes that live, then closes the old sinks; no byte is lost in between. Where nothing is
configured a worker writes where we write, unless everything is captured: then it is passed on to there.

Illegal states: a sink that is closed while a pipe still leads to it.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from circus.process import threads
from circus.process.seam import Child
from circus.protocol.options import StreamOptions, WatcherOptions
from circus.stream import (
    Attachment,
    OutputHub,
    PassThroughSink,
    Sink,
    Source,
    TailBuffer,
    TailLine,
    open_sink,
)
from circus.stream.model import StreamName
from circus.watcher.spec import WatcherSpec

__all__ = ["Follow", "HubOutput", "TailedLine"]

Follow = Callable[[Source, list[TailLine]], None]
"""Is told of new lines of one worker, on the event loop."""

_NAMES: tuple[StreamName, StreamName] = ("stdout", "stderr")
_BYTES_A_LINE = 160
_MAX_TAIL = 1_048_576


@final
@dataclass(frozen=True, slots=True)
class TailedLine:
    """One line of one worker."""

    source: Source
    line: TailLine


def _configured(options: WatcherOptions) -> tuple[StreamOptions, StreamOptions]:
    return options.stdout_stream, options.stderr_stream


@final
class HubOutput:
    """The output of one watcher's workers.

    Args:
        spec: the watcher.
        hub: moves the bytes; not owned.
        capture: also take the output that has no stream, and pass it on.
    """

    def __init__(self, spec: WatcherSpec, *, hub: OutputHub, capture: bool = False) -> None:
        self._spec = spec
        self._hub = hub
        self._capture = capture
        self._sinks: dict[StreamName, Sink] = {}
        self._live: set[Attachment] = set()
        self._closing: set[asyncio.Task[bool]] = set()
        self._tails: dict[int, list[tuple[Source, TailBuffer]]] = {}
        self._follow: Follow | None = None
        self._lost_before = 0
        self._last_error = ""

    # -- see circus.watcher.ports.Output ---------------------------------------------------------------------------------

    def captures(self) -> tuple[bool, bool]:
        """Whether stdout and stderr are pipes to us."""
        options = self._spec.options
        closed = (options.close_child_stdout, options.close_child_stderr)
        stdout, stderr = (
            stream.configured or (self._capture and not closed[index])
            for index, stream in enumerate(_configured(options))
        )
        return stdout, stderr

    def open(self) -> None:
        """Make the sinks.

        Raises:
            OSError, ValueError: a stream cannot be opened or made; the text names the option.
        """
        if not self._sinks:
            self._sinks = self._make(self._spec)

    def _make(self, spec: WatcherSpec) -> dict[StreamName, Sink]:
        made: dict[StreamName, Sink] = {}
        try:
            for name, stream, captured in zip(
                _NAMES, _configured(spec.options), self.captures(), strict=True
            ):
                if not captured:
                    continue
                twin = made.get("stdout")
                if not stream.configured:
                    made[name] = PassThroughSink(_NAMES.index(name) + 1)
                elif twin is not None and stream.written == spec.options.stdout_stream.written:
                    made[name] = twin
                else:
                    made[name] = open_sink(stream.written)
        except BaseException:
            for sink in made.values():
                sink.close(0)
            raise
        return made

    def prepare(self) -> None:
        """Have the thread that moves output.

        Raises:
            OSError: there is no room for it.
        """
        if any(self.captures()):
            self._hub.start()

    def attach(self, wid: int, child: Child) -> None:
        """Take the child's pipe ends and move what comes."""
        # The one before keeps its last lines until the next but one: why it died is asked when its successor runs.
        latest = [source.pid for source, _ in self._tails.get(wid, ())][-1:]
        self._tails[wid] = [kept for kept in self._tails.get(wid, ()) if kept[0].pid in latest]
        for name, take in zip(_NAMES, (child.take_stdout, child.take_stderr), strict=True):
            fd = take()
            if fd is None:
                continue
            sink = self._sinks.get(name)
            if sink is None:  # the stream was taken away while this worker was being started
                os.close(fd)
                continue
            self._attach(fd, Source(self._spec.name, wid, child.pid, name), sink)

    def _attach(self, fd: int, source: Source, sink: Sink) -> None:
        kept = min(self._spec.options.tail_lines * _BYTES_A_LINE, _MAX_TAIL)
        tail = TailBuffer(kept) if kept else None
        try:
            attachment = self._hub.attach(fd, source=source, sink=sink, tail=tail)
        except (RuntimeError, OSError):
            os.close(fd)
            raise
        self._live.add(attachment)
        self._forget_ended()
        if tail is not None:
            self._tails[source.wid].append((source, tail))
            self._follow_tail(source, tail)

    def _forget_ended(self) -> None:
        """Ended outputs are counted and forgotten, a few at a time: never more are kept than twice what lives."""
        if len(self._live) < 2 * len(self._tails) + 8:
            return
        for attachment in [one for one in self._live if one.ended]:
            self._live.discard(attachment)
            self._remember(attachment)

    def _remember(self, attachment: Attachment) -> None:
        """It is over: what it lost stays counted."""
        self._lost_before += attachment.dropped
        if attachment.dropped:
            self._last_error = attachment.last_error or self._last_error

    async def drain(self, timeout: float, *, wid: int | None = None) -> None:  # noqa: ASYNC109 - a deadline that is part of the meaning
        """Wait until what ended workers wrote is in the sinks, at most so many seconds; of one slot alone if ``wid`` says so.

        Whoever still has the other end of such a pipe then loses it: only ended workers may be drained.
        """
        draining = [one for one in self._live if wid is None or one.source.wid == wid]
        await asyncio.gather(*(one.drained(timeout) for one in draining))
        for attachment in draining:
            if attachment in self._live:
                self._live.discard(attachment)
                self._remember(attachment)

    def configure(self, spec: WatcherSpec) -> None:
        """Use the streams of a new specification; nothing that was written is lost.

        Raises:
            OSError, ValueError: a stream cannot be opened or made; the old ones stay.
        """
        earlier, self._spec = self._spec, spec
        if _written(earlier.options) == _written(spec.options) or not self._sinks:
            return
        try:
            made = self._make(spec)
        except (OSError, ValueError):
            self._spec = earlier
            raise
        old, self._sinks = self._sinks, made
        # A pipe whose stream was taken away keeps its old sink until its worker is replaced.
        leaving = [one for one in self._live if one.source.stream in made and not one.ended]
        kept = {id(old[one.source.stream]) for one in self._live if one.source.stream not in made}
        for one in leaving:
            one.switch(made[one.source.stream])
        self._close_soon(sink for sink in set(old.values()) if id(sink) not in kept)

    def _close_soon(self, sinks: Iterable[Sink]) -> None:
        loop = asyncio.get_running_loop()
        for sink in sinks:
            closing = loop.create_task(threads.call(sink.close))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def reopen(self) -> None:
        """Close and open files again."""
        for sink in set(self._sinks.values()):
            reopen = getattr(sink, "reopen", None)
            if reopen is not None:
                reopen()

    def tail(self, wid: int, lines: int) -> tuple[str, ...]:
        """The last lines of the latest worker in that slot."""
        kept = self._tails.get(wid)
        found = self.lines(count=lines, wid=wid, pid=kept[-1][0].pid) if kept else []
        return tuple(one.line.data.decode("utf-8", "replace") for one in found)

    @property
    def lost_bytes(self) -> int:
        """Bytes lost so far."""
        return self._lost_before + sum(one.dropped for one in self._live)

    @property
    def last_error(self) -> str:
        """Why output was lost last; empty if none was."""
        errors = (one.last_error for one in self._live if one.dropped)
        return next((error for error in errors if error), self._last_error)

    async def close(self) -> None:
        """Flush and close the sinks; `open` may follow."""
        sinks, self._sinks = set(self._sinks.values()), {}
        for sink in sinks:
            await threads.call(sink.close)
        await asyncio.gather(*self._closing)

    # -- for whoever shows it ----------------------------------------------------------------------------------------------

    def lines(
        self,
        *,
        count: int,
        wid: int | None = None,
        pid: int | None = None,
        stream: str | None = None,
        since: float | None = None,
    ) -> list[TailedLine]:
        """The last lines that are kept, oldest first.

        Args:
            count: how many at most.
            wid: of this slot alone: of its latest worker and the one before.
            pid: of this worker alone.
            stream: ``stdout`` or ``stderr`` alone.
            since: not older than this, in seconds since the epoch.
        """
        tails = [
            (source, tail)
            for slot, kept in self._tails.items()
            if wid is None or slot == wid
            for source, tail in kept
            if (pid is None or source.pid == pid) and (stream is None or source.stream == stream)
        ]
        found = [
            TailedLine(source, line) for source, tail in tails for line in tail.lines(count, since=since)
        ]
        found.sort(key=lambda one: one.line.monotonic)
        return found[-count:] if count else []

    def follow(self, follow: Follow | None) -> None:
        """Tell somebody of every new line from now on; None: nobody any more."""
        self._follow = follow
        for kept in self._tails.values():
            for source, tail in kept:
                tail.unfollow()
                self._follow_tail(source, tail)

    def _follow_tail(self, source: Source, tail: TailBuffer) -> None:
        follow = self._follow
        if follow is not None:
            call = asyncio.get_running_loop().call_soon_threadsafe
            tail.follow(lambda lines, _missed: follow(source, lines), call=call)


def _written(options: WatcherOptions) -> tuple[object, object]:
    stdout, stderr = _configured(options)
    return stdout.written, stderr.written
