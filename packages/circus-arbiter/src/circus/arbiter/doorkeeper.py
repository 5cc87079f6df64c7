"""Lets connections in, and knows for each message whose it is. The shell around `seats` and `owner`.

Theory: libzmq asks about each new connection, before any message passes, through a socket of a fixed name (ZAP, RFC 27).
What it is answered as `User-Id` is bound to the connection: libzmq puts it on every message, and no peer can write it.
Over ipc the question itself names the peer's uid and pid; with CURVE it brings the proven key; for TCP it brings
neither port nor descriptor, so the answer is a note of the moment (`seats`), and the socket's own news say which
descriptor was accepted when: the peer is looked up then, once, while it still waits for our half of the handshake.

A peer that sends messages before our half is cut by libzmq; one that left before it was looked at is unknown.
ZeroMQ's I/O thread reports a close before it closes, so a look at a descriptor holds if no close of it is in the news that
follow the look. All of this is for a context of our own: there is one such name in each, and in a program's context it is
the program's. In a context of somebody else's, who shares our process is trusted and everybody else may look.

When descriptors run short, connections end: of those who never said anything, then of strangers. A look at a descriptor
that holds, as above, is also what makes it safe to shut one down.

Illegal states: a connection without a note; two handlers in a context.
"""

import asyncio
import errno
import os
import resource
import socket as stdlib_socket
import tempfile
from collections.abc import Callable, Sequence
from itertools import count, islice
from logging import getLogger
from typing import Final, final

import zmq

from circus.arbiter.binding import bind_endpoint, bound_endpoint, check_endpoint, ipc_path
from circus.arbiter.errors import EndpointError
from circus.arbiter.peers import Peer
from circus.arbiter.porch import Porch, is_stepwise, queue_for
from circus.arbiter.seats import dispensable
from circus.arbiter.sparing import SparingLog
from circus.arbiter.watch import NEWS_WANTED, Watch, peer_of_address
from circus.client.keys import KeyDirectory, ServerKeys
from circus.process import clock, descriptors

__all__ = ["Doorkeeper", "Watch", "peer_of_address"]

log = getLogger("circus.arbiter.doorkeeper")

_HANDLER: Final = "inproc://zeromq.zap.01"
_BACKLOG: Final = 1024
"""Connections that may wait to be accepted; more than the default of 100, for the moment after a restart."""
_FEW_CLIENTS: Final = 12
"""So many are let in also where workers have left few descriptors; helpers of our own are among them."""
_numbers = count(1)


