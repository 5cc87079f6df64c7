"""Tells a daemon with a queue at its door from no daemon: libzmq says the same of both."""

import socket

__all__ = ["queue_is_full"]


def queue_is_full(endpoint: str) -> bool:
    """Whether somebody listens at an ipc endpoint, and as many wait there as can; False for other transports."""
    path = endpoint.removeprefix("ipc://")
    if path == endpoint:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect("\0" + path[1:] if path.startswith("@") else path)
        except BlockingIOError:
            return True
        except (OSError, ValueError):  # nobody, or no address
            return False
    return False
