import json
from typing import TYPE_CHECKING

import pytest

from circus.client.errors import CallError
from circus.consumer import CircusConsumer

if TYPE_CHECKING:
    from conftest import FakeDaemon


def test_for_gives_topic_and_message(daemon: "FakeDaemon"):
    with CircusConsumer(["watcher.web."], endpoint=daemon.pubsub_endpoint) as consumer:
        assert daemon.subscriptions.get(timeout=30) == b"\x01watcher.web."
        daemon.publish("watcher.other.spawn", {})
        daemon.publish("watcher.web.spawn", {"process_pid": 7})
        topic, message = next(iter(consumer))
    assert topic == b"watcher.web.spawn"
    assert json.loads(message) == {"process_pid": 7}
    assert consumer.context.closed


async def test_async_for_gives_the_same_in_order(daemon: "FakeDaemon"):
    consumer = CircusConsumer([""], endpoint=daemon.pubsub_endpoint)
    daemon.subscriptions.get(timeout=30)
    for number in range(200):
        daemon.publish("watcher.web.spawn", {"n": number})
    seen: list[int] = []
    async for _topic, message in consumer:
        seen.append(json.loads(message)["n"])
        if len(seen) == 200:
            consumer.stop()
    assert seen == list(range(200))


def test_a_context_of_the_caller_stays_open(daemon: "FakeDaemon"):
    import zmq

    with zmq.Context() as context:
        with CircusConsumer([""], context, daemon.pubsub_endpoint):
            pass
        assert not context.closed


def test_an_endpoint_that_is_none_is_told():
    with pytest.raises(CallError, match="cannot connect"):
        CircusConsumer([""], endpoint="nonsense")
