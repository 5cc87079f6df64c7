"""A daemon of a scientific program: a pid file, its own log, a loop around the arbiter. FOLDER is its only argument."""

import os
import sys

from circus import get_arbiter
from circus import logger as circus_logger
from circus.circusd import daemonize  # noqa: F401 - it is imported by such programs, and called without --foreground
from circus.pidfile import Pidfile
from circus.util import check_future_exception_and_log, configure_logger

folder = sys.argv[1]


def at(name):
    return os.path.join(folder, name)


config = {
    "controller": "ipc://" + at("ctl"),
    "pubsub_endpoint": "ipc://" + at("pub"),
    "logoutput": at("daemon.log"),
    "loglevel": "INFO",
    "debug": False,
    "stats_endpoint": "ipc://" + at("stats"),
    "statsd": True,
    "pidfile": at("daemon.pid"),
    "watchers": [
        {
            "cmd": "sleep 987",
            "name": "workers",
            "numprocesses": 2,
            "virtualenv": None,
            "copy_env": True,
            "stdout_stream": {"class": "FileStream", "filename": at("workers.log"), "time_format": "%H:%M"},
            "stderr_stream": {"class": "FileStream", "filename": at("workers.log"), "time_format": "%H:%M"},
            "env": dict(os.environ, COLOUR="mauve"),
        }
    ],
}

arbiter = get_arbiter(**config)
pidfile = Pidfile(arbiter.pidfile)
try:
    pidfile.create(os.getpid())
except RuntimeError as exception:
    sys.exit(str(exception))

configure_logger(circus_logger, config["loglevel"], config["logoutput"], arbiter.loggerconfig)

while True:
    try:
        restart = False
        future = arbiter.start()
        if check_future_exception_and_log(future) is None:
            restart = arbiter._restarting
    except Exception as exception:
        arbiter.loop.run_sync(arbiter._emergency_stop)
        raise exception
    except KeyboardInterrupt:
        pass
    if not restart:
        break
pidfile.unlink()
print("ended")
