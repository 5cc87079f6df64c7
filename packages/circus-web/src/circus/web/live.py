"""The WebSocket of one page: a snapshot, then a frame a second, and the lines of the log that it shows."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, cast

from pydantic_core import from_json
from starlette.websockets import WebSocket, WebSocketDisconnect

from circus.exc import CallError
from circus.protocol import encode
from circus.web.hub import Hub, Tab

__all__ = ["LogPage", "serve_tab"]

MOST_LINES_AT_ONCE = 500


class LogPage:
    """What one page follows: the lines that are kept, then the new ones, none twice.

    Args:
        hub: to find the daemon.
        tab: where lines go.
        ask: the page's wish: ``daemon``, ``watcher``, and if wanted ``lines`` and ``since``.
    """

    def __init__(self, hub: Hub, tab: Tab, ask: dict[str, Any]) -> None:
        self._tab = tab
        self._link = hub.links.get(str(ask.get("daemon")))
        self._watcher = str(ask.get("watcher"))
        self._lines = ask.get("lines") if isinstance(ask.get("lines"), int) else 500
        self._since = ask.get("since") if isinstance(ask.get("since"), (int, float)) else None
        self._unfollow: Callable[[], None] | None = None
        self._held: list[dict[str, Any]] | None = []

    async def start(self) -> dict[str, Any]:
        """Begin; gives what the page is told of it."""
        if self._link is None:
            return {"type": "following", "ok": False, "reason": "This daemon is not connected."}
        if not self._link.offers:
            return {
                "type": "following",
                "ok": False,
                "reason": "This daemon is older than version 1: it does not hand out the output of its workers."
                " Upgrade circusd, or read the files that stdout_stream names.",
            }
        self._unfollow = self._link.follow(
            self._watcher, self._on_line
        )  # first, so that nothing falls in between
        properties: dict[str, Any] = {"name": self._watcher, "lines": self._lines}
        if self._since is not None:
            properties["since"] = self._since
        try:
            reply = await self._link.call("logs", properties)
        except CallError as error:
            return {"type": "following", "ok": False, "reason": f"The daemon did not answer: {error}"}
        if reply.get("status") != "ok":
            return {"type": "following", "ok": False, "reason": str(reply.get("reason"))}
        kept = cast("list[dict[str, Any]]", reply.get("lines") or [])
        held, self._held = self._held or [], None
        seen = {_identity(line) for line in kept}
        for line in [*kept, *(line for line in held if _identity(line) not in seen)]:
            self._tab.push_line(line)
        return {"type": "following", "ok": True, "reason": ""}

    def _on_line(self, line: dict[str, Any]) -> None:
        if self._held is not None:
            self._held.append(line)
        else:
            self._tab.push_line(line)

    def stop(self) -> None:
        """Follow no more."""
        if self._unfollow is not None:
            self._unfollow()


def _identity(line: dict[str, Any]) -> tuple[Any, ...]:
    return (line.get("time"), line.get("pid"), line.get("stream"), line.get("data"))


async def serve_tab(socket: WebSocket, hub: Hub, *, signed_in: Callable[[], bool]) -> None:
    """Serve one page until it closes, or until its session ends."""
    await socket.accept()
    tab = Tab()
    hub.open(tab, now=time.monotonic())
    try:
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(_read(socket, hub, tab), name="page, reading")
            writer = tasks.create_task(_write(socket, hub, tab, signed_in), name="page, writing")
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            reader.cancel()
            writer.cancel()
    finally:
        hub.close(tab, now=time.monotonic())
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(4401 if not signed_in() else 1000)


async def _read(socket: WebSocket, hub: Hub, tab: Tab) -> None:
    page: LogPage | None = None
    try:
        while True:
            try:
                message = from_json(await socket.receive_text())
            except ValueError:
                continue
            if not isinstance(message, dict):
                continue
            ask = cast("dict[str, Any]", message)
            match ask.get("type"):
                case "focus":
                    await _focus(socket, hub, tab, ask)
                case "blur":
                    tab.focus = None
                case "follow" | "unfollow":
                    if page is not None:
                        page.stop()
                        page = None
                    if ask["type"] == "follow":
                        page = LogPage(hub, tab, ask)
                        told = await page.start()
                        await socket.send_text(encode({**told, "watcher": ask.get("watcher")}).decode())
                case _:
                    pass
    except (WebSocketDisconnect, RuntimeError, KeyError):
        return  # the page is gone, or sends bytes where text belongs
    finally:
        if page is not None:
            page.stop()


async def _focus(socket: WebSocket, hub: Hub, tab: Tab, ask: dict[str, Any]) -> None:
    tab.focus = (str(ask.get("daemon")), str(ask.get("watcher")))
    whole = hub.detail(tab.focus, history=True)
    if whole is not None:
        await socket.send_text(whole.decode())


async def _write(socket: WebSocket, hub: Hub, tab: Tab, signed_in: Callable[[], bool]) -> None:
    try:
        while signed_in():
            tab.wake.clear()
            if tab.needs_snapshot:
                tab.frames.clear()
                tab.needs_snapshot = False
                await socket.send_text(hub.snapshot().decode())
            while tab.frames:
                await socket.send_text(tab.frames.popleft().decode())
            while tab.lines:
                lines = [tab.lines.popleft() for _ in range(min(len(tab.lines), MOST_LINES_AT_ONCE))]
                lost, tab.lost = tab.lost, 0
                await socket.send_text(encode({"type": "lines", "lines": lines, "lost": lost}).decode())
            await tab.wake.wait()
    except (WebSocketDisconnect, RuntimeError):
        return  # the page is gone
