"""The HTTP API: one table of operations, from which both the routes and the OpenAPI document are made."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from circus.protocol import encode
from circus.protocol.codec import describe_invalid
from circus.web import views
from circus.web.actions import Asked, perform, perform_many
from circus.web.auth import Gate, Person, Role
from circus.web.hub import Hub, NotAllowedError
from circus.web.link import Link
from circus.web.metrics import exposition
from circus.web.options import option_views

__all__ = ["OPERATIONS", "Context", "Operation", "cookie_name", "person_of"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Context:
    """What handlers work with."""

    hub: Hub
    gate: Gate
    version: str
    open_to_all: bool
    """Whether authentication was switched off."""


class ProblemError(Exception):
    """Ends a request with a status and a reason."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


class Json(JSONResponse):
    """JSON of anything, whatever a process put into its command line."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return encode(content)


def cookie_name(scheme: str) -> str:
    """Under TLS the prefix makes browsers insist on Secure, this host and the whole path."""
    return "__Host-circus" if scheme in {"https", "wss"} else "circus_session"


def person_of(connection: Any, context: Context) -> Person | None:
    """Who asks, by bearer token or session."""
    if context.open_to_all:
        return Person("anybody", Role.OPERATOR)
    now = time.monotonic()
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if context.gate.wait(address_of(connection), now=now):
            return None
        return context.gate.by_token(token.strip(), address=address_of(connection), now=now)
    cookie = connection.cookies.get(cookie_name(connection.url.scheme))
    return context.gate.session(cookie, now=now) if cookie else None


def address_of(connection: Any) -> str:
    """Where a request comes from."""
    return str(connection.client.host) if connection.client else "local"


# -- what is read from a request -------------------------------------------------------------------


async def _body(request: Request, model: type[Model]) -> Model:
    try:
        document = from_json(await request.body() or b"{}")
    except ValueError:
        raise ProblemError(400, "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise ProblemError(400, "The body is not a JSON object.")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ProblemError(422, describe_invalid(error)) from None


def _link(request: Request, context: Context) -> Link:
    link = context.hub.links.get(request.path_params["daemon"])
    if link is None:
        raise ProblemError(404, "There is no such daemon here; GET /api/daemons lists them.")
    return link


def _watcher(request: Request, link: Link) -> str:
    name = str(request.path_params["watcher"])
    if name not in link.picture.watchers:
        raise ProblemError(404, f"There is no watcher {name!r}.")
    return name


def _asked(request: Request, person: Person) -> Asked:
    return Asked(person, address_of(request))


async def _pass_on(
    request: Request, context: Context, person: Person | None, command: str, properties: dict[str, Any]
) -> Response:
    assert person is not None
    link, asked = _link(request, context), _asked(request, person)
    outcome = await perform(
        link, command=command, properties=properties, asked=asked, trail=context.hub.audit
    )
    return Json(outcome.document, outcome.status)


# -- handlers --------------------------------------------------------------------------------------


async def sign_in(request: Request, context: Context, person: Person | None) -> Response:
    del person
    asked = await _body(request, views.SignInRequest)
    address, now = address_of(request), time.monotonic()
    if (wait := context.gate.wait(address, now=now)) > 0:
        reason = f"Too many failures; try again in {wait:.0f} s."
        raise ProblemError(429, reason, {"retry-after": str(int(wait) + 1)})
    if asked.token is not None:
        found = context.gate.by_token(asked.token.strip(), address=address, now=now, link=True)
    else:
        found = context.gate.by_password(asked.name or "", asked.password or "", address=address, now=now)
    if found is None:
        raise ProblemError(401, "This token or password is not right, or the sign-in link was used before.")
    context.hub.audit.note(
        found, address=address, endpoint="", command="sign in", properties={}, outcome="ok"
    )
    response = Json({"name": found.name, "role": found.role.value, "version": context.version})
    scheme = request.url.scheme
    response.set_cookie(
        cookie_name(scheme),
        context.gate.open(found, now=now),
        httponly=True,
        secure=scheme == "https",
        samesite="strict",
        path="/",
    )
    return response


async def sign_out(request: Request, context: Context, person: Person | None) -> Response:
    del person
    await _body(request, views.Nothing)
    name = cookie_name(request.url.scheme)
    context.gate.close(request.cookies.get(name, ""))
    response = Json({})
    response.delete_cookie(
        name, path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    return response


async def who(request: Request, context: Context, person: Person | None) -> Response:
    del request
    if person is None:
        raise ProblemError(401, "Nobody is signed in.")
    return Json({"name": person.name, "role": person.role.value, "version": context.version})


async def list_daemons(request: Request, context: Context, person: Person | None) -> Response:
    del request, person
    return Json([link.view() for link in context.hub.links.values()])


async def list_endpoints(request: Request, context: Context, person: Person | None) -> Response:
    del request, person
    return Json(context.hub.endpoints())


async def connect(request: Request, context: Context, person: Person | None) -> Response:
    assert person is not None
    asked = await _body(request, views.ConnectRequest)
    note: dict[str, Any] = {
        "address": address_of(request), "endpoint": asked.endpoint, "command": "connect", "properties": {},
    }  # fmt: skip
    try:
        link = context.hub.connect(asked.endpoint)
    except NotAllowedError as error:
        context.hub.audit.note(person, **note, outcome="refused", reason=str(error))
        raise ProblemError(403, str(error)) from None
    context.hub.audit.note(person, **note, outcome="ok")
    return Json(link.view())


async def disconnect(request: Request, context: Context, person: Person | None) -> Response:
    assert person is not None
    link = _link(request, context)
    await _body(request, views.Nothing)
    context.hub.disconnect(link.id)
    context.hub.audit.note(
        person,
        address=address_of(request),
        endpoint=link.endpoint,
        command="disconnect",
        properties={},
        outcome="ok",
    )
    return Json({})


async def show_daemon(request: Request, context: Context, person: Person | None) -> Response:
    del person
    link = _link(request, context)
    now = time.monotonic()
    rows = [link.picture.view(name, now=now) for name in link.picture.watchers]
    return Json({**link.view(), "watchers": rows, "figures": link.picture.figures()})


async def show_watcher(request: Request, context: Context, person: Person | None) -> Response:
    del person
    link = _link(request, context)
    name, now = _watcher(request, link), time.monotonic()
    detail = link.picture.detail(name, now=now, history=True)
    figures = link.picture.figures().get(name, [None, None, None])
    return Json({**detail, "row": link.picture.view(name, now=now), "figures": figures})


async def show_options(request: Request, context: Context, person: Person | None) -> Response:
    name = _watcher(request, _link(request, context))
    return await _pass_on(request, context, person, "options", {"name": name})


async def show_process(request: Request, context: Context, person: Person | None) -> Response:
    name = _watcher(request, _link(request, context))
    properties = {"name": name, "process": request.path_params["pid"]}
    return await _pass_on(request, context, person, "stats", properties)


async def show_logs(request: Request, context: Context, person: Person | None) -> Response:
    allowed = {"pid", "stream", "lines", "since"}
    properties: dict[str, Any] = {key: value for key, value in request.query_params.items() if key in allowed}
    properties["name"] = _watcher(request, _link(request, context))
    return await _pass_on(request, context, person, "logs", properties)


async def list_sockets(request: Request, context: Context, person: Person | None) -> Response:
    del person
    return Json(_link(request, context).picture.socket_views())


async def list_events(request: Request, context: Context, person: Person | None) -> Response:
    del person
    return Json(list(_link(request, context).picture.events)[::-1])


async def list_actions(request: Request, context: Context, person: Person | None) -> Response:
    del request, person
    return Json(context.hub.audit.last())


async def list_options(request: Request, context: Context, person: Person | None) -> Response:
    del request, context, person
    return Json(option_views())


async def bulk(request: Request, context: Context, person: Person | None) -> Response:
    assert person is not None
    link = _link(request, context)
    asked = await _body(request, views.BulkRequest)
    outcomes = await perform_many(
        link,
        command=asked.command,
        names=asked.names,
        properties=asked.properties,
        asked=_asked(request, person),
        trail=context.hub.audit,
    )
    refused = {name: str(one.document.get("reason", "")) for name, one in outcomes.items() if not one.ok}
    return Json({"done": [name for name, one in outcomes.items() if one.ok], "refused": refused})


async def send_command(request: Request, context: Context, person: Person | None) -> Response:
    try:
        document = from_json(await request.body() or b"{}")
    except ValueError:
        raise ProblemError(400, "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise ProblemError(400, "The body is not a JSON object.")
    properties = cast("dict[str, Any]", document)
    return await _pass_on(request, context, person, request.path_params["command"], properties)


async def health(request: Request, context: Context, person: Person | None) -> Response:
    del request
    well, reasons = context.hub.health()
    document: dict[str, Any] = {
        "status": "ok" if well else "failing",
        "daemons": len(context.hub.links),
        "problems": len(reasons),
        "reasons": reasons if person is not None else None,
    }
    return Json(document, 200 if well else 503)


async def metrics(request: Request, context: Context, person: Person | None) -> Response:
    del request, person
    text = exposition(context.hub.links.values(), now=time.monotonic())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


Handler = Callable[[Request, Context, Person | None], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    Args:
        role: who may; None for everybody, signed in or not.
        body: the model of the request's body.
        reply: the model of the answer; a list of it with `many`.
        failures: statuses beside those that every operation has.
        query: names of query parameters that the model of `logs` describes.
        figures: whether it shows figures, which have to be taken for it.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    role: Role | None = Role.VIEWER
    body: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    many: bool = False
    failures: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    tag: str = "console"
    figures: bool = False


DAEMON = "/api/daemons/{daemon}"
WATCHER = DAEMON + "/watchers/{watcher:path}"

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/health", health, "200 if all is well, else 503", None, reply=views.HealthView, failures=(503,)),
    Operation("GET", "/metrics", metrics, "Figures for Prometheus", tag="metrics", figures=True),
    Operation("GET", "/api/session", who, "Who is signed in", None, reply=views.SessionView, failures=(401,)),
    Operation("POST", "/api/session", sign_in, "Sign in", None, views.SignInRequest, views.SessionView,
              failures=(401, 429)),
    Operation("POST", "/api/session/end", sign_out, "Sign out", None, views.Nothing),
    Operation("GET", "/api/daemons", list_daemons, "All daemons", reply=views.DaemonView, many=True),
    Operation("GET", "/api/endpoints", list_endpoints, "Known addresses", reply=views.EndpointView, many=True),
    Operation("POST", "/api/endpoints/connect", connect, "Follow a daemon", Role.OPERATOR, views.ConnectRequest,
              views.DaemonView),
    Operation("POST", DAEMON + "/disconnect", disconnect, "Follow a daemon no more", Role.OPERATOR, views.Nothing,
              failures=(404,)),
    Operation("GET", DAEMON, show_daemon, "A daemon and its watchers", reply=views.DaemonDetail, failures=(404,),
              figures=True),
    Operation("GET", DAEMON + "/sockets", list_sockets, "Its sockets", reply=views.SocketSeen, many=True,
              failures=(404,), figures=True),
    Operation("GET", DAEMON + "/events", list_events, "Its last events, newest first", reply=views.EventView,
              many=True, failures=(404,)),
    Operation("POST", DAEMON + "/bulk", bulk, "One command for many watchers", Role.OPERATOR, views.BulkRequest,
              views.BulkReply, failures=(404,)),
    Operation("POST", DAEMON + "/commands/{command}", send_command, "Any command of the control protocol"),
    Operation("GET", WATCHER + "/options", show_options, "Options of a watcher",
              failures=(404, 409, 501, 502, 503, 504)),
    Operation("GET", WATCHER + "/logs", show_logs, "The last lines that its processes wrote",
              failures=(404, 409, 501, 502, 503, 504), query=("pid", "stream", "lines", "since")),
    Operation("GET", WATCHER + "/processes/{pid}", show_process, "A process, with its children",
              failures=(404, 409, 501, 502, 503, 504)),
    Operation("GET", WATCHER, show_watcher, "A watcher with its processes and exits", reply=views.WatcherDetail, figures=True,
              failures=(404,)),
    Operation("GET", "/api/audit", list_actions, "The last actions, newest first", reply=views.Action, many=True),
    Operation("GET", "/api/options", list_options, "The options of watchers", reply=views.OptionView, many=True),
)  # fmt: skip
"""Routes are matched in this order. `COMMANDS` says what `send_command` takes."""
