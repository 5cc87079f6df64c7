"""A server of models: sockets made in Python, subclasses of the arbiter, a thread. FOLDER is its only argument."""

import json
import os
import socket
import sys
import threading

from circus.arbiter import Arbiter
from circus.client import CircusClient
from circus.plugins import CircusPlugin  # imported by such programs
from circus.sockets import CircusSocket
from circus.watcher import Watcher

folder = sys.argv[1]
endpoint = "ipc://" + os.path.join(folder, "ctl")
pubsub = "ipc://" + os.path.join(folder, "pub")

WORKER = (
    "import os, socket, sys\n"
    "sock = socket.socket(fileno=int(sys.argv[1]))\n"
    "sock.setblocking(True)\n"
    "while True:\n"
    "    peer, _ = sock.accept()\n"
    "    peer.sendall(' '.join([os.environ['COLOUR'], sys.argv[2]]).encode())\n"
    "    peer.close()\n"
)


class Server(Arbiter):
    """Raises what its start failed with, and notes its stop."""

    stopped = False

    def start(self, cb=None):
        future = super().start(cb)
        if future.exception() is not None:
            raise future.exception()
        return future

    def stop(self):
        self.stopped = True
        return super().stop()


class ThreadedServer(Server):
    """Runs in a thread with a loop of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._thread = threading.Thread(target=self._work)
        self._up = threading.Event()

    def _work(self):
        self.loop = None
        self._ensure_ioloop()
        self.ctrl.loop = self.loop
        super().start(lambda _: self._up.set())

    def start(self, cb=None):
        self._thread.start()
        self._up.wait(20)

    def stop(self):
        self.loop.add_callback(super().stop)
        self._thread.join(20)


def make(kind):
    path = os.path.join(folder, "api.sock")
    watcher = Watcher(
        "api",
        sys.executable,
        args=["-c", WORKER, "$(circus.sockets._Bento_API)", "$(CIRCUS.WID)"],
        copy_env=True,
        stop_children=True,
        use_sockets=True,
        graceful_timeout=86400,
        working_dir=folder,
        numprocesses=1,
        close_child_stdin=True,
    )
    watcher.env["COLOUR"] = "mauve"
    server = kind(
        [watcher],
        endpoint=endpoint,
        pubsub_endpoint=pubsub,
        check_delay=10,
        sockets=[CircusSocket("_Bento_API", path=path, backlog=64)],
        debug=False,
    )
    return server, path


def ask(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(20)
        peer.connect(path)
        return peer.makefile().read()


said = []

server, path = make(ThreadedServer)
server.start()
said += [ask(path), server.running]
client = CircusClient(endpoint=endpoint, timeout=30)
said.append(client.call({"command": "restart", "properties": {"name": "*", "waiting": True}})["status"])
said.append(ask(path))
client.stop()
server.stop()
said += [server.stopped, server.running, server._thread.is_alive()]

server, path = make(Server)
done = server.start(lambda _: (said.append(ask(path)), server.loop.add_callback(server.stop)))
said += [done.done(), server.stopped]
print(json.dumps(said))
