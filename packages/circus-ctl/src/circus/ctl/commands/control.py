"""Commands that change something."""

# ruff: noqa: FBT002 - a flag of typer is a default of False

from typing import Annotated, Any

import typer

from circus.client.wire import Document
from circus.ctl import plain
from circus.ctl.commands.common import Match, Matching, Names, Waiting, session_of
from circus.ctl.convert import check_signal, number, option_pairs
from circus.ctl.failures import ExitCode, Failure
from circus.ctl.session import Output, Session, plain_words
from circus.exc import ArgumentError

__all__ = [
    "add",
    "decr",
    "diff",
    "incr",
    "kill",
    "quit_",
    "reload",
    "reloadconfig",
    "reopenlogs",
    "restart",
    "rm",
    "scale",
    "set_",
    "signal_",
    "start",
    "stop",
]


def add(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME CMD...")] = None,
    start: Annotated[bool, typer.Option("--start", help="Start it at once.")] = False,
) -> int:
    """Add a watcher to the running daemon.

    The words of CMD are joined by blanks. Put -- before NAME if CMD has options that circusctl knows itself.
    """
    name, *cmd = plain_words(words, least=2)
    session = session_of(context)
    return session.answer(session.call("add", name=name, cmd=" ".join(cmd), start=start))


def rm(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME")] = None,
    nostop: Annotated[bool, typer.Option("--nostop", help="Leave its workers running, unwatched.")] = False,
    waiting: Waiting = False,
) -> int:
    """Stop the workers of a watcher and remove it."""
    (name,) = plain_words(words, least=1, most=1)
    props = _chosen(nostop=nostop, waiting=waiting)
    session = session_of(context)
    return session.answer(session.call("rm", name=name, **props))


def start(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None,
    match: Matching = Match.glob,
    waiting: Waiting = False,
) -> int:
    """Start the watchers whose name matches, or all."""
    return _many(session_of(context), "start", words, match=match, waiting=waiting)


def stop(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None,
    match: Matching = Match.glob,
    waiting: Waiting = False,
) -> int:
    """Stop the watchers whose name matches, or all.

    Workers get their stop signal, and SIGKILL when their grace is over.
    """
    return _many(session_of(context), "stop", words, match=match, waiting=waiting)


def restart(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None,
    match: Matching = Match.glob,
    waiting: Waiting = False,
) -> int:
    """Stop and start the watchers whose name matches; without a name everything, sockets included."""
    return _many(session_of(context), "restart", words, match=match, waiting=waiting)


def _many(session: Session, command: str, words: Names, *, match: Match, waiting: bool) -> int:
    name = plain_words(words, most=1)
    props: dict[str, Any] = {"name": name[0]} if name else {}
    return session.answer(session.call(command, **props, match=match.value, waiting=waiting))


def reload(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None,
    terminate: Annotated[
        bool, typer.Option("--terminate", help="Stop old workers before new ones start.")
    ] = False,
    sequential: Annotated[bool, typer.Option("--sequential", help="One worker after the other.")] = False,
    waiting: Waiting = False,
) -> int:
    """Replace the workers of a watcher, or of all, gracefully."""
    name = plain_words(words, most=1, wrong="invalid number of arguments")
    props: dict[str, Any] = {"name": name[0]} if name else {}
    session = session_of(context)
    return session.answer(
        session.call("reload", **props, graceful=not terminate, waiting=waiting, sequential=sequential)
    )


def reloadconfig(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(hidden=True)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    waiting: Waiting = False,
) -> int:
    """Read the configuration file again and apply what differs."""
    plain_words(words, most=0)
    session = session_of(context)
    if dry_run:
        return _show_plan(session)
    return session.answer(session.call("reloadconfig", waiting=waiting))


def diff(context: typer.Context) -> int:
    """Show what `reloadconfig` would change, and change nothing.

    Exits with 1 if anything would change, as diff(1) does.
    """
    return _show_plan(session_of(context))


def _show_plan(session: Session) -> int:
    # A daemon that does not know dry_run would reload at once: ask for its version first, which it does not know either.
    session.ask("version")
    reply = session.call("reloadconfig", dry_run=True, waiting=True)
    if session.output is Output.json or reply.get("status") == "error":
        return session.answer(reply)
    lines = _plan_lines(reply)
    session.write("".join(f"{line}\n" for line in lines) or "nothing would change\n")
    return ExitCode.FAILED if lines else ExitCode.OK


