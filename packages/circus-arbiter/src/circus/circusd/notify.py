"""sd_notify(3): telling systemd what we do, where it asked for it. Linux; elsewhere nothing asks.

The protocol is one datagram of ``KEY=VALUE`` lines to the unix socket named in ``$NOTIFY_SOCKET``; a leading ``@``
stands for the NUL of an abstract name (systemd's sd_notify(3)).
"""

import os
import socket

__all__ = ["notify"]


def notify(state: str) -> bool:
    """Send a state such as ``READY=1``; False if nobody asked or it could not be told. Never raises."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or address[0] not in "/@":
        return False
    if address[0] == "@":
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(address)
            sender.sendall(state.encode())
    except OSError:
        return False
    return True
