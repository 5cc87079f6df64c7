"""Become another program with ``LISTEN_FDS`` set: ``give.py FD=NAME ... -- COMMAND ARG ...``.

Run as a file, with nothing on its path but the standard library.
"""

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

FIRST_FD = 3


def main(argv: Sequence[str]) -> None:
    """Renumber the descriptors to 3, 4, ..., set the three variables and execute the command."""
    split = list(argv).index("--")
    pairs = [item.partition("=")[::2] for item in argv[:split]]
    command = list(argv[split + 1 :])
    # First out of the way, then into place: a target may be another's source.
    above = FIRST_FD + len(pairs) + max((int(fd) for fd, _ in pairs), default=0)
    for index, (fd, _) in enumerate(pairs):
        os.dup2(int(fd), above + index)
    for fd, _ in pairs:
        os.close(int(fd))
    for index in range(len(pairs)):
        os.dup2(above + index, FIRST_FD + index)
        os.close(above + index)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(pairs))
    os.environ["LISTEN_FDNAMES"] = ":".join(name for _, name in pairs)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose
    except OSError as exc:
        sys.stderr.write(f"cannot run {command[0]!r}: {exc.strerror}\n")
        raise SystemExit(127) from None


if __name__ == "__main__":
    main(sys.argv[1:])
