"""Run a page of the manual as its reader would: ``python run_page.py PAGE``, in a fresh folder.

Its ports and paths are the well-known ones, so it is to be started in namespaces of its own (`isolated`): its network has
nothing but a loopback, its /run is empty, and when it ends, whatever it started ends, too.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from pages import Block, alike, blocks, steps

__all__ = ["isolated", "raise_loopback", "run"]

_SIOCSIFFLAGS, _UP_RUNNING = 0x8914, 0x41
_PATIENCE = 30.0


def isolated(*words: object) -> list[str]:
    """A command line that runs another one in namespaces of its own."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *map(str, words)]


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _UP_RUNNING, b""))


class _Page:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        programs = os.path.dirname(sys.executable)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CIRCUS", "PYTHON"))}
        self.env = {
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(runtime),
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "LC_ALL": "C.UTF-8",
        }
        self.background: list[subprocess.Popen[bytes]] = []
        self.printed = ""

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )

    def do(self, block: Block) -> None:
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.words.startswith("background"):
            self._start(block)
        elif block.words == "output":
            self._compare(block, block.text, self.printed)
        elif block.language == "console":
            for step in steps(block.text):
                self._compare(block, step.output, self._run("bash", "-c", step.command).stdout, step.command)
        elif block.language == "python":
            done = self._run(sys.executable, "-c", block.text)
            self.printed = done.stdout
            if done.returncode != 0:
                sys.exit(f"{block} ended with {done.returncode}:\n{done.stdout}")

    def _start(self, block: Block) -> None:
        (step,) = steps(block.text)
        command = block.words.partition(" as ")[2] or step.command
        with (self.folder / "background.log").open("ab") as log:
            self.background.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"],
                    cwd=self.folder,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
        until = time.monotonic() + _PATIENCE
        while self._run("circusctl", "version").returncode != 0:
            if self.background[-1].poll() is not None or time.monotonic() > until:
                sys.exit(f"{block} does not answer:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "background.log").read_text()

    def _compare(self, block: Block, expected: str, printed: str, command: str = "") -> None:
        if not alike(expected, printed):
            log = self.log()[-2000:] if self.background else ""
            sys.exit(
                f"{block}: {command}\n--- the page says\n{expected}\n--- it printed\n{printed}\n--- log\n{log}"
            )

    def end(self) -> None:
        if self.background and self._run("circusctl", "version").returncode == 0:
            self.background[-1].terminate()
        for process in self.background:
            code = process.wait(_PATIENCE)
            if code != 0:
                sys.exit(f"circusd ended with {code}:\n{self.log()}")


def run(page: Path, folder: Path) -> None:
    """Run all blocks of a page in a folder; exits with the reason where one does not do what the page says."""
    raise_loopback()
    # Of root's run directory too, there is one for each page: circusctl looks for daemons there.
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    if page.parent.parent.name == "examples":
        shutil.copytree(page.parent, folder, dirs_exist_ok=True)
    elif page.name == "README.md":  # of the whole: it speaks of the checkout
        (folder / "examples").symlink_to(page.parent / "examples")
        (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    state = _Page(folder)
    for block in blocks(page):
        if block.skipped is None:
            state.do(block)
    state.end()


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve(), Path.cwd())