def _plan_lines(reply: Document) -> list[str]:
    """The steps of the plan as the daemon words them; none if nothing would change."""
    plan: Any = reply.get("plan") or {}
    if isinstance(plan, list):
        return [str(step) for step in plan]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not plan.get("steps") and not plan.get("needs_restart"):
        return []
    return str(reply.get("text") or plan.get("text", "")).splitlines()


def quit_(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(hidden=True)] = None,
    waiting: Waiting = False,
) -> int:
    """Stop all watchers, then the daemon."""
    plain_words(words, most=0)
    session = session_of(context)
    return session.answer(session.call("quit", waiting=waiting))


def incr(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME [NB]")] = None,
    waiting: Waiting = False,
) -> int:
    """Keep NB more workers, by default one."""
    return _change_number(session_of(context), "incr", words, waiting=waiting)


def decr(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME [NB]")] = None,
    waiting: Waiting = False,
) -> int:
    """Keep NB fewer workers, by default one."""
    return _change_number(session_of(context), "decr", words, waiting=waiting)


def _change_number(session: Session, command: str, words: Names, *, waiting: bool) -> int:
    name, *amount = plain_words(words, least=1, most=2)
    props = {"nb": number(amount[0])} if amount else {}
    reply = session.call(command, name=name, waiting=waiting, **props)
    return session.answer(reply, text=plain.numprocesses_changed)


def scale(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME=N...")] = None,
    waiting: Waiting = False,
) -> int:
    """Set how many workers watchers keep."""
    session = session_of(context)
    wanted: dict[str, int] = {}
    for word in plain_words(words, least=1):
        name, equals, count = word.rpartition("=")
        if not equals or not name:
            raise ArgumentError(f"{word!r} is not NAME=N")
        wanted[name] = number(count)
    code = 0
    for watcher, workers in wanted.items():
        options = {"numprocesses": workers}
        reply = session.call("set", name=watcher, options=options, **_chosen(waiting=waiting))
        code = session.answer(reply) or code
    return code


def set_(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME KEY VALUE [KEY VALUE]...")] = None,
    waiting: Waiting = False,
) -> int:
    """Change options of a watcher."""
    name, *pairs = plain_words(words, least=3)
    session = session_of(context)
    reply = session.call("set", name=name, options=option_pairs(pairs), **_chosen(waiting=waiting))
    return session.answer(reply)


def signal_(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME [PID] SIGNUM")] = None,
    children: Annotated[bool, typer.Option("--children", help="To the workers' children only.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="To all descendants, too.")] = False,
) -> int:
    """Send a signal, by number or name, to one worker of a watcher or to all."""
    name, *pid, signum = plain_words(words, least=2, most=3)
    props: dict[str, Any] = {"pid": number(pid[0], "pid")} if pid else {}
    session = session_of(context)
    reply = session.call(
        "signal", name=name, children=children, recursive=recursive, signum=_signal(signum), **props
    )
    return session.answer(reply)


def kill(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="NAME [PID]")] = None,
    signum: Annotated[
        str | None, typer.Option("--signum", help="In place of the watcher's stop_signal.")
    ] = None,
    graceful_timeout: Annotated[
        float | None,
        typer.Option("--graceful_timeout", help="Seconds until SIGKILL, in place of the watcher's."),
    ] = None,
    waiting: Waiting = False,
) -> int:
    """Stop one worker of a watcher, or all; they are replaced."""
    name, *pid = plain_words(words, least=1, most=2)
    props = _chosen(
        pid=number(pid[0], "pid") if pid else None,
        signum=_signal(signum) if signum is not None else None,
        graceful_timeout=graceful_timeout,
        waiting=waiting,
    )
    session = session_of(context)
    return session.answer(session.call("kill", name=name, **props))


def reopenlogs(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None,
    waiting: Waiting = False,
) -> int:
    """Open the files of output streams anew, after an external rotation."""
    name = plain_words(words, most=1)
    props: dict[str, Any] = {"name": name[0]} if name else {}
    session = session_of(context)
    return session.answer(session.call("reopenlogs", **props, **_chosen(waiting=waiting)))


def _signal(text: str) -> int:
    """A signal that is none is refused in the daemon's place, with its exit code."""
    try:
        return check_signal(text)
    except ArgumentError as error:
        raise Failure(f"error: {error}", code=ExitCode.REFUSED) from error


def _chosen(**props: Any) -> dict[str, Any]:
    """Those that were set; what was not is left to the daemon."""
    return {key: value for key, value in props.items() if value is not None and value is not False}
