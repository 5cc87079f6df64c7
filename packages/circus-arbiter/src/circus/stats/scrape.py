"""A server for ``GET /metrics`` and nothing else."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, Protocol

__all__ = ["answer", "serve_metrics"]

_DEADLINE: Final = 10.0
"""Seconds for a whole request and its answer."""
_LIMIT: Final = 16_384
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Scrape(Protocol):
    """Makes the text."""

    def __call__(self, *, openmetrics: bool) -> Awaitable[str]: ...


@asynccontextmanager
async def serve_metrics(address: tuple[str, int], scrape: Scrape) -> AsyncGenerator[asyncio.Server]:
    """Serve until the context is left.

    Args:
        address: host and port; 0 takes a free one.
        scrape: makes the text of each answer.

    Raises:
        OSError: the address is taken, or not ours.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await answer(head, scrape))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client is slow, gone, or no HTTP client: nothing to tell it
        finally:
            writer.close()

    host, port = address
    server = await asyncio.start_server(serve, host, port, limit=_LIMIT)
    async with server:
        yield server


async def answer(head: bytes, scrape: Scrape) -> bytes:
    """The whole response to the head of a request."""
    line, *rest = head.decode("latin-1").split("\r\n")
    method, _, target = line.partition(" ")
    path = target.partition(" ")[0].partition("?")[0]
    if method not in {"GET", "HEAD"}:
        return _response("405 Method Not Allowed", "only GET is known here\n")
    if path not in {"/metrics", "/"}:
        return _response("404 Not Found", "look at /metrics\n")
    openmetrics = any(
        header.lower().startswith("accept:") and "application/openmetrics-text" in header.lower()
        for header in rest
    )
    body = await scrape(openmetrics=openmetrics)
    kind = _OPENMETRICS if openmetrics else _PROMETHEUS
    return _response("200 OK", body, kind=kind, bodiless=method == "HEAD")


def _response(
    status: str, body: str, *, kind: str = "text/plain; charset=utf-8", bodiless: bool = False
) -> bytes:
    content = body.encode("utf-8", "backslashreplace")
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + (b"" if bodiless else content)
