"""Each attack on a console, refused."""

import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.web.auth import ABSOLUTE, IDLE, Gate, Role, hash_password, parse_users
from circus.web.exposure import Exposure, refusal
from circus.web.guard import host_allowed
from circus.web.tokens import TokenError, load_tokens
from web_world import HOST, LINK, OPERATOR, VIEWER, World

JSON = {"content-type": "application/json"}
ORIGIN = f"http://{HOST}"


async def sign_in(client: Any, **body: str) -> Any:
    return await client.post("/api/session", json=body, headers={"origin": ORIGIN})


async def open_socket(world: World, **headers: str) -> dict[str, Any]:
    """The first answer to a WebSocket handshake."""
    sent: list[dict[str, Any]] = []
    messages = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()
    ]
    scope = {
        "type": "websocket", "path": "/api/live", "raw_path": b"/api/live", "query_string": b"", "headers": raw,
        "scheme": "ws", "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 5), "subprotocols": [], "root_path": "",
        "http_version": "1.1",
    }  # fmt: skip
    await world.app(scope, receive, send)
    return sent[0]


# -- who may come in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/daemons", "/api/audit", "/metrics", "/api/openapi.json", "/api/options"]
)
async def test_nothing_is_told_to_strangers(world: World, path: str):
    async with world.client() as client:
        assert (await client.get(path)).status_code == 401
        wrong = {"authorization": "Bearer wrong"}
        assert (await client.get(path, headers=wrong)).status_code == 401


async def test_the_printed_link_signs_in_once(world: World):
    async with world.client() as client:
        answer = await sign_in(client, token=LINK)
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
        assert (await client.get("/api/daemons")).status_code == 200
        assert (await client.post("/api/session/end", json={}, headers={"origin": ORIGIN})).status_code == 200
        assert (await client.get("/api/daemons")).status_code == 401
    async with world.client() as second:
        assert (await sign_in(second, token=LINK)).status_code == 401


async def test_the_link_is_no_bearer_token(world: World):
    async with world.client(authorization=f"Bearer {LINK}") as client:
        assert (await client.get("/api/daemons")).status_code == 401


async def test_passwords(world: World):
    async with world.client() as client:
        assert (await sign_in(client, name="ann", password="wrong")).status_code == 401
        assert (await sign_in(client, name="eve", password="s3same")).status_code == 401
        assert (await sign_in(client, name="ann", password="s3same")).json()["role"] == "operator"


async def test_failures_make_the_next_try_wait(world: World):
    async with world.client() as client:
        answers = [(await sign_in(client, token="wrong")).status_code for _ in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert (await sign_in(client, token=OPERATOR)).headers["retry-after"] == "1"


async def test_viewers_change_nothing(viewer, world: World):
    attempts = [
        (f"{world.path}/commands/stop", {"name": "web"}),
        (f"{world.path}/commands/add", {"name": "x", "cmd": "sh"}),
        (f"{world.path}/bulk", {"command": "stop", "names": ["web"]}),
        (f"{world.path}/disconnect", {}),
        ("/api/endpoints/connect", {"endpoint": "ipc:///made-up"}),
    ]
    for path, body in attempts:
        assert (await viewer.post(path, json=body)).status_code == 403, path
    assert world.caller.asked == []
    assert (await viewer.post(f"{world.path}/commands/list", json={})).status_code == 200


# -- foreign pages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({}, 403),
        ({"origin": ORIGIN, "content-type": "text/plain"}, 415),
        ({"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}, 415),
        ({"origin": ORIGIN}, 200),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, 200),
    ],
)
async def test_a_session_acts_only_from_our_own_page(world: World, headers: dict[str, str], status: int):
    async with world.client() as client:
        await sign_in(client, token=OPERATOR)
        before = len(world.caller.asked)
        body = b'{"name": "web", "match": "simple"}'
        answer = await client.post(f"{world.path}/commands/stop", content=body, headers={**JSON, **headers})
        assert answer.status_code == status
        assert (len(world.caller.asked) > before) == (status == 200)


