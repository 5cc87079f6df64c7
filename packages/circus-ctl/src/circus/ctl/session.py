"""What a command works with: the connection, made when it is first needed, and the two ways to show a reply.

Theory: where output goes to a terminal a person reads it (tables, colours, hints, rich loaded); elsewhere a script
does, and gets the plain text that never changes. `-o` overrides that guess.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from circus.client.errors import CallError
from circus.client.wire import Document, make_message
from circus.ctl import plain
from circus.ctl.discover import control_endpoint
from circus.ctl.failures import ExitCode, Failure, from_call
from circus.exc import ArgumentError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from circus.client.blocking import CircusClient
    from circus.client.security import Security

__all__ = ["Output", "Session", "Settings", "plain_words"]


class Output(str, Enum):  # noqa: UP042 - typer shows members of a str enum by value
    """How replies are shown."""

    json = "json"
    table = "table"
    wide = "wide"
    names = "name"
    text = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The global options."""

    endpoint: str | None = None
    timeout: float = 5.0
    output: Output | None = None
    prettify: bool = False
    color: bool | None = None
    """None: as the terminal and NO_COLOR, FORCE_COLOR say."""
    ssh: str | None = None
    ssh_keyfile: str | None = None
    key: str | None = None
    """A client's key file; None: as CIRCUSCTL_KEY says."""
    debug: bool = False


