"""From what callers of the library write to what is asked inside, and back. Pure."""

import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from circus.protocol.options import ArbiterOptions
from circus.sockets import CircusSocket, CircusSockets, SocketSpec

__all__ = ["keywords", "named", "program", "socket", "without_name"]


def program(command: str) -> str:
    """The name of the program in a command."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return os.path.basename(words[0]) if words else ""


def keywords(options: ArbiterOptions) -> dict[str, Any]:
    """The arguments of `Arbiter` that options of the daemon stand for."""
    return {
        name: getattr(options, name)
        for name in ArbiterOptions.model_fields
        if name not in {"include", "include_dir"}
    }


def without_name(plugin: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plugin.items() if key != "name"}


def named(sockets: Iterable[CircusSocket]) -> CircusSockets:
    made = CircusSockets()
    for sock in sockets:
        made[sock.name] = sock
    return made


def socket(spec: SocketSpec) -> CircusSocket:
    return CircusSocket(
        spec.name,
        spec.host,
        spec.port,
        spec.family,
        spec.type,
        spec.proto,
        spec.backlog,
        spec.path,
        spec.umask,
        spec.replace,
        spec.interface,
        spec.reuse_port,
        spec.blocking,
    )
