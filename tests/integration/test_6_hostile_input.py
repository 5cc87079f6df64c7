"""Promise 6: whatever comes over the control socket or out of a file, the next request is answered and nothing has changed."""

import json
import os
import random
import socket
import string
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq

from circus.protocol.messages import REQUESTS
from crowd import Crowd, descriptors_of, until
from daemons import Daemon
from requires import OURS

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(120)]

SEED = int(os.environ.get("FUZZ_SEED", "20240801"))

WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    float("nan"),
    "",
    " ",
    "\0",
    "é" * 50,
    "x" * 10_000,
    "../../etc/passwd",
    "\ud800",
    [],
    [[]],
    [None],
    {},
    {"": {}},
    {"a": {"b": [1, {"c": None}]}},
    ["a", 1, None, {}],
]


@pytest.fixture
def picture(shared: Daemon, add: Callable[..., None]) -> Iterator[Callable[[], object]]:
    """What may not change: watchers, their options, their workers, sockets, the daemon's options."""
    add("Steady One", "sleep 1000", numprocesses=2)
    add("stopped", "sleep 1000", start=False)

    def look() -> object:
        names = shared.call("list")["watchers"]
        return (
            sorted(names),
            {name: shared.call("status", name=name)["status"] for name in names},
            {name: shared.call("list", name=name)["pids"] for name in names},
            {name: shared.call("options", name=name)["options"] for name in names},
            shared.call("globaloptions")["options"],
            shared.call("listsockets")["sockets"],
        )

    before, descriptors = look(), descriptors_of(shared.pid)
    yield look
    assert look() == before
    until(lambda: descriptors_of(shared.pid) <= descriptors, "no descriptor is leaked")


def test_frames_and_bytes(shared: Daemon, picture: Callable[[], object]) -> None:
    rng = random.Random(SEED)
    with Crowd(shared.endpoint) as crowd:
        for _ in range(2000):
            frames = [rng.randbytes(rng.choice([0, 1, 2, 7, 100])) for _ in range(rng.randint(1, 6))]
            crowd._socket.send_multipart(frames)
        for text in (
            b"",
            b"{",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"nul",
            b"\xff\xfe{}",
            b'{"command":"stop"',
            b"1e999",
        ):
            for extra in ([], [b""], [b"", b""], [b"x", b""]):
                crowd._socket.send_multipart([*extra, text])
    assert shared.call("numwatchers")["status"] == "ok"


def test_json_of_every_shape(shared: Daemon, picture: Callable[[], object]) -> None:
    rng = random.Random(SEED)
    shapes = [json.dumps(value).encode() for value in WRONG]
    shapes += [json.dumps({"command": value}).encode() for value in WRONG]
    shapes += [json.dumps({"command": "list", "properties": value}).encode() for value in WRONG]
    shapes += [json.dumps({"id": value, "command": "list", "properties": {}}).encode() for value in WRONG]
    shapes += [json.dumps({"id": "1", "command": "list", "msg_type": value}).encode() for value in WRONG]
    rng.shuffle(shapes)
    for shape in shapes:
        reply = shared.send(shape, deadline=5)
        assert reply is not None or b"cast" in shape, shape
    assert shared.call("numwatchers")["status"] == "ok"


def properties() -> Iterator[tuple[str, str]]:
    for name, model in sorted(REQUESTS.items()):
        for field in model.model_fields:
            yield name, field


MAY_CHANGE = frozenset({"quit", "restart", "reload", "reloadconfig", "start", "stop", "reopenlogs"})
"""With a wrong property beside none that is missing these are right, and do something: they are asked with a name that is not there."""


def test_wrong_types_at_every_property(shared: Daemon, picture: Callable[[], object]) -> None:
    """Generated from the models; every request is answered, and by an error where it cannot be read."""
    with Crowd(shared.endpoint) as crowd:
        asked: dict[str, tuple[str, str, Any]] = {}
        for command, field in properties():
            base = {
                "name": "no such watcher",
                "pid": 1,
                "signum": 1,
                "cmd": "true",
                "options": {"bogus": 1},
                "keys": ["cmd"],
            }
            if (
                command in {"quit", "start", "stop", "restart", "reload", "reopenlogs", "reloadconfig"}
                and field != "name"
            ):
                continue
            for value in WRONG:
                if command in {"reload", "restart", "start", "stop", "reopenlogs"} and value is None:
                    continue  # no name is: all
                asked[crowd.ask(command, **{**base, field: value})] = (command, field, value)
        replies = crowd.collect(asked, deadline=60)
        strange = [
            (asked[ticket], reply)
            for ticket, reply in zip(asked, replies, strict=True)
            if "server error" in str(reply.get("reason"))
            or reply["status"] not in {"ok", "error", "active", "stopped"}
        ]
        assert strange == []


