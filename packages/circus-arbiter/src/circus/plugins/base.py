"""The base class of plugins.

One loop, one life: `start` runs `handle_init`, connects, and then serves until `stop`. Third-party classes were written
for tornado's names; they find them on `self.loop`.
"""

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

import zmq

from circus.arbiter.loop import LoopAdapter
from circus.client import CircusClient, cast_message, make_message
from circus.consumer import CircusConsumer
from circus.plugins.events import split_topic
from circus.protocol.values import parse_bool

__all__ = ["CircusPlugin"]

log = logging.getLogger("circus")


class CircusPlugin:
    """Base class to write plugins. Override `handle_recv`, and `handle_init` and `handle_stop` where needed.

    Args:
        endpoint: where circusd receives commands.
        pubsub_endpoint: where circusd publishes events.
        check_delay: circusd's, in seconds.
        ssh_server: ``user@host:port`` to go through to both.
        config: the other options of ``[plugin:x]``, as text.

    Raises:
        ValueError: ``active`` is no boolean.
    """

    name: str = ""
    call_timeout: ClassVar[float] = 60.0
    """Seconds for a whole `call`; a subclass may set its own."""

    def __init__(
        self,
        endpoint: str,
        pubsub_endpoint: str,
        check_delay: float,
        ssh_server: str | None = None,
        **config: Any,
    ) -> None:
        self.daemon = True
        self.config = config
        self.active: bool = parse_bool(config.get("active", True))
        self.endpoint = endpoint
        self.pubsub_endpoint = pubsub_endpoint
        self.check_delay = check_delay
        self.ssh_server = ssh_server
        self.running = False
        self.loop = LoopAdapter(asyncio.new_event_loop())
        self.loop.asyncio_loop.set_exception_handler(_tell)
        self._context: zmq.Context[Any] | None = None
        self._client: CircusClient | None = None
        self._consumer: CircusConsumer | None = None
        self._connecting = threading.Lock()
        self._ended = asyncio.Event()

    # -- life --------------------------------------------------------------------------------------------------

    def initialize(self) -> None:
        """Connect to circusd. `start` calls it, after `handle_init`."""
        _ = self.client
        self._consumer = CircusConsumer(
            ["watcher."],
            context=self.context,
            endpoint=self.pubsub_endpoint,
            ssh_server=self.ssh_server,
        )

    def start(self) -> None:
        """Serve until `stop`; then everything is closed, and the plugin cannot be started again.

        Raises:
            ValueError: the plugin is not active.
            Exception: what `handle_init` raises.
        """
        if not self.active:
            raise ValueError("Will not start an inactive plugin")
        loop = self.loop.asyncio_loop
        try:
            task = loop.create_task(self._serve())
            task.add_done_callback(self._stop_loop)
            loop.run_forever()  # a plugin may end it by self.loop.stop()
            task.remove_done_callback(self._stop_loop)
            _finish(loop)
            if not task.cancelled():
                task.result()
        finally:
            self.running = False
            self._close()

    def stop(self) -> None:
        """End a plugin that runs, after `handle_stop`; free one that does not. Idempotent; from any thread."""
        was_running, self.running = self.running, False
        try:
            if was_running:
                self.handle_stop()
        finally:
            if self.loop.asyncio_loop.is_running():
                self.loop.add_callback(self._ended.set)
            else:
                self._close()

    async def _serve(self) -> None:
        # On the loop, so that what it starts (timers, tornado's, too) finds the loop running.
        await _awaited(self.handle_init())
        if self._ended.is_set():
            return  # stopped meanwhile
        self.initialize()
        self.running = True
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(self._receive())
            await self._ended.wait()
            receiving.cancel()

    async def _receive(self) -> None:
        if self._consumer is None:
            return  # a subclass connects by itself
        async for data in self._consumer:
            try:
                await _awaited(self.handle_recv(data))
            except Exception:
                log.exception("%s: handle_recv failed on %s", self.name, data[0].decode(errors="replace"))

    def _stop_loop(self, _: object) -> None:
        self.loop.asyncio_loop.stop()

    def _close(self) -> None:
        """Free everything."""
        if self._consumer is not None:
            self._consumer.stop()
        if self._client is not None:
            self._client.stop()
        if self._context is not None:
            self._context.destroy(linger=0)
        self.loop.close()

    @property
    def sub_socket(self) -> "zmq.Socket[bytes]":
        """The subscription, from `initialize` on; to subscribe to more than ``watcher.``."""
        assert self._consumer is not None, "initialize first"
        return self._consumer.pubsub_socket

    @property
    def context(self) -> "zmq.Context[Any]":
        """The plugin's own ZeroMQ context; made on first use."""
        if self._context is None:
            self._context = zmq.Context()
        return self._context

    # -- commands ----------------------------------------------------------------------------------------------

    @property
    def client(self) -> CircusClient:
        """The control client; connected on first use."""
        with self._connecting:
            if self._client is None:
                self._client = CircusClient(
                    context=self.context,
                    endpoint=self.endpoint,
                    timeout=self.call_timeout,
                    ssh_server=self.ssh_server,
                )
            return self._client

    def call(self, command: str, **props: Any) -> dict[str, Any]:
        """Give circusd a command and wait for the reply; from any thread. Events wait meanwhile.

        Args:
            command: its word.
            props: its properties.

        Returns:
            The reply, whatever it says.

        Raises:
            CallError: there is none: circusd is not there, refuses us, or takes longer than `call_timeout`.
        """
        return self.client.call(make_message(command, **props))

    def cast(self, command: str, **props: Any) -> None:
        """Give circusd a command and do not wait.

        Raises:
            CallError: it cannot be sent.
        """
        self.client.call(cast_message(command, **props))

    # -- to override -------------------------------------------------------------------------------------------

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Receives every event that circusd publishes, one after the other. May be a coroutine function.

        Args:
            data: topic and message, for `split_data` or `WatcherEvent.read`.
        """
        raise NotImplementedError

    def handle_stop(self) -> None:
        """Called right before the plugin stops, also on SIGTERM."""

    def handle_init(self) -> Any:
        """Called right before the plugin starts, on its loop. May be a coroutine function."""

    # -- reading events ----------------------------------------------------------------------------------------

    @staticmethod
    def split_data(data: Sequence[bytes]) -> tuple[str, str, bytes]:
        """Watcher (as topics have it: lower case, blanks as underscores), event, message."""
        name, event = split_topic(data[0].decode("utf-8", "replace"))
        return name, event, data[1]

    @staticmethod
    def load_message(msg: bytes | str) -> Any:
        """What a message says."""
        return json.loads(msg)


async def _awaited(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("plugin: %s", context.get("message", "error"), exc_info=context.get("exception"))


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs and wait for it."""

    async def gather(*tasks: "asyncio.Task[Any]") -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    work: list[Coroutine[Any, Any, None]] = [gather(*left)] if left else []
    work += [loop.shutdown_asyncgens(), loop.shutdown_default_executor()]
    for one in work:
        loop.run_until_complete(one)
