"""Commands that only look."""

# ruff: noqa: FBT002 - a flag of typer is a default of False

from typing import Annotated, Any

import typer

from circus.client.wire import Document
from circus.ctl import plain
from circus.ctl.commands.common import Names, session_of
from circus.ctl.convert import number
from circus.ctl.failures import ExitCode, Failure
from circus.ctl.session import Output, Session, plain_words, refused

__all__ = [
    "audit",
    "describe",
    "dstats",
    "env",
    "get",
    "globaloptions",
    "is_active",
    "list_",
    "listsockets",
    "numprocesses",
    "numwatchers",
    "options",
    "stats",
    "status",
    "version",
]


def _named(words: Names, *, wrong: str = "") -> dict[str, Any]:
    name = plain_words(words, most=1, wrong=wrong)
    return {"name": name[0]} if name else {}


def list_(context: typer.Context, words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None) -> int:
    """List the names of the watchers, or the pids of one watcher's workers."""
    session = session_of(context)
    reply = session.call("list", **_named(words))
    return session.answer(reply, text=plain.listing, names=_listed, table=_view("listing"))


def _listed(reply: Document) -> list[str]:
    items: list[Any] = reply["pids"] if "pids" in reply else reply.get("watchers", [])
    return [str(item) for item in items]


def listsockets(context: typer.Context, words: Annotated[Names, typer.Argument(hidden=True)] = None) -> int:
    """List the sockets that the daemon holds."""
    plain_words(words, most=0)
    session = session_of(context)
    return session.answer(
        session.call("listsockets"),
        text=plain.sockets,
        table=_view("sockets"),
        names=lambda reply: [item["name"] for item in reply["sockets"]],
    )


def status(context: typer.Context, words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None) -> int:
    """Show the state of one watcher, or of all."""
    session = session_of(context)
    props = _named(words, wrong="message invalid")
    reply = session.call("status", **props)
    if session.output is Output.wide and "statuses" in reply:
        return _wide_status(session, reply)
    return session.answer(
        reply,
        text=plain.status,
        table=_view("status"),
        names=lambda reply: sorted(reply.get("statuses", props.values())),
    )


def _wide_status(session: Session, reply: Document) -> int:
    """With what `describe` tells of each, where the daemon has it."""
    details: dict[str, Document] = {}
    for name in sorted(reply["statuses"]):
        detail = session.call("describe", name=name)
        if detail.get("status") == "error":
            count = session.call("numprocesses", name=name)
            detail = {"running": count.get("numprocesses", "")}
        details[name] = detail
    return session.answer({**reply, "details": details}, table=_view("status"))


def is_active(context: typer.Context, name: str) -> int:
    """Exit with 0 if the watcher is active, 3 if it is not, 4 if there is none of that name. Prints its state."""
    session = session_of(context)
    reply = session.call("status", name=name)
    if reply.get("status") == "error" and "reason" in reply:
        session.answer(reply) if session.output is Output.json else session.report(refused(reply))
        return ExitCode.UNKNOWN_STATE
    session.answer(reply, text=plain.status)
    return ExitCode.OK if reply["status"] == "active" else ExitCode.REFUSED


def numprocesses(
    context: typer.Context, words: Annotated[Names, typer.Argument(metavar="[NAME]")] = None
) -> int:
    """Count the workers of one watcher, or of all."""
    session = session_of(context)
    reply = session.call("numprocesses", **_named(words, wrong="message invalid"))
    return session.answer(reply, text=lambda reply: str(reply.get("numprocesses")))


def numwatchers(context: typer.Context, words: Annotated[Names, typer.Argument(hidden=True)] = None) -> int:
    """Count the watchers."""
    plain_words(words, most=0)
    session = session_of(context)
    return session.answer(session.call("numwatchers"), text=lambda reply: str(reply.get("numwatchers")))


