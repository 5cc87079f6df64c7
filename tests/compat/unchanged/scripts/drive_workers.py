"""What a scientific program asks of its daemon: drive_workers.py ENDPOINT."""

import json
import sys
import time

from circus.client import CircusClient
from circus.exc import CallError

endpoint = sys.argv[1]
client = CircusClient(endpoint=endpoint, timeout=30.0)


def call(command, **properties):
    for _ in range(100):
        reply = client.call({"command": command, "properties": properties})
        if "already running" not in reply.get("reason", ""):
            break
        time.sleep(0.1)  # as such programs have to do, where the daemon is busy with something else
    return reply


def info(reply):
    return sorted(type(one["mem"]).__name__ + type(one["create_time"]).__name__ for one in reply["info"].values())


def wait_for_daemon(deadline):
    while True:
        try:
            return call("status", name="workers")["status"] == "active"
        except CallError:
            if time.time() > deadline:
                raise
        time.sleep(0.1)


wait_for_daemon(time.time() + 20)
answers = [
    call("status", name="workers")["status"],
    call("numprocesses", name="workers")["numprocesses"],
    info(call("stats", name="workers")),
    type(call("dstats")["info"]["create_time"]).__name__,
    call("incr", name="workers", nb=2, waiting=True)["status"],
    call("decr", name="workers", nb=1, waiting=True)["status"],
    call("restart", name="workers", waiting=True)["status"],
    call("numprocesses", name="workers")["numprocesses"],
    sorted(call("list")["watchers"]),
    call("quit", waiting=True)["status"],
]
client.stop()
print(json.dumps(answers))
