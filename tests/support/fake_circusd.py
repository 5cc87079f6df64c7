"""A daemon that runs nothing: the wire of circusd with made-up watchers, for tests, screenshots and measurements.

``python fake_circusd.py FOLDER [--watchers N] [--scene]`` binds ``ctl``, ``pub`` and ``stats`` in the folder, and says so.
"""

import argparse
import asyncio
import fnmatch
import math
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from pydantic_core import from_json, to_json

from fake_scene import OPTIONS, PHRASES, SCENE, TROUBLE, Worker


class Fake:
    """A made-up world and its wire."""

    def __init__(self, folder: Path) -> None:
        self.ends = {name: f"ipc://{folder}/{name}" for name in ("ctl", "pub", "stats")}
        self.context = zmq.asyncio.Context()
        self.started = time.time()
        self.seq, self.pid, self.tick = 0, 41_000, 0
        self.options: dict[str, dict[str, Any]] = {}
        self.state: dict[str, str] = {}
        self.workers: dict[str, list[Worker]] = {}
        self.exits: dict[str, deque[dict[str, Any]]] = {}
        self.lines: dict[str, deque[dict[str, Any]]] = {}
        self.weight: dict[str, tuple[float, float]] = {}
        self.actions: list[dict[str, Any]] = []
        self.sockets = [
            {"fd": 7, "name": "web", "backlog": 2048, "host": "0.0.0.0", "port": 8000},
            {"fd": 8, "name": "api", "backlog": 2048, "host": "127.0.0.1", "port": 8001},
            {"fd": 9, "name": "push", "backlog": 512, "path": "/run/shop/push.sock"},
        ]
        self.asked: list[dict[str, Any]] = []

    def add(
        self, name: str, cmd: str, count: int, state: str, cpu: float, memory: float, **more: Any
    ) -> None:
        """A new watcher."""
        self.options[name] = {**OPTIONS, "cmd": cmd, "numprocesses": count, **more}
        if "circus.sockets." in cmd:
            self.options[name]["use_sockets"] = True
        self.state[name] = state
        self.workers[name] = []
        self.exits[name] = deque(maxlen=50)
        self.lines[name] = deque(maxlen=2000)
        self.weight[name] = (cpu, memory)
        if state == "active":
            self.fill(name)

    def fill(self, name: str) -> None:
        """As many workers as are wanted."""
        workers, wanted = self.workers[name], self.options[name]["numprocesses"]
        while len(workers) > wanted:
            self.reap(name, workers[-1], "scale", -15)
        while len(workers) < wanted:
            self.pid += 1
            taken = {worker.wid for worker in workers}
            workers.append(Worker(next(n for n in range(1, wanted + 1) if n not in taken), self.pid))
            self.event(name, "spawn", process_pid=self.pid, wid=workers[-1].wid, why="start")

    def reap(self, name: str, worker: Worker, why: str, code: int) -> None:
        """A worker ends."""
        self.workers[name].remove(worker)
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        told = {
            "time": time.time(), "pid": worker.pid, "wid": worker.wid, "why": why, "exit": how, "exit_code": code,
            "lifetime": round(time.time() - worker.born, 2),
        }  # fmt: skip
        self.exits[name].append(told)
        self.event(name, "reap", process_pid=worker.pid, wid=worker.wid, why=why, exit_code=code,
                   lifetime=told["lifetime"])  # fmt: skip

    def event(self, name: str, event: str, **fields: Any) -> None:
        """Publish."""
        self.seq += 1
        topic = f"watcher.{name.lower().replace(' ', '_')}.{event}".encode()
        if hasattr(self, "pub"):
            body = {"time": time.time(), "watcher": name, "seq": self.seq, **fields}
            self.pub.send_multipart([topic, to_json(body)])

    def write(self, name: str, wid: int, pid: int, stream: str, text: str) -> None:
        """A worker writes a line."""
        line = {"time": time.time(), "wid": wid, "pid": pid, "stream": stream, "data": text}
        self.lines[name].append(line)
        topic = f"log.{name.lower().replace(' ', '_')}.{wid}.{stream}".encode()
        if hasattr(self, "pub"):
            self.pub.send_multipart([topic, to_json(line)])

    # -- commands --------------------------------------------------------------------------------

    def answer(self, command: str, p: dict[str, Any]) -> dict[str, Any]:
        """The reply, without its envelope."""
        handler = getattr(self, f"do_{command}", None)
        if handler is None:
            return {"status": "error", "reason": f"unknown command: {command!r}", "errno": 2, "tb": None}
        name = p.get("name")
        anyhow = {"add", "start", "stop", "restart", "reload", "status", "list"}
        if command not in anyhow and "name" in p and name not in self.options:
            return {"status": "error", "reason": f"program {name} not found", "errno": 3, "tb": None}
        if command not in {"status", "list", "options", "describe", "version", "globaloptions", "listsockets", "dstats",
                           "logs", "stats", "audit", "get"}:  # fmt: skip
            subject = str(p.get("name", ""))
            done = {"time": time.time(), "command": command, "subject": subject}
            self.actions.append({**done, "who": "root", "allowed": True})
        try:
            found = handler(p)
        except (
            KeyError,
            TypeError,
        ) as error:  # what the real one's models would have refused, or what is not made up here
            return {"status": "error", "reason": f"no such thing here: {error}", "errno": 3, "tb": None}
        return {"status": "ok", **(found or {})}

    def chosen(self, p: dict[str, Any]) -> list[str]:
        """The watchers that a request names."""
        wanted = p.get("name")
        return [name for name in self.options if wanted is None or fnmatch.fnmatchcase(name, wanted)]

    def do_version(self, p: Any) -> dict[str, Any]:
        return {
            "version": "1.0.0", "pid": 40_960, "uptime": time.time() - self.started + 259_321, "endpoint": self.ends["ctl"],
            "pubsub_endpoint": self.ends["pub"], "stats_endpoint": self.ends["stats"],
        }  # fmt: skip

    def do_globaloptions(self, p: Any) -> dict[str, Any]:
        return {"options": {"endpoint": self.ends["ctl"], "pubsub_endpoint": self.ends["pub"],
                            "stats_endpoint": self.ends["stats"], "check_delay": 5.0}}  # fmt: skip

    def do_status(self, p: dict[str, Any]) -> dict[str, Any]:
        return {"statuses": dict(self.state)}

    def do_list(self, p: dict[str, Any]) -> dict[str, Any]:
        if p.get("name") is not None:
            return {"pids": [worker.pid for worker in self.workers[p["name"]]]}
        return {"watchers": sorted(self.options)}

    def do_options(self, p: dict[str, Any]) -> dict[str, Any]:
        return {"options": self.options[p["name"]]}

    def do_describe(self, p: dict[str, Any]) -> dict[str, Any]:
        name, now = p["name"], time.time()
        return {
            "name": name,
            "state": self.state[name],
            "wanted": 0 if self.state[name] == "stopped" else self.options[name]["numprocesses"],
            "running": len(self.workers[name]),
            "workers": [
                {"wid": one.wid, "pid": one.pid, "state": "up", "age": now - one.born, "restarts": one.restarts,
                 "why": "crash" if one.restarts else "command", "last_exit": one.last_exit, "error": ""}
                for one in self.workers[name]
            ],
            "exits": list(self.exits[name]),
            **TROUBLE.get(self.state[name], {}),
        }  # fmt: skip

    def do_listsockets(self, p: Any) -> dict[str, Any]:
        return {"sockets": self.sockets}

    def do_dstats(self, p: Any) -> dict[str, Any]:
        return {"info": {"pid": 40_960, "age": 4.0}}

    def do_stats(self, p: dict[str, Any]) -> dict[str, Any]:
        child = {"pid": p["process"] + 1000, "cmdline": "convert", "username": "www", "nice": 0, "mem_info1": "18.2M",
                 "mem_info2": "40M", "cpu": 3.0, "mem": 0.1, "ctime": "0:00.40", "create_time": 0, "age": 12.0,
                 "children": []}  # fmt: skip
        return {"process": p["process"], "info": {**child, "pid": p["process"], "cmdline": "python", "mem_info1": "148M",
                                                  "children": [child]}}  # fmt: skip

    def do_logs(self, p: dict[str, Any]) -> dict[str, Any]:
        lines = [line for line in self.lines[p["name"]] if line["time"] >= p.get("since", 0)]
        return {"lines": lines[-p.get("lines", 50) :]}

    def do_audit(self, p: dict[str, Any]) -> dict[str, Any]:
        return {"entries": self.actions[-p.get("lines", 50) :]}

    def do_start(self, p: dict[str, Any]) -> None:
        for name in self.chosen(p):
            self.state[name] = "active"
            self.fill(name)
            self.event(name, "start")

    def do_stop(self, p: dict[str, Any]) -> None:
        for name in self.chosen(p):
            for worker in list(self.workers[name]):
                self.reap(name, worker, "stop", -15)
            self.state[name] = "stopped"
            self.event(name, "stop", why="command")

    def do_restart(self, p: dict[str, Any]) -> None:
        self.do_stop(p)
        self.do_start(p)

    def do_reload(self, p: dict[str, Any]) -> None:
        for name in self.chosen(p):
            for worker in list(self.workers[name]):
                self.reap(name, worker, "reload", 0)
            self.fill(name)
            self.event(name, "reload")

    def do_incr(self, p: dict[str, Any], sign: int = 1) -> dict[str, Any]:
        options = self.options[p["name"]]
        options["numprocesses"] = max(0, options["numprocesses"] + sign * p.get("nb", 1))
        self.fill(p["name"])
        return {"numprocesses": options["numprocesses"]}

    def do_decr(self, p: dict[str, Any]) -> dict[str, Any]:
        return self.do_incr(p, -1)

    def do_kill(self, p: dict[str, Any]) -> None:
        for worker in [one for one in self.workers[p["name"]] if p.get("pid") in {None, one.pid}]:
            self.event(p["name"], "kill", process_pid=worker.pid, signal="SIGKILL")
            self.reap(p["name"], worker, "command", -(p.get("signum") or 15))
        self.fill(p["name"])

    def do_signal(self, p: dict[str, Any]) -> None: ...

    def do_set(self, p: dict[str, Any]) -> None:
        self.options[p["name"]].update(p["options"])
        self.event(p["name"], "updated", options=sorted(p["options"]))
        if "numprocesses" in p["options"]:
            self.fill(p["name"])

    def do_add(self, p: dict[str, Any]) -> None:
        options = dict(p.get("options") or {})
        count = options.pop("numprocesses", 1)
        self.add(p["name"], p["cmd"], count, "active" if p.get("start") else "stopped", 1, 20, **options)
        self.event(p["name"], "add")

    def do_rm(self, p: dict[str, Any]) -> None:
        for kept in (self.options, self.state, self.workers):
            kept.pop(p["name"], None)
        self.event(p["name"], "remove")

    def do_reloadconfig(self, p: dict[str, Any]) -> dict[str, Any] | None:
        if p.get("dry_run"):
            steps = [
                {"kind": "watcher", "action": "remove", "name": "reports", "text": "remove watcher reports"},
                {
                    "kind": "watcher",
                    "action": "change",
                    "name": "web",
                    "text": "change watcher web: numprocesses: 4 -> 6",
                },
                {"kind": "watcher", "action": "add", "name": "invoices", "text": "add watcher invoices"},
            ]
            return {"plan": {"steps": steps, "needs_restart": ["endpoint"], "text": ""}}
        return None

    # -- the wire --------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Until cancelled."""
        router = self.context.socket(zmq.ROUTER)
        router.bind(self.ends["ctl"])
        self.pub = zmq.Context.shadow(self.context.underlying).socket(zmq.PUB)
        self.pub.bind(self.ends["pub"])
        self.stats = zmq.Context.shadow(self.context.underlying).socket(zmq.PUB)
        self.stats.sndhwm = 0
        self.stats.bind(self.ends["stats"])
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.measure())
            while True:
                peer, raw = await router.recv_multipart()
                message = from_json(raw)
                reply = self.answer(message["command"], message.get("properties") or {})
                await router.send_multipart(
                    [peer, to_json({**reply, "time": time.time(), "id": message.get("id")})]
                )

    async def measure(self) -> None:
        """Frames, a line now and then, and a worker that dies, once a second."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.tick += 1
            self.publish_stats()
            due += 1.0
            await asyncio.sleep(max(0.0, due - loop.time()))

    def publish_stats(self) -> None:
        """One frame a worker."""
        now = time.time()
        self.frame("circus", 40_960, "circusd", 0.6, 27.4, now - self.started + 259_321)
        for place, (name, workers) in enumerate(self.workers.items()):
            cpu, memory = self.weight[name]
            if name in {"circusd-stats", "circushttpd"}:
                self.frame("circus", workers[0].pid, name, cpu, memory, 259_300)
            for worker in workers:
                wave = (
                    1
                    + 0.5 * math.sin(self.tick / 9 + place + worker.wid)
                    + 0.2 * math.sin(self.tick * 1.7 + worker.pid)
                )
                grown = memory * (1 + 0.04 * math.sin(self.tick / 30 + worker.wid))
                self.frame(name, worker.pid, None, cpu * wave, grown, now - worker.born, worker.wid)
                if cpu > 2 and (self.tick + worker.pid) % 3 == 0:
                    text = PHRASES[(self.tick * 7 + worker.pid * 5) % len(PHRASES)]
                    self.write(name, worker.wid, worker.pid, "stdout", text)
                if cpu > 2 and (self.tick + worker.pid * 3) % 9 == 0:
                    self.write(
                        name,
                        worker.wid,
                        worker.pid,
                        "stderr",
                        "warning: slow query: 1.3 s in orders.by_customer",
                    )
        for one in self.sockets:
            hits = int(40 + 30 * math.sin(self.tick / 7 + one["fd"]))
            address = str(one.get("host", one.get("path")))
            body = {"fd": one["fd"], "subtopic": one["fd"], "reads": hits, "address": address}
            self.stats.send_multipart([f"stat.sockets.{one['fd']}".encode(), to_json(body)])
        self.stats.send_multipart([b"stat.circus", b"{}"])

    def frame(
        self,
        group: str,
        pid: int,
        name: str | None,
        cpu: float,
        memory: float,
        age: float,
        wid: int | None = None,
    ) -> None:
        """One process."""
        body = {
            "pid": pid, "subtopic": pid, "name": name, "cpu": round(max(0.0, cpu), 1), "mem": round(memory / 160, 3),
            "mem_info1": f"{memory:.2f}M", "age": age, "wid": wid, "cmdline": "python", "username": "www",
        }  # fmt: skip
        self.stats.send_multipart([f"stat.{group}.{pid}".encode(), to_json(body)])

    def set_the_scene(self) -> None:
        """A shop on a bad day."""
        for name, cmd, count, state, cpu, memory in SCENE:
            self.add(name, cmd, count, state, cpu, memory)
        now = time.time()
        ends = (("search", 1, 3, 0.2), ("payments", 78, 95, 0.4), ("images", -9, 840, 1810.0))
        for name, code, ago, lived in ends:
            for turn in range(6 if name != "images" else 1):
                told = "killed by SIGKILL" if code < 0 else f"exit code {code}"
                self.exits[name].append(
                    {"time": now - ago - (5 - turn) * 11, "pid": 40_990 + turn, "wid": 1, "why": "crash", "exit": told,
                     "exit_code": code, "lifetime": lived}
                )  # fmt: skip
        for turn in range(4):
            self.lines["search"].append(
                {"time": now - 40 + turn * 10, "wid": 1, "pid": 40_990 + turn, "stream": "stderr",
                 "data": "ConnectionRefusedError: [Errno 111] cannot reach elastic:9200"}
            )  # fmt: skip
        for name, restarts in (("web", 2), ("images", 5), ("exports", 1)):
            for one in self.workers[name]:
                one.restarts = restarts if one.wid == 1 else 0
        for one in (worker for workers in self.workers.values() for worker in workers):
            one.born -= 259_000 - one.pid % 1000 * 17


async def run(folder: Path, *, watchers: int, scene: bool) -> None:
    """Serve until SIGTERM."""
    fake = Fake(folder)
    if scene:
        fake.set_the_scene()
    for number in range(watchers):
        fake.add(f"w-{number:04}", f"python -m job {number}", 1, "active", number % 7, 12 + number % 50)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await fake.serve()
    except asyncio.CancelledError:
        pass
    finally:
        for socket in (
            fake.pub,
            fake.stats,
        ):  # of contexts of their own, which destroying ours does not close
            socket.close(linger=0)
        fake.context.destroy(linger=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--watchers", type=int, default=0)
    parser.add_argument("--scene", action="store_true")
    asked = parser.parse_args()
    asyncio.run(run(asked.folder, watchers=asked.watchers, scene=asked.scene))
