"""Commands that follow what circusd publishes."""

# ruff: noqa: FBT002 - a flag of typer is a default of False

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from circus.client.errors import CallError
from circus.client.link import Link
from circus.consumer import CircusConsumer
from circus.ctl.commands.common import Names, session_of
from circus.ctl.convert import seconds_ago
from circus.ctl.discover import events_behind
from circus.ctl.failures import ExitCode, Failure, from_call
from circus.ctl.feed import LogLine, event_line, log_line, log_topic_prefix, topic_name
from circus.ctl.session import Output, Session
from circus.exc import ArgumentError
from circus.protocol.endpoints import DEFAULT_PUBSUB_ENDPOINT

__all__ = ["events", "listen", "logs", "top", "wait"]

_COLORS: Final = ("cyan", "green", "magenta", "yellow", "blue")
_ASK_AGAIN: Final = 1.0
"""Seconds; `wait` also looks by itself, for changes that no event tells."""


def _pubsub_endpoint(session: Session) -> str:
    """Where events are: asked for, over the control endpoint."""
    if session.security is not None:
        return events_behind(session.endpoint, str(session.ask("version").get("curve_pubsub_endpoint") or ""))
    reply = session.ask("globaloptions", option="pubsub_endpoint")
    return str(reply["options"]["pubsub_endpoint"] or DEFAULT_PUBSUB_ENDPOINT)


def _consumer(session: Session, topics: list[str], endpoint: str) -> CircusConsumer:
    settings = session.settings
    try:
        return CircusConsumer(
            topics,
            endpoint=endpoint,
            ssh_server=settings.ssh,
            ssh_keyfile=settings.ssh_keyfile,
            security=session.security,
        )
    except CallError as error:
        raise from_call(error) from error


def _messages(session: Session, consumer: CircusConsumer) -> Iterator[tuple[bytes, bytes]]:
    """What is published; a person is told when the daemon is not there."""
    known = Link.READY
    while True:
        message = consumer.wait(consumer.timeout)
        if isinstance(message, tuple):
            yield message
        elif isinstance(message, Link) and message is not known and message is not Link.CONNECTING:
            if message is Link.READY:
                session.note("circusd is back")
            elif known is Link.READY:
                session.note(f"nobody publishes at {consumer.endpoint}; waiting for circusd")
            known = message


def listen(
    context: typer.Context, topics: Annotated[Names, typer.Argument(metavar="[TOPIC...]")] = None
) -> int:
    """Print published messages as they come: topic and JSON, a message a line.

    TOPIC is the beginning of one, such as watcher.web. The endpoint, if given, is the one of events.
    """
    session = session_of(context)
    endpoint = session.settings.endpoint
    if endpoint is None:
        try:
            endpoint = _pubsub_endpoint(session)
        except Failure:
            endpoint = DEFAULT_PUBSUB_ENDPOINT
        session.close()
    with _consumer(session, topics or [""], endpoint) as consumer:
        for topic, message in _messages(session, consumer):
            session.write(f"{topic.decode('utf-8', 'replace')}: {message.decode('utf-8', 'replace')}\n")
    return ExitCode.OK


def events(
    context: typer.Context,
    names: Annotated[Names, typer.Argument(metavar="[NAME...]")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="As it always does.")] = True,
    count: Annotated[int, typer.Option("-n", "--count", help="End after so many; 0 never.", min=0)] = 0,
) -> int:
    """Follow events as they happen, of some watchers or of all."""
    del follow
    session = session_of(context)
    topics = [f"watcher.{topic_name(name)}." for name in names or []] or ["watcher.", "arbiter."]
    left = count or None
    with _consumer(session, topics, _pubsub_endpoint(session)) as consumer:
        session.close()
        session.note("following events; ^C ends")
        for topic, message in _messages(session, consumer):
            _show_event(session, topic, message)
            left = None if left is None else left - 1
            if left == 0:
                break
    return ExitCode.OK


def _show_event(session: Session, topic: bytes, message: bytes) -> None:
    when, subject, event, details = event_line(topic, message)
    if session.output is Output.json:
        text = message.decode("utf-8", "replace")
        session.write(f'{{"topic": {json.dumps(topic.decode("utf-8", "replace"))}, "event": {text}}}\n')
    elif session.for_person and session.colorful(session.out):
        color = {"reap": "33", "kill": "33", "failed": "31", "backoff": "33", "stuck": "31", "spawn": "32"}
        session.write(
            f"\x1b[2m{when}\x1b[0m {subject} \x1b[{color.get(event, '36')}m{event}\x1b[0m {details}".rstrip()
            + "\n"
        )
    else:
        session.write(f"{when} {subject} {event} {details}".rstrip() + "\n")


