"""The ASGI application: routes, pages, and the hub's life."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

import zmq
import zmq.asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope
from starlette.websockets import WebSocket

from circus.web.api import OPERATIONS, Context, Json, Operation, ProblemError, person_of
from circus.web.auth import Gate, Role
from circus.web.guard import Guard
from circus.web.hub import Hub
from circus.web.link import Tunnel
from circus.web.live import serve_tab
from circus.web.openapi import document

__all__ = ["STATIC", "make_app", "make_console"]

STATIC = Path(__file__).parent / "static"


class _Files(StaticFiles):
    """Asked for anew each time, answered from the browser's copy if nothing changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def make_app(context: Context, *, allowed_hosts: Collection[str], owns_hub: bool = True) -> ASGIApp:
    """The application.

    Args:
        context: the hub and the gate.
        allowed_hosts: names under which it may be called.
        owns_hub: run the hub as long as the application lives; tests bring their own.
    """
    routes: list[BaseRoute] = [_route(operation, context) for operation in OPERATIONS]

    async def openapi(request: Request) -> Response:
        if person_of(request, context) is None:
            return Json({"reason": "Sign in first."}, 401)
        return Json(document(context.version))

    async def live(socket: WebSocket) -> None:
        if person_of(socket, context) is None:
            await socket.close(4401)
            return
        await serve_tab(socket, context.hub, signed_in=lambda: person_of(socket, context) is not None)

    async def page(request: Request) -> Response:
        del request
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def unknown(request: Request) -> Response:
        near = [
            one for one in routes if isinstance(one, Route) and one.matches(request.scope)[0] is Match.PARTIAL
        ]
        if near:
            allow = ", ".join(sorted({method for one in near for method in one.methods or ()}))
            return Json({"reason": f"This address takes {allow}."}, 405, {"allow": allow})
        return Json({"reason": "There is no such address."}, 404)

    async def unmatched(request: Request, error: Exception) -> Response:
        del (
            request,
            error,
        )  # with a line feed in it: no pattern of a route matches that, not even one for all paths
        return Json({"reason": "There is no such address."}, 404)

    async def icon(request: Request) -> Response:
        del request
        return FileResponse(STATIC / "icon.svg", headers={"cache-control": "no-cache"})

    routes += [
        Route("/api/openapi.json", openapi),
        WebSocketRoute("/api/live", live),
        Route("/api/{rest:path}", unknown, methods=["GET", "POST"]),
        Mount("/static", _Files(directory=STATIC)),
        Route("/favicon.ico", icon),
        Route("/{page:path}", page),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        if not owns_hub:
            yield
            return
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(context.hub.run(ready.set), name="hub")
            await ready.wait()
            yield
            task.cancel()

    return Guard(
        Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: unmatched}),
        allowed_hosts=allowed_hosts,
    )


def _route(operation: Operation, context: Context) -> Route:
    async def serve(request: Request) -> Response:
        person = person_of(request, context)
        if operation.role is not None and person is None:
            return Json({"reason": "Sign in first, or send Authorization: Bearer TOKEN."}, 401)
        if operation.role is Role.OPERATOR and person is not None and person.role is not Role.OPERATOR:
            return Json({"reason": "You may look, and change nothing: you are signed in as a viewer."}, 403)
        if operation.figures:
            await context.hub.figures(now=time.monotonic())
        try:
            return await operation.handler(request, context, person)
        except ProblemError as error:
            return Json({"reason": error.reason}, error.status, error.headers)

    return Route(operation.path, serve, methods=[operation.method])


def make_console(
    endpoints: Collection[str],
    *,
    gate: Gate,
    version: str,
    allowed_hosts: Collection[str],
    patterns: Collection[str] = (),
    open_to_all: bool = False,
    tunnel: Tunnel | None = None,
) -> tuple[ASGIApp, zmq.asyncio.Context]:
    """A whole console for these daemons; whoever asked for it destroys the context when it is over."""
    zmq_context = zmq.asyncio.Context()
    hub = Hub(endpoints, context=zmq_context, patterns=patterns, tunnel=tunnel)
    context = Context(hub=hub, gate=gate, version=version, open_to_all=open_to_all)
    return make_app(context, allowed_hosts=allowed_hosts), zmq_context