@final
class Doorkeeper:
    """Answers for one context, from `open` to `close`.

    Args:
        context: whose connections; stays the caller's.
        ours: whether nobody else uses the context.
        trusted: who keeps its connection when descriptors run short.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        ours: bool = True,
        trusted: Callable[[Peer], bool] = lambda _: True,
    ) -> None:
        self._context = context
        self._ours = ours
        self._trusted = trusted
        self._sparing = SparingLog(log, later=self._later, clock=clock.monotonic)
        self._watches: dict[str, Watch] = {}
        self._handler: zmq.Socket[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fds: list[int] = []
        self._nobody: stdlib_socket.socket | None = None
        self._paused = False
        self._spare = -1

    def open(self) -> None:
        """Be there before the first connection."""
        if self._ours:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            self._handler = self._context.socket(zmq.REP)
            self._handler.linger = 0
            self._handler.bind(_HANDLER)

    def guard(
        self,
        socket: "zmq.Socket[bytes]",
        *,
        server: ServerKeys | None = None,
        keys: KeyDirectory | None = None,
    ) -> Watch:
        """Watch a socket that is not bound yet.

        Args:
            socket: a listening one.
            server: our CURVE keys; None for a socket without.
            keys: whose keys are let in; given with `server`.
        """
        name = f"circus.{next(_numbers)}"
        # With a ZAP domain libzmq refuses peers that speak ZMTP 1 or 2, and so HTTP posts of web pages.
        socket.setsockopt(zmq.ZAP_DOMAIN, name.encode())
        socket.setsockopt(zmq.BACKLOG, _BACKLOG)
        if server is not None:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, server.secret_key.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, server.public_key.encode())
        watch = Watch(name, self._open_news(socket, name) if self._ours else None, keys, self._make_room)
        self._watches[name] = watch
        return watch

    def bind(
        self,
        socket: "zmq.Socket[bytes]",
        watch: Watch,
        endpoint: str,
        *,
        purpose: str,
        owner_uid: int | None = None,
    ) -> str:
        """Bind a guarded socket, and say where.

        Args:
            socket: the one that was guarded.
            watch: what `guard` gave for it.
            endpoint: where.
            purpose: of it, for the error.
            owner_uid: whom the file of an ipc endpoint is given to; None: nobody.

        Raises:
            EndpointError: it cannot be bound, or its file cannot be given away.
        """
        path, limit = ipc_path(endpoint), _limit()
        if path is None or not self._ours or not is_stepwise(path, limit):
            bind_endpoint(socket, endpoint, purpose)
            if path is not None and owner_uid is not None:
                _give_away(path, owner_uid, endpoint, purpose)
            return bound_endpoint(socket)
        check_endpoint(endpoint, purpose)
        porch = Porch(
            socket,
            path,
            kept=self._kept,
            queue=queue_for(descriptors.kept_for_a_group(limit)),
            pause=self._pause,
            relieve=self._make_room,
            owner_uid=owner_uid,
        )
        try:
            porch.open()
        except OSError as error:
            raise EndpointError(purpose, endpoint, error.strerror or str(error)) from error
        watch.porches.append(porch)
        if self._nobody is None:
            self._nobody = _socket_that_nobody_reaches()
        return endpoint

    def _kept(self) -> int:
        """How many descriptors must be free for who waits: while there are few clients, only what they may need themselves."""
        seats = (seat for watch in self._watches.values() for seat in watch.seats)
        few = len(list(islice(seats, _FEW_CLIENTS))) < _FEW_CLIENTS
        return (descriptors.kept_for_a_group if few else descriptors.kept_for_clients)(_limit())

    def _pause(self, wanted: bool) -> bool:  # noqa: FBT001 - a callback
        """Let nobody in over TCP for the moment, or again; False: a pause is on already, for somebody else."""
        if wanted and self._paused:
            return False
        assert self._nobody is not None
        self._paused = wanted
        for watch in self._watches.values():
            watch.hold(self._nobody.fileno() if wanted else None)
        return True

    def _make_room(self) -> None:
        """End connections that can be done without, if there are too few descriptors for more clients."""
        limit, free = _limit(), descriptors.free()
        short = self._kept() - free
        if short <= 0 or self._spare < 0:
            return
        seats = [(seat, watch) for watch in self._watches.values() for seat in watch.seats]
        victims = {
            id(seat) for seat in dispensable((seat for seat, _ in seats), short, trusted=self._trusted)
        }
        ended = sum(watch.end(seat, self._spare) for seat, watch in seats if id(seat) in victims)
        done = f"{ended} idle connections were ended" if ended else "new clients have to wait"
        self._sparing.write(
            "descriptors",
            f"too few descriptors for more clients: {free} of {limit} are left; {done}. {descriptors.HOW_TO_RAISE}",
        )

    def cut_removed_keys(self) -> None:
        """End the connections of keys that are not authorised any more, and their subscriptions with them."""
        ended = sum(
            watch.end(seat, self._spare) for watch in self._watches.values() for seat in watch.of_removed_keys
        )
        if ended:
            log.warning("ended %d connections of keys that are not authorised any more", ended)

    def _later(self, seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle | None:
        return None if self._loop is None or self._loop.is_closed() else self._loop.call_later(seconds, do)

    def _open_news(self, socket: "zmq.Socket[bytes]", name: str) -> "zmq.Socket[bytes]":
        news = self._context.socket(zmq.PAIR)
        news.linger = 0
        news.setsockopt(zmq.RCVHWM, 0)  # the I/O thread must never wait for us
        address = f"inproc://{name}.news"
        socket.monitor(address, NEWS_WANTED)
        news.connect(address)
        return news

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on."""
        self._loop = loop
        if self._handler is None:
            return
        readers = {int(self._handler.getsockopt(zmq.FD)): self._answer_all}
        for watch in self._watches.values():
            fd = watch.fd
            assert fd is not None
            readers[fd] = watch.refresh
        for fd, read in readers.items():
            loop.add_reader(fd, read)
            self._fds.append(fd)
            read()
        for watch in self._watches.values():
            for porch in watch.porches:
                porch.start(loop)

    def _answer_all(self) -> None:
        while self._handler is not None:
            try:
                request = self._handler.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._handler.send_multipart(self._answer(request), zmq.NOBLOCK)
            except zmq.ZMQError as error:
                if error.errno not in {errno.EAGAIN, errno.EHOSTUNREACH}:
                    log.warning("a new connection could not be answered: %s", error.strerror)

    def _answer(self, request: Sequence[bytes]) -> list[bytes]:
        version, number, domain, address, _identity, mechanism, *credentials = request
        watch = self._watches.get(domain.decode("utf-8", "replace"))
        key = credentials[0] if credentials else b""
        who = address.decode("utf-8", "replace")
        note = None if watch is None else watch.admit(who, mechanism, key)
        if note is None:
            self._sparing.write("refused", f"refused a connection from {who or 'a peer that left at once'}")
            return [version, number, b"400", b"not authorised", b"", b""]
        return [version, number, b"200", b"OK", note.encode(), b""]

    def close(self) -> None:
        """Let nobody in any more; after the guarded sockets were closed. May be called any number of times."""
        if self._loop is not None:
            for fd in self._fds:
                self._loop.remove_reader(fd)
        self._fds.clear()
        self._sparing.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        if self._nobody is not None:
            self._nobody.close()
            self._nobody = None
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.close(0)


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _socket_that_nobody_reaches() -> stdlib_socket.socket:
    """It listens where no name leads to; to accept there is to be told to try again."""
    with tempfile.TemporaryDirectory() as folder:
        listening = stdlib_socket.socket(stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM)
        try:
            listening.setblocking(False)
            listening.bind(f"{folder}/x")
            listening.listen(0)
        except BaseException:
            listening.close()
            raise
    return listening


def _give_away(path: str, uid: int, endpoint: str, purpose: str) -> None:
    try:
        os.chown(path, uid, -1)
    except OSError as error:
        raise EndpointError(
            purpose, endpoint, f"its file cannot be given to endpoint_owner: {error.strerror}"
        ) from error