def logs(
    context: typer.Context,
    names: Annotated[Names, typer.Argument(metavar="[NAME...]")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of each.", min=0, max=100_000)] = 50,
    since: Annotated[str | None, typer.Option(help="Not older than 90s, 10m, 2h, 1d.")] = None,
    grep: Annotated[
        str | None, typer.Option(help="Only lines that this regular expression is found in.")
    ] = None,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only what went to standard error.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Only what went to standard output.")] = False,
) -> int:
    """Show the last lines that workers wrote, of some watchers or of all, and follow them with -f."""
    session = session_of(context)
    pattern = _pattern(grep)
    streams = {"stderr"} if stderr and not stdout else {"stdout"} if stdout and not stderr else set[str]()
    props: dict[str, Any] = {"lines": lines}
    if since is not None:
        # Compared with the daemon's wall clock.
        props["since"] = seconds_ago(since, datetime.now().timestamp())  # noqa: DTZ005 - an instant, not a date
    if streams:
        props["stream"] = next(iter(streams))
    chosen = names or list(session.ask("list")["watchers"])
    printer = _Printer(session, [*chosen])

    def wanted(line: LogLine) -> bool:
        return (not streams or line.stream in streams) and (
            pattern is None or bool(pattern.search(line.data))
        )

    if not follow:
        for line in filter(wanted, _recent(session, chosen, props)):
            printer.show(line)
        return ExitCode.OK
    topics = [log_topic_prefix(name) for name in chosen]
    # Subscribed before the past is asked for: nothing falls between, and what comes twice is shown once.
    with _consumer(session, topics, _pubsub_endpoint(session)) as consumer:
        past = _recent(session, chosen, props)
        session.close()
        for line in filter(wanted, past):
            printer.show(line)
        seen = set(past)
        newest = max((line.time for line in past), default=0.0)
        for topic, message in _messages(session, consumer):
            news = _published(topic, message, chosen)
            if news is None or (news.time <= newest and news in seen) or not wanted(news):
                continue
            printer.show(news)
    return ExitCode.OK


def _pattern(grep: str | None) -> re.Pattern[str] | None:
    try:
        return None if grep is None else re.compile(grep)
    except re.error as error:
        raise ArgumentError(f"{grep!r} is not a regular expression: {error}") from None


def _recent(session: Session, names: list[str], props: dict[str, Any]) -> list[LogLine]:
    found: list[LogLine] = []
    for name in names:
        reply = session.ask("logs", name=name, **props)
        found += [log_line(name, line) for line in reply["lines"]]
    return sorted(found, key=lambda line: line.time)


def _published(topic: bytes, message: bytes, names: list[str]) -> LogLine | None:
    """A line out of a publication, if it is of one of these watchers."""
    words = topic.decode("utf-8", "replace").split(".")
    subject = ".".join(words[1:-2])
    name = next((name for name in names if topic_name(name) == subject), None)
    if name is None:
        return None
    try:
        document = json.loads(message)
        return log_line(name, {"wid": words[-2], "stream": words[-1], **document})
    except (ValueError, TypeError):
        return None


class _Printer:
    """Prints log lines with a label in front, aligned and coloured where a person reads."""

    def __init__(self, session: Session, names: list[str]) -> None:
        self._session = session
        self._color = session.for_person and session.colorful(session.out)
        self._colors = {name: _COLORS[index % len(_COLORS)] for index, name in enumerate(names)}
        self._width = 0

    def show(self, line: LogLine) -> None:
        session = self._session
        if session.output is Output.json:
            session.write(json.dumps(line.document()) + "\n")
            return
        self._width = max(self._width, len(line.label))
        label = f"{line.label:<{self._width}} |" if session.for_person else f"{line.label} |"
        if not self._color:
            session.write(f"{label} {line.data}\n")
            return
        code = 31 if line.stream == "stderr" else _ANSI[self._colors.get(line.watcher, "cyan")]
        session.write(f"\x1b[{code}m{label}\x1b[0m {line.data}\x1b[0m\n")


_ANSI: Final = {"cyan": 36, "green": 32, "magenta": 35, "yellow": 33, "blue": 34}


def wait(
    context: typer.Context,
    name: str,
    wanted: Annotated[
        str, typer.Option("--for", help="active, stopped, failed, ..., or deleted.")
    ] = "active",
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds.", min=0)] = 30.0,
) -> int:
    """Wait until a watcher is in a state. Exits with 1 if it is not in time."""
    session = session_of(context)
    deadline = time.monotonic() + timeout
    with _consumer(session, [f"watcher.{topic_name(name)}."], _pubsub_endpoint(session)) as consumer:
        while True:
            state = _state(session, name, wanted)
            if state == wanted:
                return session.answer({"status": state}, text=lambda reply: str(reply["status"]))
            if state == "failed":
                raise Failure(f"error: {name} has failed", hint=f"circusctl describe {name} tells why")
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"error: {name} is {state}, not {wanted}, after {timeout:g} s")
            consumer.receive(min(left, _ASK_AGAIN))


def _state(session: Session, name: str, wanted: str) -> str:
    reply = session.call("status", name=name)
    if reply.get("status") != "error":
        return str(reply["status"])
    if wanted == "deleted":
        return "deleted"
    session.answer(reply)
    raise Failure("error: " + str(reply.get("reason")), code=ExitCode.REFUSED)


def top(
    context: typer.Context,
    arguments: Annotated[Names, typer.Argument(metavar="[OPTIONS]", help="Those of circus-top.")] = None,
) -> int:
    """Watch CPU and memory live, with circus-top."""
    session = session_of(context)
    beside = Path(sys.executable).with_name("circus-top")
    program = str(beside) if beside.exists() else shutil.which("circus-top")
    if program is None:
        raise Failure("error: circus-top is not installed", hint="pip install circus-top")
    ssh = ["--ssh", session.settings.ssh] if session.settings.ssh else []
    os.execv(program, [program, "--endpoint", session.endpoint, *ssh, *(arguments or [])])  # noqa: S606 - becomes circus-top
