"""From a request to its reply: who may, which handler, which promise. Acts only through what it is given.

Theory: a handler checks everything that can be refused before it answers. It answers with a reply (a mapping), with
`Later` (the reply takes a while, and comes when it is ready), or with `Work` (something is to be done): then the
reply says "accepted" at once, or "done" when it is, as the request wants it. Work that fails after it was accepted is
logged by whoever owns it. Nothing waits here for anything, so the next request is always answered.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any, final

from circus.arbiter.control import Incoming
from circus.arbiter.errors import CommandFailedError, error_number
from circus.arbiter.peers import Right
from circus.arbiter.secrets import without_secrets
from circus.arbiter.sparing import clipped
from circus.process.clock import wall
from circus.protocol.codec import Call, Malformed, encode, parse_request
from circus.protocol.errors import ErrorNumber
from circus.protocol.messages import Request

__all__ = ["Answer", "Dispatcher", "Handler", "Later", "Reply", "Work", "error_reply", "log"]

log = getLogger("circus.arbiter.dispatch")

Reply = dict[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Later:
    """A reply that takes a while; it is sent when it is ready, whatever the request says."""

    reply: Coroutine[Any, Any, Reply]


@final
@dataclass(frozen=True, slots=True)
class Work:
    """Something to be done.

    Args:
        done: does it; its result is the reply of a request that waits.
        accepted: more keys for the reply of one that does not.
    """

    done: Coroutine[Any, Any, Reply]
    accepted: Reply = field(default_factory=dict[str, Any])


Answer = Reply | Later | Work
Handler = Callable[[Any], Answer]


def error_reply(errno: ErrorNumber, reason: str) -> Reply:
    """The reply to a request that is refused or failed."""
    return {"status": "error", "reason": reason, "tb": None, "time": wall(), "errno": int(errno)}


def _ok(reply: Mapping[str, Any]) -> Reply:
    return {"status": "ok", "time": wall(), **reply}


def _write(_kind: Hashable, text: str) -> None:
    log.warning("%s", text)


@final
class Dispatcher:
    """Answers requests.

    Args:
        handlers: a handler for each command.
        send: puts the bytes of a reply on their way.
        adopt: runs a coroutine as one of the arbiter's own tasks.
        permit: what the peer may do; raises `ForbiddenError` where it may not ask for that.
        warn: writes a line about a bad request into the log, by its kind; None: every one is written.
    """

    def __init__(
        self,
        *,
        handlers: Mapping[type[Request], Handler],
        send: Callable[[Incoming, bytes], None],
        adopt: Callable[[Coroutine[Any, Any, None]], None],
        permit: Callable[[Incoming, Call], Right],
        warn: Callable[[Hashable, str], None] | None = None,
    ) -> None:
        self._warn = warn or _write
        self._handlers = handlers
        self._send = send
        self._adopt = adopt
        self._permit = permit

    def receive(self, incoming: Incoming) -> None:
        """Answer one request, now or later."""
        if incoming.body is None:
            self._warn(
                (str(incoming.peer), "frames"),
                f"refused a message that is not a request, from {incoming.peer}: wrong number of frames",
            )
            self._answer(
                incoming, Call(Malformed(ErrorNumber.INVALID_JSON, "json invalid: one frame is wanted")), None
            )
            return
        call = parse_request(incoming.body)
        request = call.request
        if isinstance(request, Malformed):
            self._warn(
                (str(incoming.peer), request.errno),
                f"refused {clipped(call.command) or 'a request'} from {incoming.peer}: {clipped(request.reason)}",
            )
            self._answer(incoming, call, error_reply(request.errno, request.reason))
            return
        try:
            right = self._permit(incoming, call)
            answer = self._handlers[type(request)](request)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a reply, see _failure
            self._answer(incoming, call, self._failure(call, error))
            return
        match answer:
            case Later():
                self._adopt(self._finish(incoming, call, answer.reply, reply=True))
            case Work():
                waits = request.waits
                if not waits:
                    self._answer(incoming, call, _ok(answer.accepted))
                self._adopt(self._finish(incoming, call, answer.done, reply=waits))
            case _:
                seen = answer if right is Right.COMMAND else without_secrets(request, answer)
                self._answer(incoming, call, _ok(seen))

    async def _finish(
        self, incoming: Incoming, call: Call, work: Coroutine[Any, Any, Reply], *, reply: bool
    ) -> None:
        try:
            result = _ok(await work)
        except asyncio.CancelledError:
            if reply:
                self._answer(incoming, call, error_reply(ErrorNumber.COMMAND_ERROR, "circusd stops"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever work raises becomes a reply or a log line
            result = self._failure(call, error, accepted=not reply)
        if reply:
            self._answer(incoming, call, result)

    def _failure(self, call: Call, error: Exception, *, accepted: bool = False) -> Reply:
        number = error_number(error)
        if number is None:
            log.error("command %s failed", call.command, exc_info=error)
            return error_reply(
                ErrorNumber.BAD_MSG_DATA_ERROR, f"server error: {type(error).__name__}, see circusd's log"
            )
        if accepted:  # nobody is answered any more, so each is written, whatever kind it is of
            log.warning("command %s failed after it was accepted: %s", call.command, clipped(str(error)))
        elif isinstance(error, CommandFailedError):  # what is forbidden is in the audit
            self._warn((call.command, type(error)), f"command {call.command}: {clipped(str(error))}")
        return error_reply(number, str(error))

    def _answer(self, incoming: Incoming, call: Call, reply: Reply | None) -> None:
        if call.cast:
            return
        if reply is None:
            assert isinstance(call.request, Malformed)
            reply = error_reply(call.request.errno, call.request.reason)
        reply["id"] = call.id
        self._send(incoming, encode(reply))
