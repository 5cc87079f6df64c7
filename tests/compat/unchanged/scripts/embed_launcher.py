"""A desktop program that runs an arbiter in a thread with a loop of its own. FOLDER is its only argument."""

import asyncio
import json
import os
import sys
import threading

from circus import get_arbiter
from circus.client import CircusClient

folder = sys.argv[1]
endpoint = "ipc://" + os.path.join(folder, "ctl")

arbiter = get_arbiter(
    [{"name": "tool", "cmd": "sleep 987", "numprocesses": 1, "copy_env": True, "max_retry_in": 2}],
    background=False,
    loglevel="WARNING",
    controller=endpoint,
    pubsub_endpoint="ipc://" + os.path.join(folder, "pub"),
)
said = []
up = threading.Event()


def run():
    asyncio.set_event_loop(asyncio.new_event_loop())
    arbiter.loop = None
    arbiter._ensure_ioloop()
    arbiter.ctrl.loop = arbiter.loop
    arbiter.start(lambda _: up.set())


thread = threading.Thread(target=run)
thread.start()
said.append(up.wait(20))
client = CircusClient(endpoint=endpoint, timeout=30)
said.append(client.call({"command": "status", "properties": {}})["statuses"])
said.append(client.call({"command": "options", "properties": {"name": "tool"}})["options"]["max_retry_in"])
said.append(client.call({"command": "numprocesses", "properties": {"name": "tool"}})["numprocesses"])
said.append(client.call({"command": "quit", "properties": {"waiting": True}})["status"])
client.stop()
thread.join(20)
said.append(thread.is_alive())
print(json.dumps(said))
