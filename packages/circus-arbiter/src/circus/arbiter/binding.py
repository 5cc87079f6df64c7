"""Binds ZeroMQ endpoints, and says which one could not be had, why, and what to do."""

import errno
import os
import socket as stdlib_socket
from contextlib import suppress
from typing import Final

import zmq

from circus.arbiter.errors import EndpointError
from circus.sockets.holders import holder_of
from circus.sockets.spec import Holder

__all__ = ["bind_endpoint", "bound_endpoint", "check_endpoint", "ipc_path", "remove_file"]

_IPC_PATH_MAX: Final = 107
"""sockaddr_un holds 108 bytes, the last one being NUL (unix(7))."""


def bound_endpoint(socket: "zmq.Socket[bytes]") -> str:
    """The endpoint that was bound last, with the port that the system chose."""
    return socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")


def remove_file(endpoint: str) -> None:
    """Remove the file of an ipc endpoint that we had bound."""
    path = ipc_path(endpoint)
    if path is not None:
        with suppress(OSError):
            os.unlink(path)


def ipc_path(endpoint: str) -> str | None:
    """The file of an ipc endpoint; None for other transports and for abstract names."""
    path = endpoint.removeprefix("ipc://")
    return None if path == endpoint or path.startswith("@") or not path else path


def _ipc_is_served(path: str) -> bool:
    with stdlib_socket.socket(stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def bind_endpoint(socket: zmq.Socket[bytes], endpoint: str, purpose: str) -> None:
    """Bind, or say which endpoint, why not, and what to do.

    Raises:
        EndpointError: it cannot be bound.
    """
    check_endpoint(endpoint, purpose)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise EndpointError(purpose, endpoint, _explain(error, endpoint)) from error


def check_endpoint(endpoint: str, purpose: str) -> None:
    """See to it that a bind takes nothing away.

    libzmq removes a file that is in the way of an ipc endpoint, also the one of a living daemon: so whether
    somebody still answers there is asked first.

    Raises:
        EndpointError: somebody does, or the path is too long.
    """
    path = ipc_path(endpoint)
    if path is not None:
        if len(os.fsencode(path)) > _IPC_PATH_MAX:
            raise EndpointError(
                purpose,
                endpoint,
                f"the path is longer than the {_IPC_PATH_MAX} bytes of a unix socket; use a shorter one",
            )
        if os.path.exists(path) and _ipc_is_served(path):
            raise EndpointError(purpose, endpoint, "another process serves it")


def _explain(error: zmq.ZMQError, endpoint: str) -> str:
    if error.errno == zmq.EADDRINUSE:
        holder = _holder(endpoint)
        return "address in use" + (f" by {holder}" if holder else "")
    if error.errno in {errno.ENODEV, zmq.EADDRNOTAVAIL}:
        return "this machine has no such address"
    if error.errno in {zmq.EPROTONOSUPPORT, errno.EINVAL}:
        return f"not an endpoint ({error.strerror}); write tcp://HOST:PORT or ipc://PATH"
    return error.strerror or str(error)


def _holder(endpoint: str) -> Holder | None:
    """Who holds a TCP address; None if it cannot be told."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    host = host.strip("[]")
    if not port.isdigit():
        return None
    family = stdlib_socket.AF_INET6 if ":" in host else stdlib_socket.AF_INET
    return holder_of((host, int(port)), family=family, stream=True)
