"""Serve an ASGI application with uvicorn on a socket that is bound already: ``serve.py FD MODULE:NAME``.

Plain ``uvicorn --fd FD MODULE:NAME`` does it, too; but when it is told to end, it closes connections that it has accepted and whose
request has not arrived yet, so that under load a few requests in a thousand fail. Here it stops accepting first, and waits
for those.
"""

import asyncio
import os
import sys

import uvicorn

LINGER = 2.0
"""Seconds in which a client that has connected has to say what it wants."""


class Server(uvicorn.Server):
    async def shutdown(self, sockets=None):
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + LINGER
        while self.server_state.connections and loop.time() < until:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    Server(uvicorn.Config(sys.argv[2], fd=int(sys.argv[1]), log_level="warning", access_log=False)).run()