async def test_actions_are_post_only(operator, world: World):
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = await operator.request(method, f"{world.path}/commands/stop", json={"name": "web"})
        assert answer.status_code in {404, 405}
    assert world.caller.asked == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[", "a@b:1"]
)
async def test_a_foreign_host_is_refused_whoever_asks(operator, host: str):
    assert (await operator.get("/api/daemons", headers={"host": host})).status_code == 400
    assert (await operator.get("/", headers={"host": host})).status_code == 400


@given(st.text("ab.:[]@/\\% -1é", max_size=30))
def test_no_host_raises_and_none_is_ours_but_by_name_or_address(text: str):
    if host_allowed(text, ["localhost"]):
        assert "localhost" in text or "1" in text or ":" in text


async def test_sockets_open_only_for_a_session_and_from_our_page(world: World):
    session = world.gate.open(world.gate.by_token(OPERATOR, address="a", now=0), now=time.monotonic())
    cookie = f"circus_session={session}"
    assert (await open_socket(world))["type"] == "websocket.close"
    assert (await open_socket(world, cookie=cookie))["code"] == 4403
    assert (await open_socket(world, cookie=cookie, origin="http://evil.example"))["code"] == 4403
    assert (await open_socket(world, cookie=cookie, origin="http://evil.example", host="evil.example"))[
        "code"
    ] == 4403
    assert (await open_socket(world, origin=ORIGIN))["code"] == 4401
    assert (await open_socket(world, cookie=cookie, origin=ORIGIN))["type"] == "websocket.accept"
    assert (await open_socket(world, authorization=f"Bearer {VIEWER}"))["type"] == "websocket.accept"


async def test_every_answer_keeps_the_page_in_its_place(world: World):
    async with world.client() as client:
        for path in ("/", "/api/daemons", "/health", "/static/app.css"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
        assert (await client.get("/api/daemons")).headers["cache-control"] == "no-store"


async def test_bodies_have_a_limit(operator, world: World):
    answer = await operator.post(f"{world.path}/commands/stop", content=b"x" * (2 << 20), headers=JSON)
    assert answer.status_code == 413


# -- sessions, tokens, users -----------------------------------------------------------------------


def test_sessions_end_when_idle_and_when_old():
    gate = Gate(tokens={Role.VIEWER: VIEWER})
    person = gate.by_token(VIEWER, address="a", now=0)
    assert person is not None
    idle, old = gate.open(person, now=0), gate.open(person, now=0)
    assert gate.session(idle, now=IDLE + 1) is None
    for now in range(0, int(ABSOLUTE), int(IDLE)):
        assert gate.session(old, now=now) == person
    assert gate.session(old, now=ABSOLUTE + 1) is None


def test_tokens_are_kept_for_their_owner_alone(tmp_path: Path):
    folder = tmp_path / "run"
    tokens = load_tokens(folder, "httpd-1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [stat.S_IMODE(one.stat().st_mode) for one in files] == [0o600, 0o600]
    assert load_tokens(folder, "httpd-1") == tokens
    files[0].chmod(0o644)
    assert load_tokens(folder, "httpd-1") != tokens, "a token that others could read is made anew"
    folder.chmod(0o777)
    with pytest.raises(TokenError, match="XDG_RUNTIME_DIR"):
        load_tokens(folder, "httpd-1")


def test_a_token_that_is_a_link_is_not_followed(tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "x.operator.token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TokenError):
        load_tokens(folder, "x")


def test_users_are_read_and_wrong_lines_named():
    line = f"ann:viewer:{hash_password('x')}"
    assert list(parse_users(f"# people\n\n{line}")) == ["ann"]
    for wrong in ("ann", "ann:king:scrypt:YQ==:YQ==", "ann:viewer:md5:YQ==:YQ==", "ann:viewer:scrypt:!:YQ=="):
        with pytest.raises(ValueError, match="line 1"):
            parse_users(wrong)


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("auth", [True, False])
def test_a_public_address_needs_authentication_and_tls_or_insistence(*, public: bool, tls: bool, auth: bool):
    given = Exposure(public=public, tls=tls, auth=auth, insist_no_tls=False, host="0.0.0.0")
    text = refusal(given)
    assert (text is None) == (not public or (tls and auth) or (tls and not auth))
    if text is not None:
        assert "0.0.0.0" in text
        assert "--insecure-no-tls" in text
