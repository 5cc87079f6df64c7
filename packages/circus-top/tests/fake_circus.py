"""A stand-in for circusd and circusd-stats: answers commands and publishes figures of processes that do not exist.

Run as ``python fake_circus.py FOLDER WATCHERS PROCESSES [reference]``: makes the sockets ``ctl``, ``pub`` and ``stats`` in the
folder, and writes ``ready`` to stdout. With ``reference`` it knows neither the newer commands nor tables.
"""

import json
import math
import sys
import time

import zmq


class Fake:
    def __init__(self, folder: str, watchers: int, processes: int, *, is_reference: bool) -> None:
        self.folder = folder
        self.is_reference = is_reference
        self.context = zmq.Context()
        self.router = self._bind(zmq.ROUTER, "ctl")
        self.events = self._bind(zmq.PUB, "pub")
        self.stats = self._bind(zmq.XPUB, "stats")
        self.stats.sndhwm = 50_000
        self.started = time.monotonic()
        self.seq = 0
        self.tick = 0
        each = max(processes // max(watchers, 1), 1)
        self.watchers = {
            f"worker-{number:03d}": {
                "status": "active",
                "pids": [1_000_000 + number * each + i for i in range(each)],
            }
            for number in range(watchers)
        }

    def _bind(self, kind: int, name: str):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.bind(f"ipc://{self.folder}/{name}")
        return socket

    # -- commands

    def answer(self, command: str, props: dict) -> dict:
        name = props.get("name")
        watcher = self.watchers.get(name) if name else None
        if name and watcher is None:
            return {"status": "error", "reason": f"program {name} not found", "errno": 3}
        method = getattr(self, f"do_{command}", None)
        if method is None or (self.is_reference and command in {"version", "describe", "logs"}):
            return {"status": "error", "reason": f"unknown command: {command!r}", "errno": 2}
        return {"status": "ok", "time": time.time(), **(method(watcher, props) or {})}

    def do_globaloptions(self, _watcher, _props):
        where = {"endpoint": "ctl", "pubsub_endpoint": "pub", "stats_endpoint": "stats"}
        return {"options": {key: f"ipc://{self.folder}/{name}" for key, name in where.items()}}

    def do_version(self, _watcher, _props):
        return {
            "version": "1.0.0",
            "pid": 4242,
            "uptime": time.monotonic() - self.started,
            "endpoint": f"ipc://{self.folder}/ctl",
            "pubsub_endpoint": f"ipc://{self.folder}/pub",
        }

    def do_list(self, watcher, _props):
        if watcher is not None:
            return {"pids": watcher["pids"]}
        return {"watchers": [*self.watchers, "circusd-stats"]}

    def do_status(self, watcher, _props):
        if watcher is not None:
            return {"status": watcher["status"]}
        return {"statuses": {name: item["status"] for name, item in self.watchers.items()}}

    def do_listsockets(self, _watcher, _props):
        return {"sockets": [{"fd": 7, "name": "web", "host": "127.0.0.1", "port": 8080, "backlog": 2048}]}

    def do_dstats(self, _watcher, _props):
        return {"info": {"pid": 4242}}

    def do_options(self, watcher, _props):
        return {
            "options": {
                "numprocesses": len(watcher["pids"]),
                "stop_signal": 15,
                "graceful_timeout": 30.0,
                "cmd": "python worker.py",
                "use_sockets": True,
                "env": {"DATABASE_PASSWORD": "hunter2", "MODE": "live"},
            }
        }

    def do_describe(self, watcher, props):
        workers = [
            {"wid": wid + 1, "pid": pid, "state": "up", "restarts": 0}
            for wid, pid in enumerate(watcher["pids"])
        ]
        exits = [
            {
                "time": 1_700_000_000.0,
                "pid": 99,
                "wid": 1,
                "why": "crash",
                "exit": "exit code 7",
                "lifetime": 12.0,
            }
        ]
        state = watcher["status"]
        many = len(workers)
        return {
            "name": props["name"],
            "state": state,
            "wanted": many,
            "running": many,
            "workers": workers,
            "exits": exits,
        }

    def do_logs(self, watcher, _props):
        pid = (watcher["pids"] or [0])[0]
        line = {"time": 1_700_000_000.0, "wid": 1, "pid": pid}
        return {
            "lines": [
                {**line, "stream": "stdout", "data": "listening on 8080"},
                {**line, "stream": "stderr", "data": "cannot \x1b[31mreach\x07 the database"},
            ]
        }

    def do_stop(self, watcher, props):
        for pid in watcher["pids"]:
            self.publish(props["name"], "reap", process_pid=pid, exit_code=-15, why="stop")
        watcher.update(status="stopped", pids=[])
        self.publish(props["name"], "stop")

    def do_start(self, watcher, props):
        watcher.update(status="active", pids=watcher["pids"] or [2_000_000 + self.seq])
        self.publish(props["name"], "start")

    def do_restart(self, watcher, props):
        watcher["pids"] = [pid + 1_000_000 for pid in watcher["pids"]]
        self.publish(props["name"], "start")

    do_reload = do_restart

    def do_incr(self, watcher, props):
        watcher["pids"].append(3_000_000 + self.seq)
        self.publish(props["name"], "spawn", process_pid=watcher["pids"][-1], wid=len(watcher["pids"]))

    def do_decr(self, watcher, props):
        pid = watcher["pids"].pop()
        self.publish(props["name"], "reap", process_pid=pid, exit_code=0, why="scale")

    def do_kill(self, watcher, props):
        self.publish(props["name"], "kill", process_pid=props.get("pid", 0), signal="SIGTERM")

    def do_signal(self, watcher, props):
        self.publish(
            props["name"], "updated", options=[f"signal {props.get('signum')} to {props.get('pid', 'all')}"]
        )

    # -- publishing

    def publish(self, watcher: str, event: str, **body) -> None:
        self.seq += 1
        body |= {"time": time.time(), "watcher": watcher, "seq": self.seq}
        self.events.send_multipart([f"watcher.{watcher}.{event}".encode(), json.dumps(body).encode()])

    def figures(self, wid: int, pid: int) -> tuple[float, int, float]:
        cpu = max(0.0, round(40 * math.sin(pid * 0.7 + self.tick * 0.3), 1))
        return cpu, 20_000_000 + (pid % 97) * 500_000, time.monotonic() - self.started + pid % 1000

    def publish_tables(self) -> None:
        for name, watcher in self.watchers.items():
            pids = watcher["pids"]
            figures = [self.figures(index, pid) for index, pid in enumerate(pids)]
            cpu, rss, age = (
                (list(column) for column in zip(*figures, strict=True)) if figures else ([], [], [])
            )
            columns = {
                "pid": pids,
                "wid": [index + 1 for index in range(len(pids))],
                "cpu": cpu,
                "rss": rss,
                "started": [self.tick - seconds for seconds in age],
            }
            columns |= {
                "mem": [round(size / 16e9 * 100, 3) for size in rss],
                "restarts": 0,
                "state": "sleeping",
            }
            columns |= {
                "threads": [1 + pid % 4 for pid in pids],
                "fds": 12,
                "read_rate": 0.0,
                "write_rate": 0.0,
            }
            columns |= {"tree_cpu": cpu, "tree_rss": rss, "tree_size": 1, "username": "www"}
            columns |= {"command": "python worker.py --queue default --verbose"}
            body = {"watcher": name, "status": watcher["status"], "restarts": 0, "time": time.time()}
            body["uptime"] = self.tick
            self.send(f"table.{name}", body | {"count": len(pids), "columns": columns})
        self.publish_daemon(tables=True)

    def publish_frames(self) -> None:
        for name, watcher in self.watchers.items():
            for index, pid in enumerate(watcher["pids"]):
                cpu, rss, age = self.figures(index, pid)
                frame = {"pid": pid, "subtopic": pid, "cpu": cpu, "mem": rss / 16e7, "age": age, "name": None}
                frame |= {
                    "mem_info1": f"{rss / 2**20:.2f}M",
                    "mem_info2": "N/A",
                    "ctime": "0:01.00",
                    "username": "www",
                }
                self.send(f"stat.{name}.{pid}", frame | {"nice": 0, "cmdline": "python", "children": []})
            total = {"pid": watcher["pids"], "cpu": 1.0, "mem": 1.0, "age": 1.0}
            self.send(f"stat.{name}", total)
        self.publish_daemon(tables=False)

    def publish_daemon(self, *, tables: bool) -> None:
        own = {"pid": 4242, "subtopic": 4242, "cpu": 0.0, "mem": 0.2, "age": time.monotonic() - self.started}
        self.send("stat.circus.4242", own | {"name": "circusd", "mem_info1": "25.00M", "threads": 3})
        total = {"pid": [4242], "cpu": 0.0, "mem": 0.2, "age": 1.0}
        if tables:
            total |= {"tables": True, "memory": 16_000_000_000, "cpus": 4, "version": "1.0.0"}
        self.send("stat.circus", total)
        hits = {"fd": 7, "subtopic": 7, "reads": self.tick % 10, "address": "127.0.0.1:8080"}
        self.send("stat.sockets.7", hits)

    def send(self, topic: str, body: dict) -> None:
        self.stats.send_multipart([topic.encode(), json.dumps(body).encode()])

    # -- life

    def run(self) -> None:
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        poller.register(self.stats, zmq.POLLIN)
        next_tick = time.monotonic()
        print("ready", flush=True)
        while True:
            ready = dict(poller.poll(max(0, (next_tick - time.monotonic()) * 1000)))
            if self.router in ready:
                peer, raw = self.router.recv_multipart()
                request = json.loads(raw)
                reply = self.answer(request["command"].lower(), request.get("properties") or {})
                self.router.send_multipart([peer, json.dumps(reply | {"id": request.get("id")}).encode()])
            if self.stats in ready:
                self.stats.recv()
                next_tick = min(next_tick, time.monotonic() + 0.1)
            if time.monotonic() >= next_tick:
                self.tick += 1
                next_tick += 1.0
                self.publish_frames() if self.is_reference else self.publish_tables()


if __name__ == "__main__":
    Fake(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), is_reference="reference" in sys.argv[4:]).run()