def options(context: typer.Context, words: Annotated[Names, typer.Argument(metavar="NAME")] = None) -> int:
    """Show all options of a watcher."""
    (name,) = plain_words(words, least=1, most=1, wrong="number of arguments invalid")
    session = session_of(context)
    return session.answer(session.call("options", name=name), text=plain.options, table=_view("options"))


def get(context: typer.Context, words: Annotated[Names, typer.Argument(metavar="NAME KEY...")] = None) -> int:
    """Show some options of a watcher."""
    name, *keys = plain_words(words, least=2)
    session = session_of(context)
    return session.answer(
        session.call("get", name=name, keys=keys), text=plain.options, table=_view("options")
    )


def env(context: typer.Context, name: str) -> int:
    """Show the environment that a watcher gives its workers, one variable a line."""
    session = session_of(context)
    return session.answer(session.call("get", name=name, keys=["env"]), text=_env_lines, table=_view("env"))


def _env_lines(reply: Document) -> str:
    found: dict[str, Any] = reply["options"].get("env") or {}
    return "\n".join(f"{key}={value}" for key, value in sorted(found.items()))


def globaloptions(
    context: typer.Context, words: Annotated[Names, typer.Argument(metavar="[KEY]")] = None
) -> int:
    """Show options of the daemon."""
    key = plain_words(words, most=1)
    session = session_of(context)
    reply = session.call("globaloptions", **({"option": key[0]} if key else {}))
    if reply.get("status") == "error" and session.output is Output.text:
        # This one command has always given the bare reason.
        raise Failure(plain.reason(reply), code=ExitCode.REFUSED)
    return session.answer(reply, text=plain.options, table=_view("options"))


def stats(
    context: typer.Context,
    words: Annotated[Names, typer.Argument(metavar="[NAME [PID]]")] = None,
    extended: Annotated[
        bool, typer.Option("--extended", help="With what the extended_stats hook adds.")
    ] = False,
) -> int:
    """Show CPU, memory and age of one worker, one watcher's or all."""
    name = plain_words(words, most=2, wrong="message invalid")
    props: dict[str, Any] = {"name": name[0]} if name else {}
    if len(name) == 2:
        props["process"] = number(name[1], "pid")
    session = session_of(context)
    reply = session.call("stats", **props, extended=extended)
    return session.answer(reply, text=plain.stats, table=_view("stats"))


def dstats(context: typer.Context, words: Annotated[Names, typer.Argument(hidden=True)] = None) -> int:
    """Show CPU, memory and age of the daemon itself."""
    plain_words(words, most=0, wrong="Invalid message")
    session = session_of(context)
    return session.answer(session.call("dstats"), text=plain.dstats, table=_view("dstats"))


def describe(
    context: typer.Context, words: Annotated[Names, typer.Argument(metavar="NAME...")] = None
) -> int:
    """Show everything about a watcher: state, workers, exits and their reasons."""
    from circus.ctl.describe import describe_text  # noqa: PLC0415 - only here

    session = session_of(context)
    codes = [
        session.answer(session.call("describe", name=name), text=describe_text, table=_view("describe"))
        for name in plain_words(words, least=1)
    ]
    return max(codes)


def audit(
    context: typer.Context,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many.")] = 50,
) -> int:
    """Show the last changes that were asked for, and by whom."""
    from circus.ctl.describe import audit_text  # noqa: PLC0415 - only here

    session = session_of(context)
    return session.answer(session.call("audit", lines=lines), text=audit_text, table=_view("audit"))


def version(context: typer.Context) -> int:
    """Show version, uptime and endpoints of the daemon."""
    from circus.ctl.describe import version_text  # noqa: PLC0415 - only here

    session = session_of(context)
    return session.answer(session.call("version"), text=version_text, table=_view("version"))


def _view(name: str) -> Any:
    """A table of `circus.ctl.tables`, which loads rich when it is shown."""

    def show(reply: Document, wide: bool) -> Any:  # noqa: FBT001 - the signature of a table
        from circus.ctl import tables  # noqa: PLC0415 - see above

        return getattr(tables, name)(reply, wide=wide)

    return show
