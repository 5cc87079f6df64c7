"""Which requests are served at all, before anybody looks at what they ask. The rules are pure; `Guard` applies them.

- A foreign ``Host`` is refused: a name that an attacker points at us (DNS rebinding) is not ours.
- A request that changes something comes as JSON, from our own page or with a bearer token, never from a foreign page.
- A WebSocket opens only from our own page.
- A body has a size limit, and every answer carries the headers that keep a page in its place.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "Refusal", "host_allowed", "refuse_change", "refuse_host", "refuse_socket"]

MOST_BYTES = 1 << 20

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served."""

    status: int
    reason: str


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def host_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a ``Host`` names us. An address is always ours: rebinding needs a name.

    >>> host_allowed("127.0.0.1:8080", ()), host_allowed("evil.example:8080", ("localhost",))
    (True, False)
    """
    name = _hostname(host)
    if name in allowed:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refuse_host(headers: Headers, allowed: Collection[str]) -> Refusal | None:
    """The rule for every request."""
    host = headers.get("host", "")
    if host_allowed(host, allowed):
        return None
    return Refusal(
        400,
        f"This console is not called {_hostname(host)!r}; start circushttpd with --allowed-host to change that.",
    )


def _same_origin(headers: Headers) -> bool:
    origin = headers.get("origin", "")
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""


def refuse_change(headers: Headers) -> Refusal | None:
    """The rule for requests that change something."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        return Refusal(415, "Send application/json.")
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return Refusal(403, "This request comes from a foreign page.")
    if "origin" in headers:
        return None if _same_origin(headers) else Refusal(403, "This request comes from a foreign page.")
    if site is None and "authorization" not in headers and "cookie" in headers:
        return Refusal(403, "A session is for browsers; scripts send Authorization: Bearer TOKEN.")
    return None


def refuse_socket(headers: Headers) -> Refusal | None:
    """The rule for WebSockets."""
    if "origin" not in headers and "cookie" not in headers:
        return None  # a script with a bearer token
    return None if _same_origin(headers) else Refusal(403, "This socket was opened by a foreign page.")


class _TooLargeError(Exception):
    pass


class Guard:
    """Applies the rules around an application.

    Args:
        app: what is guarded.
        allowed_hosts: names under which we may be called.
    """

    def __init__(self, app: ASGIApp, *, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = refuse_host(headers, self._allowed)
        if scope["type"] == "websocket":
            refusal = refusal or refuse_socket(headers)
            if refusal is not None:
                await _deny_socket(receive, send, refusal)
                return
            await self._app(scope, receive, send)
            return
        if (
            refusal is None and scope["method"] == "POST"
        ):  # no route that changes something takes another method
            refusal = refuse_change(headers)
        await self._serve(scope, receive, _with_headers(send, scope), refusal)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal | None) -> None:
        if refusal is not None:
            await JSONResponse({"reason": refusal.reason}, refusal.status)(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            await JSONResponse({"reason": "The body is too large."}, 413)(scope, receive, send)
            return
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise _TooLargeError
            return message

        try:
            await self._app(scope, limited, send)
        except _TooLargeError:
            await JSONResponse({"reason": "The body is too large."}, 413)(scope, receive, send)


async def _deny_socket(receive: Receive, send: Send, refusal: Refusal) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4403, "reason": refusal.reason})


def _with_headers(send: Send, scope: Scope) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("date", formatdate(usegmt=True))
            if scope["scheme"] == "https":
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await send(message)

    return sender