@dataclass(slots=True)
class Session:
    """One run of circusctl, or one interactive shell.

    Args:
        settings: the global options.
        out: where results go.
        err: where errors go.
    """

    settings: Settings
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    _client: "CircusClient | None" = None

    @property
    def output(self) -> Output:
        """How results are shown: as told, else by what they go to."""
        return self.settings.output or (Output.table if self.out.isatty() else Output.text)

    @property
    def for_person(self) -> bool:
        return self.output in {Output.table, Output.wide}

    @property
    def endpoint(self) -> str:
        return control_endpoint(self.settings.endpoint, os.environ)

    def client(self) -> "CircusClient":
        """The connection; the session's own."""
        if self._client is None:
            from circus.client.blocking import CircusClient  # noqa: PLC0415 - loads zmq

            self._client = CircusClient(
                endpoint=self.endpoint,
                timeout=self.settings.timeout,
                ssh_server=self.settings.ssh,
                ssh_keyfile=self.settings.ssh_keyfile,
                security=self.security,
            )
        return self._client

    @property
    def security(self) -> "Security | None":
        """What proves who we are: the key file that was told. Not over ipc, where the kernel says it.

        Raises:
            KeyFileError: it cannot be used.
        """
        path = self.settings.key or os.environ.get("CIRCUSCTL_KEY")
        if not path or self.endpoint.startswith("ipc:"):
            return None
        from circus.client.keys import read_client_key  # noqa: PLC0415 - only with keys

        return read_client_key(Path(path).expanduser())

    def take_client(self, other: "Session") -> None:
        """Own the connection of another session from now on, if it has one."""
        self._client, other._client = other._client, None  # noqa: SLF001 - of the same class

    def close(self) -> None:
        """End the connection; idempotent."""
        if self._client is not None:
            self._client.stop()
            self._client = None

    def call(self, command: str, **props: Any) -> Document:
        """Ask; the reply may say error.

        Raises:
            Failure: there was no reply.
        """
        try:
            return self.client().call(make_message(command, **props))
        except CallError as error:
            raise from_call(error) from error

    def ask(self, command: str, **props: Any) -> Document:
        """Ask for something that must succeed.

        Raises:
            Failure: there was no reply, or it says error.
        """
        reply = self.call(command, **props)
        if reply.get("status") == "error":
            raise refused(reply)
        return reply

    def answer(
        self,
        reply: Document,
        *,
        text: Callable[[Document], str] = plain.ok,
        table: "Callable[[Document, bool], RenderableType] | None" = None,
        names: Callable[[Document], list[str]] | None = None,
    ) -> int:
        """Show a reply.

        Args:
            reply: what was answered.
            text: how a script reads it.
            table: how a person reads it, given the reply and whether it may be wide.
            names: what `-o name` prints, one a line.

        Returns:
            The exit code.

        Raises:
            Failure: the reply says error, and is not shown as JSON.
        """
        failed = reply.get("status") == "error"
        if self.output is Output.json:
            self.show_json(reply)
            return ExitCode.REFUSED if failed else ExitCode.OK
        if failed:
            raise refused(reply)
        if self.output is Output.names and names is not None:
            self.write("".join(f"{name}\n" for name in names(reply)))
        elif self.for_person and table is not None:
            self.console().print(table(reply, self.output is Output.wide))
        elif self.for_person and text is plain.ok:
            self.console().print("[green]ok[/]")
        else:
            self.write(text(reply) + "\n")
        return ExitCode.OK

    def show_json(self, document: Any) -> None:
        """Print JSON: one line, or, if asked for, many sorted ones, coloured on a terminal."""
        if not self.settings.prettify:
            self.write(json.dumps(document) + "\n")
            return
        text = json.dumps(document, indent=2, sort_keys=True)
        if self.colorful(self.out):
            self.console().print_json(text)
        else:
            self.write(text + "\n")

    def write(self, text: str) -> None:
        """Print as it is; what the terminal's encoding cannot hold is written with backslashes."""
        try:
            self.out.write(text)
        except UnicodeEncodeError:
            encoding = self.out.encoding or "ascii"
            self.out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self.out.flush()

    def note(self, text: str) -> None:
        """Tell a person something beside the result."""
        if self.err.isatty():
            self.err.write(text + "\n")
            self.err.flush()

    def colorful(self, stream: TextIO) -> bool:
        """Whether to colour what goes there: told, NO_COLOR, FORCE_COLOR, then whether it is a terminal."""
        if self.settings.color is not None:
            return self.settings.color
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")

    def console(self, *, stderr: bool = False) -> "Console":
        """rich, for results or for errors."""
        from rich.console import Console  # noqa: PLC0415 - only where a person reads

        stream = self.err if stderr else self.out
        colorful = self.colorful(stream)
        width = None if stream.isatty() else 160
        return Console(
            file=stream,
            force_terminal=colorful or None,
            no_color=not colorful,
            highlight=False,
            width=width,
            soft_wrap=False,
        )

    def report(self, failure: Failure) -> int:
        """Tell of a failure, with the way out where a person reads.

        Returns:
            The exit code.
        """
        text, hint = str(failure), failure.hint
        if text == "Timed out.":
            # Without a final line end, as ever; a person gets one.
            self.err.write(f"{text}\n\n{hint}" if not self.err.isatty() else f"error: timed out\n{hint}")
        else:
            self.err.write(self._paint(text) + "\n")
            if hint and self.err.isatty():
                self.err.write(f"hint: {hint}\n")
        self.err.flush()
        return failure.code

    def _paint(self, text: str) -> str:
        """A person always sees that it is an error."""
        if not self.err.isatty():
            return text
        rest = text.removeprefix("error: ")
        return f"\x1b[1;31merror:\x1b[0m {rest}" if self.colorful(self.err) else f"error: {rest}"


def refused(reply: Document) -> Failure:
    """What the user is told when the daemon says error."""
    text = plain.error(reply)
    missing = "not found" in text and text.startswith("error: program")
    unknown = reply.get("errno") == 2
    hint = "circusctl list shows the watchers" if missing else ""
    hint = "this circusd is older than the command" if unknown else hint
    return Failure(text, hint=hint, code=ExitCode.REFUSED)


def plain_words(
    words: list[str] | None, *, least: int = 0, most: int | None = None, wrong: str = ""
) -> list[str]:
    """The arguments of a command, if there are neither too few nor too many.

    Raises:
        ArgumentError: there are.
    """
    words = words or []
    if len(words) < least or (most is not None and len(words) > most):
        raise ArgumentError(wrong or "Invalid number of arguments")
    return words
