"""What the made-up daemon of `fake_circusd` is made up of."""

import time
from typing import Any

OPTIONS: dict[str, Any] = {
    "args": None, "autostart": True, "copy_env": False, "env": {}, "graceful_timeout": 30.0, "hooks": {},
    "max_age": 0.0, "max_retry": 5, "numprocesses": 1, "priority": 0, "respawn": True, "shell": False,
    "singleton": False, "stop_signal": 15, "stop_children": False, "uid": None, "gid": None, "use_sockets": False,
    "warmup_delay": 0.0, "working_dir": "/srv/app", "max_restarts": None, "backoff_max": 30.0, "tail_lines": 200,
}  # fmt: skip

TROUBLE: dict[str, dict[str, Any]] = {
    "backoff": {"backoff": {"wid": 1, "attempt": 6, "wait": 30.0, "left": 12.0, "reason": "exit code 1"}},
    "failed": {"failure": "too many restarts; the last: exit code 78"},
}
"""What `describe` says beside the state."""

SCENE: list[tuple[str, str, int, str, float, float]] = [
    ("web", "gunicorn shop.wsgi --bind fd://$(circus.sockets.web)", 4, "active", 21, 148),
    ("api", "uvicorn shop.api:app --fd $(circus.sockets.api)", 3, "active", 34, 121),
    ("mail", "python -m shop.workers.mail", 2, "active", 3, 62),
    ("images", "python -m shop.workers.images", 4, "active", 88, 310),
    ("search", "python -m shop.search --follow", 1, "backoff", 0, 0),
    ("payments", "python -m shop.workers.payments", 2, "failed", 0, 0),
    ("exports", "python -m shop.workers.exports", 3, "active", 12, 205),
    ("scheduler", "python -m shop.scheduler", 1, "active", 1, 44),
    ("reports", "python -m shop.reports", 1, "stopped", 0, 0),
    ("websocket", "python -m shop.push --fd $(circus.sockets.push)", 2, "active", 9, 77),
    ("plugin:resources", "circus-plugin shop.plugins.Resources", 1, "active", 0.5, 31),
    ("circusd-stats", "circusd-stats", 1, "active", 0.8, 33),
    ("circushttpd", "circushttpd --fd $(circus.sockets.circushttpd)", 1, "active", 1.1, 39),
]

PHRASES = (
    "GET /cart 200 in 23 ms",
    "GET /product/1841 200 in 41 ms",
    "POST /cart/items 201 in 57 ms",
    "GET /search?q=lamp 200 in 88 ms",
    "GET /static/app.css 304 in 1 ms",
    "POST /checkout 303 in 142 ms",
)


class Worker:
    """A made-up process."""

    def __init__(self, wid: int, pid: int) -> None:
        self.wid, self.pid, self.born, self.restarts = wid, pid, time.time() - 1, 0
        self.last_exit: dict[str, Any] | None = None
