"""A file system that stops taking writes while a test says so: what writes there sleeps, and SIGKILL does not end it.

Theory. An ext4 in a file, on a loop device, in a mount namespace of its own that one helper process holds: others reach it through
the helper's ``/proc/PID/root``. `Frozen.freeze` and `Frozen.thaw` are fsfreeze(8). The helper thaws at the end of its standard
input, which comes with the end of the tests, however they end; with the helper goes the mount, and with the mount the loop device.
So nothing stays on the machine, and nothing in it sleeps for ever.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import pytest

from daemons import DEADLINE

__all__ = ["Frozen", "frozen_file_system"]

_TOOLS = {"unshare": "util-linux", "fsfreeze": "util-linux", "mount": "mount", "mkfs.ext4": "e2fsprogs"}
_SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
_MIB = 8

_HELPER = """
mount -t ext4 -o loop "$1" "$2" || exit
echo mounted
while read -r word; do
    fsfreeze "$word" "$2" || exit
    echo "$word"
done
fsfreeze --unfreeze "$2" 2> "$1.end"
"""


@final
class Frozen:
    """The file system, thawed at first."""

    def __init__(self, helper: "subprocess.Popen[str]", mounted: Path) -> None:
        self._helper = helper
        self.path = Path(f"/proc/{helper.pid}/root{mounted}")
        """Its root, for everybody on this machine."""

    def freeze(self) -> None:
        """From now on nobody's write returns."""
        self._tell("--freeze")

    def thaw(self) -> None:
        """Let them go on."""
        self._tell("--unfreeze")

    def _tell(self, word: str) -> None:
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(f"{word}\n")
        self._helper.stdin.flush()
        said = self._helper.stdout.readline()
        assert said == f"{word}\n", said


@contextmanager
def frozen_file_system(folder: Path) -> Iterator[Frozen]:
    """One in `folder`, which has to be outside of it to be removed; the test is skipped where there can be none."""
    for program, package in _TOOLS.items():
        if shutil.which(program, path=_SYSTEM) is None:
            pytest.skip(f"{program} is not installed: apt-get install {package}")
    image, mounted = folder / "image", folder / "mounted"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(_MIB << 20)
    env = {"PATH": _SYSTEM}
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True, env=env, timeout=DEADLINE)
    helper = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HELPER, "sh", image, mounted],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    try:
        assert helper.stdout is not None
        assert helper.stderr is not None
        if helper.stdout.readline() != "mounted\n":
            pytest.skip(
                f"needs an ext4 on a loop device: run the tests as root of a machine: {helper.stderr.read()}"
            )
        yield Frozen(helper, mounted)
    finally:
        helper.communicate(timeout=DEADLINE)
