"""From an error of the system to the step of a spawn that it belongs to, and to words for it."""

import errno
import os
from typing import Final

from circus.process import locate
from circus.process.errors import SpawnError, Stage
from circus.process.spec import ProcessSpec

__all__ = ["told", "words"]

_OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})
_WAYS_OUT: Final = {
    errno.EAGAIN: " (no room for another process: see ulimit -u, TasksMax= of a systemd unit, pids.max of a cgroup,"
    " kernel.pid_max)",
    errno.ENOMEM: " (no memory for another process)",
}


def told(spec: ProcessSpec, error: OSError) -> SpawnError:
    """Which step an error of fork, chdir or execve belongs to."""
    program = spec.executable or spec.argv[0]
    label, cause = spec.label, words(error)
    if error.filename is None:
        if error.errno in _OUT_OF_DESCRIPTORS:
            return SpawnError(label, Stage.OPEN_PIPES, program, cause=cause)
        return SpawnError(label, Stage.FORK, program, cause=cause + _WAYS_OUT.get(error.errno or 0, ""))
    if spec.cwd is not None and error.filename == spec.cwd and not _can_enter(spec.cwd):
        return SpawnError(label, Stage.SET_CWD, spec.cwd, cause=cause)
    found = locate.find(program, spec.env, spec.cwd)
    if isinstance(found, locate.Fault):
        return SpawnError(label, found.stage, found.subject, cause=found.cause)
    return SpawnError(label, Stage.EXEC, program, cause=cause)


def words(error: OSError) -> str:
    """What the system says, to read on in a sentence."""
    return (error.strerror or str(error)).lower()


def _can_enter(folder: str) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.X_OK)
