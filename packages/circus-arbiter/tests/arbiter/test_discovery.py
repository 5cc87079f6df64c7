import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from circus.arbiter.discovery import Group, announced, answer, parse_group, serve
from circus.protocol.options import ArbiterOptions

GROUP = "239.219.251.97"


@pytest.mark.parametrize(
    ("endpoint", "interface"),
    [
        ("ipc:///run/circus", "127.0.0.1"),
        ("tcp://127.0.0.1:5555", "127.0.0.1"),
        ("tcp://localhost:5555", "127.0.0.1"),
        ("tcp://10.0.0.7:5555", "10.0.0.7"),
        ("tcp://*:5555", "*"),
        ("tcp://0.0.0.0:5555", "*"),
    ],
)
def test_the_group_is_joined_where_commands_can_be_given(endpoint, interface):
    group = parse_group(f"udp://{GROUP}:12027", endpoint)
    assert group == Group(address=GROUP, port=12027, interface=interface)
    assert parse_group(f"udp://eth1;{GROUP}:12027", endpoint).interface == "eth1"


@pytest.mark.parametrize(
    "wrong",
    ["", "tcp://239.0.0.1:1", "udp://239.0.0.1", "udp://10.0.0.1:1", "udp://host:1", "udp://239.0.0.1:x"],
)
def test_what_is_no_group_is_said(wrong):
    with pytest.raises(ValueError, match="multicast_endpoint"):
        parse_group(wrong, "ipc:///e")


def test_the_endpoint_is_told_as_it_can_be_used():
    assert announced("ipc:///e", asker="127.0.0.1") == "ipc:///e"
    assert announced("tcp://10.0.0.7:5555", asker="127.0.0.1") == "tcp://10.0.0.7:5555"
    assert announced("tcp://*:5555", asker="127.0.0.1") == "tcp://127.0.0.1:5555"
    assert json.loads(answer("ipc:///e", asker="127.0.0.1")) == {"endpoint": "ipc:///e"}


async def test_without_an_address_nothing_is_served():
    async with asyncio.timeout(5):
        await serve(ArbiterOptions(), until=asyncio.Event())


async def test_an_address_that_cannot_be_is_warned_about(caplog):
    async with asyncio.timeout(5):
        for address in ("udp://10.0.0.1:1", f"udp://no-such-if;{GROUP}:12027"):
            await serve(ArbiterOptions(multicast_endpoint=address), until=asyncio.Event())
    assert caplog.text.count("discovery is off") == 2


async def asked(port: int, asking: socket.socket) -> dict[str, str]:
    """What the group answers, once somebody listens."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        while True:
            asking.sendto(b'""', (GROUP, port))
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    return json.loads(await loop.sock_recv(asking, 1024))


@pytest.fixture
def asking() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        asking.setblocking(False)
        yield asking


@pytest.mark.real
async def test_who_asks_the_group_is_told_the_endpoint(asking):
    port, over = asking.getsockname()[1], asyncio.Event()  # free here, most likely free for the group, too
    options = ArbiterOptions(endpoint="tcp://127.0.0.1:4", multicast_endpoint=f"udp://{GROUP}:{port}")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(options, until=over))
        assert await asked(port, asking) == {"endpoint": "tcp://127.0.0.1:4"}
        over.set()


@pytest.mark.real
async def test_the_daemon_answers_where_it_is_configured_and_ends_at_once(run, asking):
    port = asking.getsockname()[1]
    async with run(multicast_endpoint=f"udp://{GROUP}:{port}") as daemon:
        reply = await asked(port, asking)
        assert reply == {"endpoint": daemon.engine.blueprint.options.endpoint}
