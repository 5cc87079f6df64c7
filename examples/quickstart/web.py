"""A worker that serves HTTP on a socket that circusd has bound. The standard library is enough."""

import argparse
import os
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer


class Hello(BaseHTTPRequestHandler):
    """Says who answers."""

    worker = "?"

    def do_GET(self) -> None:
        body = f"hello from worker {self.worker}, pid {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class InheritedSocketServer(HTTPServer):
    """Accepts on a listening socket that somebody else bound."""

    def __init__(self, fd: int) -> None:
        super().__init__(("", 0), Hello, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)
        # Several workers wait for the same connection: whoever comes too late must not block in accept().
        self.socket.setblocking(False)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = self.socket.accept()
        connection.setblocking(True)
        return connection, address


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--worker", default="?")
    options = parser.parse_args()
    Hello.worker = options.worker
    InheritedSocketServer(options.fd).serve_forever()


if __name__ == "__main__":
    main()
