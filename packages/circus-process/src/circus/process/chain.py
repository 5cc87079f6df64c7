"""Identity, limits and closed streams by a chain of execs that keeps the pid. Pure but for finding the tools.

Theory. Nothing of ours runs between fork and exec: that would need a full fork (2-17 ms, growing with our memory) and is unsafe
with threads. Instead the child first executes small tools of util-linux, ``prlimit`` and then ``setpriv``, each of which does
one thing and executes the rest of its arguments in the same process: pid, session, descriptors and start time stay. The
program is found by the last tool through the child's own PATH, and ``argv[0]`` is kept.

Where a tool is missing (macOS, BSD, busybox), where ``executable`` differs from ``argv[0]``, or where a stream is to be closed,
the child executes our own interpreter on `LAUNCHER` instead, isolated from the environment, which does the same steps and then
``execve``. That costs some 10 ms of the child's time and none of ours.

What can be known to fail is found before the fork. What fails later all the same ends the child with code 126 (the program or
a step was refused) or 127 (the program vanished), and with a line on its standard error: the convention of shells.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from signal import Signals
from typing import Final, final

from circus.process import limits
from circus.process.spec import Identity

__all__ = ["LAUNCHER", "Wishes", "argv_for", "tool"]

LAUNCHER: Final = """\
import json, os, sys
w = json.loads(sys.argv[1]); step = "starting"
try:
    step = "setting limits"
    if w["limits"]:
        import resource
        for number, pair in w["limits"]: resource.setrlimit(number, tuple(pair))
    step = "becoming the user or group"
    if w["groups"] is not None: os.setgroups(w["groups"])
    if w["gid"] is not None: os.setgid(w["gid"])
    if w["uid"] is not None: os.setuid(w["uid"])
    step = "setting the parent death signal"
    if w["death"]:
        import ctypes
        if ctypes.CDLL(None).prctl(1, w["death"], 0, 0, 0): raise OSError("refused")
    step = "executing " + repr(w["path"])
    env = {k: v for k, v in os.environb.items() if k != b"LC_CTYPE" or w["lc"]}
    held = os.dup(2); os.set_inheritable(held, False)
    for fd in w["close"]:
        try: os.close(fd)
        except OSError: pass
    try: os.execve(w["path"], sys.argv[2:], env)
    except OSError: os.dup2(held, 2); raise
except OSError as error:
    os.write(2, ("circus: %s: %s: %s\\n" % (w["label"], step, error.strerror or error)).encode("utf-8", "replace"))
    os._exit(127 if isinstance(error, FileNotFoundError) else 126)
"""
"""The program of the fall-back. It never buffers, never searches, and says what failed."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be changed between fork and exec; everything has been checked and already holds where it is absent."""

    identity: Identity
    limits: Mapping[str, tuple[int, int]]
    death_signal: int | None = None
    closed: tuple[int, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return (
            self.identity.changes or bool(self.limits) or self.death_signal is not None or bool(self.closed)
        )


@cache
def tool(name: str) -> str | None:
    """The full path of a tool of util-linux. Searched in the system's folders alone, never in a PATH that we were given."""
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"):
        path = f"{folder}/{name}"
        if os.access(path, os.X_OK) and b"busybox" not in os.fsencode(os.path.realpath(path)):
            return path
    return None


def argv_for(
    wishes: Wishes, *, label: str, program: str, argv: tuple[str, ...], env: Mapping[str, str]
) -> list[str]:
    """The argument vector to execute instead of ``argv``.

    Args:
        wishes: what to change on the way.
        label: how messages call the process.
        program: the path of the file that is executed in the end, as found.
        argv: the program's own argument vector.
        env: the child's environment.
    """
    same_name = argv[0] == program or ("/" not in argv[0] and program.rpartition("/")[2] == argv[0])
    if sys.platform == "linux" and same_name and not wishes.closed:
        chain = _by_tools(wishes)
        if chain is not None:
            return [*chain, *argv]
    identity = wishes.identity
    wanted = {
        "label": label,
        "path": program,
        "uid": identity.uid,
        "gid": identity.gid,
        "groups": identity.groups,
        "limits": [(limits.RESOURCES[name], pair) for name, pair in wishes.limits.items()],
        "death": wishes.death_signal,
        "close": wishes.closed,
        "lc": "LC_CTYPE" in env,  # the interpreter adds it by itself
    }
    return [sys.executable, "-ISc", LAUNCHER, json.dumps(wanted), *argv]


def _by_tools(wishes: Wishes) -> list[str] | None:
    """The arguments of the tools; None if one of them is missing."""
    chain: list[str] = []
    if wishes.limits:
        prlimit = tool("prlimit")
        if prlimit is None:
            return None
        chain.append(prlimit)
        chain += [f"--{n}={limits.describe(s)}:{limits.describe(h)}" for n, (s, h) in wishes.limits.items()]
        chain.append("--")
    identity = wishes.identity
    if identity.changes or wishes.death_signal is not None:
        setpriv = tool("setpriv")
        if setpriv is None:
            return None
        chain.append(setpriv)
        if identity.uid is not None:
            chain.append(f"--reuid={identity.uid}")
        if identity.gid is not None:
            chain.append(f"--regid={identity.gid}")
        if identity.groups is None:
            chain += ["--keep-groups"] if identity.changes else []
        elif identity.groups:
            chain.append("--groups=" + ",".join(map(str, identity.groups)))
        else:
            chain.append("--clear-groups")
        if wishes.death_signal is not None:
            try:
                chain.append(f"--pdeathsig={Signals(wishes.death_signal).name.removeprefix('SIG')}")
            except ValueError:
                return None  # a real-time signal without a name
        chain.append("--")
    return chain
