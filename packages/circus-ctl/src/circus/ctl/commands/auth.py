"""Keys for other machines: made, listed, taken back. Files alone; the daemon sees a change at once."""

import os
import pwd
from pathlib import Path
from typing import Annotated

import typer

from circus.client.keys import (
    AuthorizedKey,
    KeyDirectory,
    Role,
    default_directory,
    make_pair,
    write_client_key,
)
from circus.client.security import CurveKeys
from circus.ctl.commands.common import Names, session_of
from circus.ctl.failures import ExitCode, Failure
from circus.ctl.session import Output, Session, plain_words

__all__ = ["auth"]

_WORDS = "init | list | add NAME | remove NAME | new FILE"


def auth(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar=_WORDS)] = None,
    folder: Annotated[str | None, typer.Option("--dir", help="The daemon's keys, as its curve_dir.")] = None,
    role: Annotated[str, typer.Option(help="With add: viewer or admin.")] = Role.VIEWER.value,
    public: Annotated[
        str | None, typer.Option(help="With add: the public key of somebody's own pair.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="With new: the daemon's public key, from server.pub.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="With init and add: where to write the client's file.")
    ] = None,
) -> int:
    """Make, list and take back keys for other machines.

    init makes the daemon's keys and an admin key for you. add lets a key in: without --public it makes one and writes the file
    for its holder. new makes a pair on the holder's own machine, and prints what add --public wants.
    """
    session = session_of(context)
    action, *names = plain_words(words, least=1, most=2, wrong=f"circusctl auth {_WORDS}")
    directory = KeyDirectory(Path(folder) if folder else default_directory(os.environ, uid=os.getuid()))
    name = names[0] if names else ""
    match action, bool(name):
        case "init", False:
            session.write(_init(directory, out=out))
        case "list", False:
            _list(session, directory)
        case "add", True:
            session.write(_add(directory, name, role=_role(role), public=public, out=out))
        case "remove", True:
            directory.remove(name)
            session.write(f"{name} is not let in any more\n")
        case "new", True:
            session.write(_new(Path(name), server=server))
        case _:
            raise Failure(f"error: circusctl auth {_WORDS}", code=ExitCode.USAGE)
    return ExitCode.OK


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise Failure(f"error: {word!r} is neither viewer nor admin", code=ExitCode.USAGE) from None


def _init(directory: KeyDirectory, *, out: str | None) -> str:
    directory.create()
    name = pwd.getpwuid(os.getuid()).pw_name
    target = Path(out) if out else directory.path / f"{name}.key"
    told = _add(directory, name, role=Role.ADMIN, public=None, out=str(target))
    return (
        f"the keys of circusd are in {directory.path}\n{told}"
        "put into the [circus] section of its configuration, and restart it:\n"
        "    curve_endpoint = tcp://0.0.0.0:5565\n"
        "    curve_pubsub_endpoint = tcp://0.0.0.0:5566\n"
        f"    curve_dir = {directory.path}\n"
    )


def _add(directory: KeyDirectory, name: str, *, role: Role, public: str | None, out: str | None) -> str:
    server = directory.server()
    if public is not None:
        directory.add(AuthorizedKey(name, role, public))
        return f"{name} is let in as {role.value}\n"
    made, secret = make_pair()
    target = Path(out) if out else Path(f"{name}.key")
    write_client_key(target, CurveKeys(server_key=server.public_key, public_key=made, secret_key=secret))
    directory.add(AuthorizedKey(name, role, made))
    return (
        f"{name} is let in as {role.value}, with the key file {target}: circusctl --key, or CIRCUSCTL_KEY\n"
    )


def _new(path: Path, *, server: str | None) -> str:
    if server is None:
        raise Failure(
            "error: which daemon? --server KEY, from the file server.pub beside its keys", code=ExitCode.USAGE
        )
    public, secret = make_pair()
    write_client_key(path, CurveKeys(server_key=server, public_key=public, secret_key=secret))
    return f"{public}\n"


def _list(session: Session, directory: KeyDirectory) -> None:
    keys = directory.authorized()
    if session.output is Output.json:
        session.show_json([{"name": key.name, "role": key.role.value, "key": key.public_key} for key in keys])
        return
    session.write("".join(f"{key.name} {key.role.value} {key.public_key}\n" for key in keys))
