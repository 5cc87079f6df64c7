"""The interactive shell: ``circusctl`` without a command."""

import cmd
import os
import shlex
from importlib.metadata import version
from typing import Final

from circus.ctl.app import run_line
from circus.ctl.arguments import arrange
from circus.ctl.complete import candidates, watcher_names
from circus.ctl.failures import ExitCode
from circus.ctl.session import Session
from circus.ctl.table import COMMANDS, nearest

__all__ = ["Shell"]

_CONNECTION: Final = frozenset({"--endpoint", "--ssh", "--ssh_keyfile", "--ssh-keyfile", "--timeout"})
"""Options of a line that want a connection of their own."""


class Shell(cmd.Cmd):
    """Reads commands, a line each, until the end of input, ``exit`` or an empty ^D.

    Args:
        session: its connection is kept from line to line; it stays the caller's to close.
    """

    prompt = "(circusctl) "

    def __init__(self, session: Session) -> None:
        super().__init__(stdout=session.out)
        self._session = session
        self._code = 0

    def run(self) -> int:
        """Greet, show the status, and read until the end.

        Returns:
            What to exit with.
        """
        self._session.write(f"circusctl {version('circus-ctl')}\n")
        self.onecmd("status")
        while True:
            try:
                self.cmdloop()
            except KeyboardInterrupt:
                # ^C drops a line, as in other shells; the end of input leaves.
                self._session.write("\n")
                if not self._session.out.isatty():
                    return ExitCode.OK
            else:
                self._session.write("\n")
                return ExitCode.OK

    def onecmd(self, line: str) -> bool:
        """Run one line; True ends the shell."""
        if line == "EOF" or line.strip() in {"exit", "bye"}:
            return True
        try:
            words = shlex.split(line)
        except ValueError as error:
            self._session.err.write(f"error: {error}\n")
            return False
        if not words:
            return False
        if words[0] in {"help", "?"}:
            self._help(words[1:])
            return False
        self._run(words)
        return False

    def _run(self, words: list[str]) -> None:
        base = self._session
        session = Session(base.settings, out=base.out, err=base.err)
        line = arrange(words)
        elsewhere = any(word.partition("=")[0] in _CONNECTION for word in line.options)
        if not elsewhere:
            session.take_client(base)
        try:
            self._code = run_line(line, session)
        except KeyboardInterrupt:
            base.write("\n")
        finally:
            if not elsewhere:
                base.take_client(session)
            session.close()

    def _help(self, words: list[str]) -> None:
        if not words:
            width = max(map(len, COMMANDS))
            lines = [
                f"  {name:<{width}}  {entry.summary}" for name, entry in COMMANDS.items() if not entry.hidden
            ]
            self._session.write("\n".join([*lines, "", "help COMMAND tells more; ^D leaves.", ""]))
        elif words[0] in COMMANDS:
            self._run([words[0], "--help"])
        else:
            likely = nearest(words[0])
            self._session.err.write(
                f"error: no such command {words[0]!r}"
                + (f"; did you mean {likely}?" if likely else "")
                + "\n"
            )

    def completenames(self, text: str, *ignored: object) -> list[str]:
        """Commands that start so."""
        del ignored
        own = [word for word in ("exit", "help") if word.startswith(text)]
        return sorted(own + candidates([], text, names=list))

    def completedefault(self, *arguments: object) -> list[str]:
        """Names of watchers and options that start so."""
        text, line, begin = str(arguments[0]), str(arguments[1]), int(str(arguments[2]))
        before = line[:begin].split()
        # readline breaks words at dashes and dots; what stands before is cut off again.
        glued = "" if not before or line[:begin].endswith(" ") else before.pop()
        found = candidates(before, glued + text, names=self._names)
        return [word[len(glued) :] for word in found]

    def _names(self) -> list[str]:
        endpoint = self._session.settings.endpoint
        return watcher_names(os.environ, ["--endpoint", endpoint] if endpoint else [])

    def emptyline(self) -> bool:
        """An empty line does nothing."""
        return False
