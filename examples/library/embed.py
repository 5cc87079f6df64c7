"""A program that runs workers of its own, reads what they write, and ends with them: no daemon, no ports."""

import sys

from circus import get_arbiter

lines = []


def on_output(chunk):
    """Called on a thread of the output, with whole lines."""
    for line in chunk["data"].decode().splitlines():
        lines.append(line)
        if len(lines) == 3:
            arbiter.loop.add_callback(arbiter.stop)


arbiter = get_arbiter(
    [
        {
            "name": "greeters",
            "cmd": "sh -c 'echo hello from worker $(circus.wid); exec sleep 1000'",
            "numprocesses": 3,
            "env": {"PATH": "/usr/bin:/bin"},
            "stdout_stream": {"stream": on_output},
        }
    ],
    controller="ipc://commands.sock",
    pubsub_endpoint="ipc://events.sock",
)

arbiter.start()  # until on_output, or a signal, stops it
print("\n".join(sorted(lines)))
sys.exit(len(lines) != 3)
