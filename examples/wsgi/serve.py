"""Serve a WSGI application on a socket that is bound already: ``serve.py FD MODULE:NAME``. The standard library is enough."""

import importlib
import signal
import socket
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        """Nothing: this is an example."""


class Server(ThreadingMixIn, WSGIServer):
    def __init__(self, fd):
        super().__init__(("127.0.0.1", 0), Quiet, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]
        self.setup_environ()

    def get_request(self):
        # Non-blocking: another worker may have taken the connection that woke us.
        connection, address = self.socket.accept()
        connection.setblocking(True)
        return connection, address


def main():
    module, _, name = sys.argv[2].partition(":")
    server = Server(int(sys.argv[1]))
    server.set_app(getattr(importlib.import_module(module), name))
    # A reload ends us so: accept nothing more, answer what has begun, and go.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.server_close()  # waits for the threads that still answer


if __name__ == "__main__":
    main()
