"""A script that follows events, as users of circus wrote them: consumer.py ENDPOINT PUBSUB_ENDPOINT."""

import json
import sys

from circus.client import CircusClient
from circus.consumer import CircusConsumer

endpoint, pubsub = sys.argv[1:]
client = CircusClient(endpoint=endpoint, timeout=30)
consumer = CircusConsumer(["watcher.app."], endpoint=pubsub, timeout=0.05)

seen = []
subscribed = False
while not subscribed:
    client.call({"command": "set", "properties": {"name": "app", "options": {"graceful_timeout": 20}, "waiting": True}})
    subscribed = bool(dict(consumer.poller.poll(50)))

client.call({"command": "stop", "properties": {"name": "app", "waiting": True}})
client.call({"command": "start", "properties": {"name": "app", "waiting": True}})
for _ in range(2):  # what is set already is set again, and said again
    client.call({"command": "set", "properties": {"name": "app", "options": {"graceful_timeout": 25}, "waiting": True}})
updates = 0
for topic, message in consumer:
    name = topic.decode("utf-8").split(".")[-1]
    data = json.loads(message)
    if not seen and name == "updated":
        continue
    seen.append([name, "process_pid" in data, isinstance(data["time"], float), data.get("exit_code")])
    updates += name == "updated"
    if updates == 2:
        break
client.stop()
print(json.dumps(seen))
