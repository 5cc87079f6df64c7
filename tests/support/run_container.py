"""Be a container: ``python run_container.py CONTAINERFILE``, in namespaces of its own (`run_page.isolated`), where this is process 1.

The entry point takes this process's place, as it does in an image. A user, forked before, asks for the page and for the health
as the container file tells, and then stops process 1 with its STOPSIGNAL. What the user saw goes to standard output.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from parts.examples import container_words
from run_page import raise_loopback


def use(words: dict[str, list[str]], readiness: socket.socket) -> None:
    def say(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        sys.stdout.write(f"> {done.returncode} {(done.stdout or done.stderr).strip()}\n")

    readiness.settimeout(30)
    readiness.recv(4096)
    say("circusctl", "--timeout", "20", "wait", "web", "--for", "active")
    say(*json.loads(words["HEALTHCHECK"][0].removeprefix("CMD ")))
    say("curl", "-s", f"http://127.0.0.1:{words['EXPOSE'][0]}/")
    sys.stdout.flush()
    os.kill(1, signal.Signals[words["STOPSIGNAL"][0]])


def main() -> None:
    assert os.getpid() == 1
    words = container_words(Path(sys.argv[1]).read_text())
    raise_loopback()
    readiness = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    readiness.bind("")
    os.environ["NOTIFY_SOCKET"] = "@" + readiness.getsockname()[1:].decode()
    if os.fork() == 0:
        use(words, readiness)
        os._exit(0)
    entry = json.loads(words["ENTRYPOINT"][0])
    os.execvp(entry[0], entry)


if __name__ == "__main__":
    main()
