"""A process of another user, told by lines of JSON what to do. Run by `strangers.Stranger`.

It loads what it needs before it becomes somebody who may not read those files any more.
"""

import json
import os
import socket
import struct
import sys

import zmq

_ENCODING = "x".encode("idna")  # what connect() would load later on
DEADLINE = 30.0
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def become(uid):
    if os.getuid() != uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def ready(properties):
    body = b"\x05READY"
    for name, value in {"Socket-Type": "DEALER", "Identity": "", **properties}.items():
        body += bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value.encode()
    return b"\x04" + bytes([len(body)]) + body


class Doer:
    def __init__(self):
        self.context = zmq.Context()
        self.subscriber = None
        self.raw = None

    def call(self, endpoint, request, key=None):
        client = self.context.socket(zmq.DEALER)
        client.linger = 0
        if key is not None:
            client.curve_serverkey, client.curve_publickey, client.curve_secretkey = (k.encode() for k in key)
        try:
            client.connect(endpoint)
            client.send_json(request)
            return client.recv_json() if client.poll(int(request.get("patience", DEADLINE) * 1000)) else None
        finally:
            client.close()

    def subscribe(self, endpoint, topics, key=None):
        self.subscriber = self.context.socket(zmq.SUB)
        self.subscriber.linger = 0
        if key is not None:
            names = ("curve_serverkey", "curve_publickey", "curve_secretkey")
            for name, value in zip(names, key, strict=True):
                setattr(self.subscriber, name, value.encode())
        self.subscriber.connect(endpoint)
        for topic in topics:
            self.subscriber.subscribe(topic)

    def heard(self, until=""):
        """Topics up to the first that starts with `until`; None where that does not come."""
        topics = []
        while self.subscriber.poll(int(DEADLINE * 1000) if until else 0):
            topics.append(self.subscriber.recv_multipart()[0].decode())
            if until and topics[-1].startswith(until):
                return topics
        return None if until else topics

    def connect(self, endpoint, properties=None, port=0, handshake=True):
        host, _, number = endpoint.removeprefix("tcp://").rpartition(":")
        self.raw = socket.socket()
        self.raw.settimeout(DEADLINE)
        self.raw.connect((host, int(number)))
        self.raw.sendall(GREETING + ready(properties or {}))
        if handshake:
            self.raw.recv(64, socket.MSG_WAITALL)
            self.raw.recv(6)
        return self.raw.getsockname()[1]

    def send(self, bodies):
        frames = [b"\0" + bytes([len(body)]) + body.encode() for body in bodies]
        self.raw.sendall(b"".join(frames))

    def close(self, reset=False):
        if reset:
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def write(self, endpoint, text):
        """Send bytes as they are; what comes back until the other side closes."""
        host, _, number = endpoint.removeprefix("tcp://").rpartition(":")
        with socket.socket() as connection:
            connection.settimeout(DEADLINE)
            connection.connect((host, int(number)))
            connection.sendall(text.encode("latin-1"))
            try:
                return len(connection.recv(65536))
            except OSError:
                return -1


def main():
    doer = Doer()
    become(int(sys.argv[1]))
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            result = getattr(doer, name)(**arguments)
        except OSError as error:
            result = f"{type(error).__name__}: {error}"
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
