"""A plugin that restarts a watcher when the program that it runs was changed on the disk."""

import logging
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from circus.plugins.base import CircusPlugin
from circus.plugins.events import is_helper
from circus.plugins.periodic import PeriodicCallback

__all__ = ["CommandReloader", "FileState", "command_files"]

log = logging.getLogger("circus")

_INTERPRETERS = ("python", "pypy", "node", "ruby", "perl", "php", "sh", "bash", "dash", "zsh", "lua")


@final
@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one version of a file from another."""

    path: str
    inode: int
    mtime_ns: int
    size: int

    @classmethod
    def of(cls, path: str) -> "FileState | None":
        """The state of a file now; None if there is none: it may just be about to be replaced."""
        real = os.path.realpath(path)
        try:
            stat = Path(real).stat()
        except OSError:
            return None
        return cls(real, stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError:
            return value.split()
    return [str(word) for word in value] if isinstance(value, (list, tuple)) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def command_files(options: Mapping[str, Any]) -> list[str]:
    """The files that a watcher's command names: its executable, and the script where that is an interpreter.

    Args:
        options: `cmd`, `args`, `working_dir` and `env` of the watcher.
    """
    words = _words(options.get("cmd")) + _words(options.get("args"))
    if not words:
        return []
    folder = str(options.get("working_dir") or ".")
    env = options.get("env")
    path = env.get("PATH") if isinstance(env, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    program = words[0]
    found = os.path.join(folder, program) if os.sep in program else shutil.which(program, path=path)  # pyright: ignore[reportUnknownArgumentType]
    files = [found] if found else []
    if os.path.basename(program).rstrip("0123456789.") in _INTERPRETERS:
        script = next((word for word in words[1:] if not word.startswith("-")), None)
        if script is not None and os.path.isfile(os.path.join(folder, script)):
            files.append(os.path.join(folder, script))
    return files


class CommandReloader(CircusPlugin):
    """Restarts watchers whose command's files were changed. Options: ``loop_rate``, seconds between looks (1)."""

    name = "command_reloader"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.loop_rate = float(config.get("loop_rate", 1))
        self.cmd_files: dict[str, dict[str, FileState]] = {}
        self.period = PeriodicCallback(self.look_after, self.loop_rate * 1000)

    def handle_init(self) -> Any:
        """Begin to look: at once, so that what is changed from now on counts."""
        self.loop.add_callback(self.look_after)
        self.period.start()

    def handle_stop(self) -> None:
        """Look no more."""
        self.period.stop()

    def handle_recv(self, data: Sequence[bytes]) -> Any:
        """Events do not matter."""

    def look_after(self) -> None:
        """Look at the files of every watcher, and restart those that run an old version."""
        watchers = [name for name in self.call("list")["watchers"] if not is_helper(name)]
        self.cmd_files = {name: known for name, known in self.cmd_files.items() if name in watchers}
        for watcher in watchers:
            keys = ["cmd", "args", "working_dir", "env"]
            reply = self.call("get", name=watcher, keys=keys)
            if "options" in reply:  # else it was removed meanwhile
                self._compare(watcher, command_files(reply["options"]))

    def _compare(self, watcher: str, files: list[str]) -> None:
        known = self.cmd_files.get(watcher, {})
        now = {file: state for file in files if (state := FileState.of(file)) is not None}
        changed = [file for file, state in now.items() if known.get(file, state) != state]
        # A file that is missing for a moment is compared with what it was before.
        self.cmd_files[watcher] = {file: known[file] for file in files if file in known} | now
        if changed:
            log.info("%s: %s was changed: restarting", watcher, ", ".join(changed))
            self.call("restart", name=watcher, match="simple")
