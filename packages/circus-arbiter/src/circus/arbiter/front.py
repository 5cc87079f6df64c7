"""All that faces clients: the context, who is let in, commands, events, and who asked for what. Owned by the engine.

Theory: opened as one and closed as one, in the order that each needs: whoever lets connections in is there before the first
and goes after the last.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import final

import zmq

from circus.arbiter.audit import Audit, AuditEntry
from circus.arbiter.audit import log as audit_log
from circus.arbiter.build import Blueprint
from circus.arbiter.control import Control, Incoming
from circus.arbiter.dispatch import log as dispatch_log
from circus.arbiter.doorkeeper import Doorkeeper
from circus.arbiter.errors import ForbiddenError
from circus.arbiter.gate import Gate
from circus.arbiter.peers import Peer, Right
from circus.arbiter.publish import Publisher
from circus.arbiter.reach import check_reach, warnings_of
from circus.arbiter.sparing import SparingLog, clipped
from circus.exc import MessageError
from circus.process import threads
from circus.process.clock import monotonic, wall
from circus.protocol.codec import Call, Malformed
from circus.protocol.messages import Request

__all__ = ["Front"]

log = logging.getLogger("circus.arbiter")


@final
class Front:
    """The doors of one daemon.

    Args:
        blueprint: which doors.
        context: a ZeroMQ context of somebody else's, used if an endpoint is inproc; otherwise ours is one of its own, since
            who may come into a context is for its owner to say.
        receive: called on the loop with each request.
        on_log_demand: called with whether anybody subscribes to live output, when that changes.

    Raises:
        ArbiterError: `endpoint_owner` is no user, or there are no keys where CURVE is asked for.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        context: zmq.Context[zmq.Socket[bytes]] | None,
        receive: Callable[[Incoming], None],
        on_log_demand: Callable[[bool], None],
    ) -> None:
        self._options = blueprint.options
        self._refusals = SparingLog(audit_log, later=self._later, clock=monotonic)
        self._bad_requests = SparingLog(dispatch_log, later=self._later, clock=monotonic)
        self.audit = Audit(warn=self._refusals.write)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = Gate(blueprint.options)
        commands, events = blueprint.control_doors(), blueprint.event_doors()
        shared = context if blueprint.speaks_within else None
        self._own_context = shared is None
        self._context = shared if shared is not None else zmq.Context()
        self._keeper = Doorkeeper(
            self._context,
            ours=self._own_context,
            trusted=lambda peer: self._gate.right(peer) is Right.COMMAND,
        )
        self.publisher = Publisher(
            self._context,
            events,
            keeper=self._keeper,
            right=self._gate.right,
            on_log_demand=on_log_demand,
        )
        self.control = Control(
            self._context,
            commands,
            keeper=self._keeper,
            receive=receive,
            owner_uid=self._gate.owner_uid,
        )

    def open(self) -> None:
        """Bind everything.

        Raises:
            EndpointError: an endpoint cannot be bound, or is not bound because other machines could command us there.
        """
        check_reach(self._options)
        for option, text in warnings_of(self._options):
            log.warning("%s = %s: %s", option, getattr(self._options, option), text)
        self._keeper.open()
        self.publisher.open()
        self.control.open()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let connections in and publish from now on; `control.start` reads requests."""
        self._loop = loop
        self._keeper.start(loop)
        self.publisher.start(loop)

    @property
    def curve_endpoints(self) -> dict[str, str | None]:
        """Where those with keys come in, as bound."""
        events = self.publisher.bound_of(1)
        return {"curve_endpoint": self.control.bound_of(1), "curve_pubsub_endpoint": events}

    async def aclose(self) -> None:
        """Close everything. May be called any number of times."""
        self._refusals.close()
        self._bad_requests.close()
        self.control.close()
        self.publisher.close()
        self._keeper.close()
        if self._own_context:
            # Replies linger for a second at the most, so this cannot hang; it must not hold the loop up either.
            await threads.call(self._context.term)

    def permit(self, incoming: Incoming, call: Call) -> Right:
        """Let a request pass, and write down who asked for a change, or for what it may not have.

        Raises:
            ForbiddenError: this peer may not ask for that.
            MessageError: nor for exactly this.
        """
        request = call.request
        assert not isinstance(request, Malformed)
        try:
            right = self._gate.permit(incoming.peer, request)
        except (ForbiddenError, MessageError):
            self._write_down(incoming.peer, request, allowed=False)
            raise
        if not request.reads_only:
            self._write_down(incoming.peer, request, allowed=True)
        return right

    def cut_removed_keys(self) -> None:
        """End the connections of keys that are not authorised any more, and their subscriptions with them."""
        self._keeper.cut_removed_keys()

    def warn(self, kind: Hashable, text: str) -> None:
        """Write a line about a bad request into the log; of many of a kind, their number."""
        self._bad_requests.write(kind, text)

    def _later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle | None:
        return None if self._loop is None or self._loop.is_closed() else self._loop.call_later(seconds, do)

    def _write_down(self, peer: Peer, request: Request, *, allowed: bool) -> None:
        subject = clipped(str(getattr(request, "name", None) or ""))
        self.audit.record(
            AuditEntry(time=wall(), who=str(peer), command=request.command, subject=subject, allowed=allowed)
        )
