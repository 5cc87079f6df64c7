"""The command line of circus-top."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final

import typer

from circus.protocol.endpoints import DEFAULT_ENDPOINT
from circus.top.view import Sort

if TYPE_CHECKING:
    from circus.top.feed import Feed
    from circus.top.model import World

__all__ = ["run"]

_FIRST_FIGURES: Final = 4.0
"""Seconds to wait for the first figures, where only text is wanted."""

_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def run() -> None:
    """Run with the options of the command line."""
    _app(prog_name="circus-top")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        sys.stdout.write(f"{version('circus-top')}\n")
        raise typer.Exit


@_app.command(context_settings={"help_option_names": ["-h", "--help"]})
def top(
    *,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENDPOINT",
            help="Of circusd, or of its circusd-stats; more than one are shown together. "
            f"[$CIRCUSCTL_ENDPOINT, else {DEFAULT_ENDPOINT}]",
        ),
    ] = None,
    ssh: Annotated[
        str | None, typer.Option(metavar="SERVER", help="Go through this ssh server, user@host:port.")
    ] = None,
    process_timeout: Annotated[
        float,
        typer.Option(min=0.5, metavar="SECONDS", help="Seconds of silence after which a process is dropped."),
    ] = 3.0,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Seconds between two looks.")
    ] = 1.0,
    sort: Annotated[Sort, typer.Option(help="What to order by.")] = Sort.CPU,
    text_filter: Annotated[
        str,
        typer.Option(
            "--filter", metavar="TEXT", help="Show what contains this: watcher, pid, command, user, state."
        ),
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Write one frame of text and leave.")] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Write frames of text until stopped, or -n of them.")
    ] = False,
    frames: Annotated[int | None, typer.Option("-n", min=1, metavar="N", help="Frames of --batch.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write frames as JSON, one a line.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    """See what the processes of circusd do, live. Press ? for the keys."""
    del version
    endpoints = list(dict.fromkeys(endpoint or [os.environ.get("CIRCUSCTL_ENDPOINT") or DEFAULT_ENDPOINT]))
    is_plain = once or batch or as_json or not (sys.stdout.isatty() and sys.stdin.isatty())
    if frames is not None and not batch:
        batch = is_plain = True
    session = _Session(endpoints, ssh=ssh, process_timeout=process_timeout, interval=interval)
    try:
        if is_plain:
            count = frames if batch else 1
            sys.exit(asyncio.run(session.write(sort, text_filter, count=count, as_json=as_json)))
        asyncio.run(session.show(sort, text_filter))
    except KeyboardInterrupt:
        sys.exit(130)


class _Session:
    """The feeds, and what to do with them. Imports what is heavy only when it runs."""

    def __init__(
        self, endpoints: list[str], *, ssh: str | None, process_timeout: float, interval: float
    ) -> None:
        self._endpoints = endpoints
        self._ssh = ssh
        self._process_timeout = process_timeout
        self._interval = interval

    async def show(self, sort: Sort, text_filter: str) -> None:
        """The live display."""
        from rich.console import Console  # noqa: PLC0415 - only the live display needs it

        from circus.top.app import App  # noqa: PLC0415 - likewise
        from circus.top.view import View  # noqa: PLC0415 - likewise

        world, feeds, close = await self._connect()
        try:
            view = View(sort=sort, filter=text_filter)
            await App(world, feeds, view, interval=self._interval, console=Console()).run()
        finally:
            close()

    async def write(self, sort: Sort, text_filter: str, *, count: int | None, as_json: bool) -> int:
        """Frames to stdout; the exit status is 1 if there was nothing to see."""
        from circus.top.app import wall  # noqa: PLC0415
        from circus.top.plain import as_json as json_line  # noqa: PLC0415 - as above
        from circus.top.plain import as_text  # noqa: PLC0415
        from circus.top.view import View  # noqa: PLC0415

        world, feeds, close = await self._connect()
        view = View(sort=sort, filter=text_filter)
        width = shutil.get_terminal_size((120, 24)).columns
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(feed.run(), name="feed") for feed in feeds]  # cancelled below
        written = 0
        try:
            deadline = loop.time() + _FIRST_FIGURES
            while True:
                world.wall = wall()
                for feed in feeds:
                    feed.take(now=loop.time(), wall=world.wall)
                if written == 0 and loop.time() < deadline and not all(feed.is_complete for feed in feeds):
                    await asyncio.sleep(0.05)
                    continue
                if written and not as_json:
                    sys.stdout.write("\n")
                sys.stdout.write(json_line(world) if as_json else as_text(world, view, width=width))
                sys.stdout.flush()
                written += 1
                if count is not None and written >= count:
                    break
                await asyncio.sleep(self._interval)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            close()
        return 0 if any(daemon.watchers for daemon in world.daemons) else 1

    async def _connect(self) -> "tuple[World, list[Feed], Callable[[], None]]":
        import zmq  # noqa: PLC0415 - `--help` needs none

        from circus.exc import CallError  # noqa: PLC0415
        from circus.top.feed import Feed  # noqa: PLC0415
        from circus.top.model import Daemon, World  # noqa: PLC0415

        world = World()
        context = zmq.Context[zmq.Socket[bytes]]()
        feeds: list[Feed] = []

        def close() -> None:
            for feed in feeds:
                feed.close()
            context.term()

        try:
            for endpoint in self._endpoints:
                daemon = Daemon(endpoint)
                world.daemons.append(daemon)
                feeds.append(
                    Feed(world, daemon, context=context, ssh=self._ssh, process_timeout=self._process_timeout)
                )
        except CallError as error:
            close()
            sys.stderr.write(f"error: {error}\n")
            sys.exit(1)
        return world, feeds, close