def test_wrong_values_of_every_option(shared: Daemon, picture: Callable[[], object]) -> None:
    from circus.protocol.options import WatcherOptions

    with Crowd(shared.endpoint) as crowd:
        asked = {}
        for option in [
            *WatcherOptions.model_fields,
            "rlimit_nofile",
            "hooks.before_start",
            "stdout_stream.filename",
            "bogus",
        ]:
            for value in WRONG:
                ticket = crowd.ask("add", name="Steady One", cmd="sleep 1", options={option: value})
                asked[ticket] = (option, value)
        replies = crowd.collect(asked, deadline=60)
    assert {reply["status"] for reply in replies} == {"error"}
    strange = [
        (asked[ticket], reply["reason"])
        for ticket, reply in zip(asked, replies, strict=True)
        if "server error" in reply["reason"]
    ]
    assert strange == []


def test_deep_and_huge(shared: Daemon, picture: Callable[[], object]) -> None:
    deep = (
        b'{"id":"deep","command":"set","properties":{"name":"Steady One","options":{"cmd":'
        + b"[" * 150
        + b"]" * 150
        + b"}}}"
    )
    with Crowd(shared.endpoint) as crowd:
        tickets = [
            crowd.ask("set", name="Steady One", options={f"x{n}": n for n in range(20_000)}, waiting=True),
            crowd.ask("list", name="n" * 5_000_000),
            crowd.ask("x" * 1_000_000),
            crowd.ask("get", name="Steady One", keys=["k" * 100] * 10_000),
            crowd.ask("numwatchers"),
        ]
        crowd._socket.send(deep)
        tickets.insert(0, "deep")
        replies = crowd.collect(tickets)
    assert [reply["status"] for reply in replies] == ["error"] * 5 + ["ok"]


def test_thousands_of_clients_that_vanish(shared: Daemon, picture: Callable[[], object]) -> None:
    """Some of the old framing, some that are cut in the middle of a message, some that ask and never read."""
    path = shared.endpoint.removeprefix("ipc://")
    greeting = bytes.fromhex("ff00000000000000017f0300") + b"NULL".ljust(20, b"\0") + bytes(32)
    rng = random.Random(SEED)
    for number in range(3000):
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.connect(path)
            match number % 4:
                case 0:
                    client.sendall(b"POST / HTTP/1.1\r\n\r\n")
                case 1:
                    client.sendall(greeting[: rng.randint(0, len(greeting))])
                case 2:
                    client.sendall(greeting + rng.randbytes(20))
                case _:
                    pass
        if number % 500 == 0:
            assert shared.call("numwatchers")["status"] == "ok"
    with zmq.Context() as context:
        for _ in range(300):
            with context.socket(zmq.DEALER) as client:
                client.linger = 0
                client.connect(shared.endpoint)
                client.send(b'{"id":"1","command":"options","properties":{"name":"stopped"}}')
    assert shared.call("numwatchers")["status"] == "ok"


NAMES = [
    "a.b",
    "with blank",
    "UPPER",
    "ünï",
    "日本",
    "a/b",
    "../x",
    "x" * 10_000,
    "-dash",
    "#hash",
    "[br]",
    "a\tb",
    "nl\nx",
    "*",
    "?",
]


def test_names_of_every_kind(shared: Daemon, picture: Callable[[], object]) -> None:
    """Each can be added, started, seen, followed and removed, or is refused with a reason."""
    for name in NAMES:
        with shared.events("watcher.") as events:
            reply = shared.call(
                "add", name=name, cmd="sleep 1000", start=True, waiting=True, options={"copy_env": True}
            )
            if reply["status"] == "error":
                assert "name" in reply["reason"], reply
                continue
            assert shared.call("status", name=name)["status"] == "active", name
            assert len(shared.call("list", name=name)["pids"]) == 1
            assert shared.call("add", name=name.upper(), cmd="sleep 1")["status"] == "error"
            spawn = events.wait_for(lambda event: event.name == "spawn")
            assert spawn.data["watcher"] == name
            assert shared.call("rm", name=name, waiting=True)["status"] == "ok"


def mutated(rng: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(letters) + 1)
        match rng.randrange(5):
            case 0:
                letters[at:at] = rng.choice(
                    ["=", "[", "]", "\n", "$(circus.env.X)", "((", "%(x)s", "\0", "é", '"', "'", "#", ";"]
                )
            case 1:
                del letters[at : at + rng.randint(1, 30)]
            case 2:
                letters[at:at] = rng.choices(string.printable, k=10)
            case 3:
                letters[at:at] = "9" * rng.randint(1, 400)
            case _:
                other = rng.randrange(len(letters) + 1)
                letters[at:at] = letters[other : other + 40]
    return "".join(letters)


INI = """[circus]
check_delay = 5
[watcher:a]
cmd = sleep 1000
numprocesses = 2
stdout_stream.class = FileStream
stdout_stream.filename = {dir}/log
rlimit_nofile = 500
hooks.before_start = os.path.exists
[socket:s]
host = 127.0.0.1
port = 0
[plugin:p]
use = circus.plugins.flapping.Flapping
[env:a,b*]
X = $Y
"""
TOML = """[circus]
check_delay = 5
[watcher.a]
cmd = "sleep 1000"
numprocesses = 2
env = { X = "1" }
[watcher.a.stdout_stream]
class = "FileStream"
filename = "{dir}/log"
[socket.s]
host = "127.0.0.1"
port = 0
"""


@pytest.mark.parametrize(("suffix", "text"), [("ini", INI), ("toml", TOML)])
def test_configurations(folder: Path, suffix: str, text: str) -> None:
    """A mutant is read, or refused with problems: it never raises anything else."""
    from circus.config import check

    rng = random.Random(SEED)
    path = folder / f"c.{suffix}"
    for number in range(400):
        mutant = mutated(rng, text.replace("{dir}", str(folder)))
        path.write_bytes(
            mutant.encode("utf-8", "surrogatepass") + (rng.randbytes(3) if number % 20 == 0 else b"")
        )
        report = check(str(path))
        assert report.ok or report.render(), mutant


def test_a_broken_configuration_changes_nothing(daemon: Callable[..., Daemon]) -> None:
    """reloadconfig of mutants: taken over or refused, and what is right afterwards still is."""
    good = "[watcher:a]\ncmd = sleep 1000\nnumprocesses = 2\n[watcher:b]\ncmd = sleep 1000\n"
    circusd = daemon(good)
    circusd.settle()
    before = {name: circusd.call("list", name=name)["pids"] for name in "ab"}
    for bad in (
        "[watcher:b]\ncmd = x\nnumprocesses = -1\n",
        "\0",
        "[socket:s]\nport = 99999999\n",
        "[socket:s]\nport = x\n",
    ):
        circusd.write(good + bad if not bad.startswith("[watcher:b") else bad)
        reply = circusd.call("reloadconfig", waiting=True)
        assert reply["status"] == "error", (bad, reply)
        assert {name: circusd.call("list", name=name)["pids"] for name in "ab"} == before
    circusd.write(good)
    assert circusd.call("reloadconfig", waiting=True)["status"] == "ok"
    assert {name: circusd.call("list", name=name)["pids"] for name in "ab"} == before


@pytest.mark.parametrize(
    "content", [b"", b"x", b"-1", b"0", b"1", b"99999999999", b"\0" * 100, b"12 34", "é".encode(), b"\n\n"]
)
def test_pid_files(folder: Path, content: bytes) -> None:
    """Whatever an old pid file holds, circusd starts, unless another circusd has it. A folder in its place is said."""
    from circus.pidfile import Pidfile

    path = folder / "pid"
    path.write_bytes(content)
    pidfile = Pidfile(str(path))
    pidfile.create(os.getpid())
    assert path.read_text().split()[0] == str(os.getpid())
    pidfile.unlink()


def test_a_folder_as_pid_file_is_refused_with_a_reason(folder: Path) -> None:
    (folder / "pid").mkdir()
    (folder / "c.ini").write_text(f"[circus]\npidfile = {folder}/pid\n[watcher:a]\ncmd = sleep 1\n")
    done = subprocess.run(
        [OURS / "circusd", folder / "c.ini"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert str(folder / "pid") in done.stderr
    assert "Traceback" not in done.stderr
