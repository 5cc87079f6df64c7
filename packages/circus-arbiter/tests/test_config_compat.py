import signal

import pytest

from circus.config import ConfigError, get_config, watcher_defaults

TEXT = """
[circus]
stats_endpoint = tcp://127.0.0.1:1
umask = 002
warmup_delay = 2
pidfile = $(circus.env.HOME)/pid
[env]
A = $HOME
[watcher:b]
cmd = run
copy_env = yes
stop_signal = INT
rlimit_core =
rlimit_nofile = 5
hooks.before_start = a.b, True
hooks.after_start = a.b
stdout_stream.filename = x
max_age = 5
use_sockets = web
numprocesses = auto
[watcher:a]
cmd = run
use_sockets = on
numprocesses = 2
warmup_delay = 0.5
[socket:Web]
port = 80
so_reuseport = True
[plugin:p]
use = a.B
priority = 4
x = 1
"""
ENVIRON = {"HOME": "/home/me"}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "c.ini"
    file.write_text(TEXT)
    return file


def test_the_daemon(path):
    config = get_config(str(path), environ=ENVIRON)
    expected = {
        "check_delay": 5.0,
        "endpoint": "tcp://127.0.0.1:5555",
        "stats_endpoint": "tcp://127.0.0.1:1",
        "statsd": True,
        "umask": 0o002,
        "warmup_delay": 2,
        "pidfile": "/home/me/pid",
        "multicast_endpoint": None,
        "httpd_port": 8080,
        "loglevel": None,
    }
    assert {name: config[name] for name in expected} == expected


def test_watchers(path):
    first, second = get_config(path, environ=ENVIRON)["watchers"]
    assert first == {
        **watcher_defaults(),
        "name": "a",
        "cmd": "run",
        "use_sockets": True,
        "numprocesses": 2,
        "warmup_delay": 0.5,
        "env": {"A": "$HOME"},
    }
    assert second["env"] == {"HOME": "/home/me", "A": "$HOME"}
    assert second["stop_signal"] == signal.SIGINT
    assert second["rlimits"] == {"core": -1, "nofile": 5}
    assert second["hooks"] == {"before_start": ["a.b", True], "after_start": ["a.b", False]}
    assert second["stdout_stream"] == {"filename": "x"}
    assert (second["max_age"], second["use_sockets"], second["numprocesses"]) == ("5", "web", "auto")


def test_sockets_and_plugins(path):
    config = get_config(path, environ=ENVIRON)
    assert config["sockets"] == [{"name": "web", "port": "80", "so_reuseport": True, "replace": False}]
    assert config["plugins"] == [{"name": "plugin:p", "use": "a.B", "priority": 4, "x": "1"}]


def test_toml_gives_the_same_shape(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(
        '[watcher.a]\ncmd = "x"\nhooks.before_start = ["a.b", true]\nenv = {A = "1"}\n[circus]\numask = 2\n'
    )
    config = get_config(file, environ={})
    assert config["watchers"][0]["hooks"] == {"before_start": ["a.b", True]}
    assert config["watchers"][0]["env"] == {"A": "1"}
    assert config["umask"] == 2


def test_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        get_config(tmp_path / "no.ini")
    file = tmp_path / "c.ini"
    file.write_text("[watcher:a]\nshell = perhaps\n")
    with pytest.raises(ConfigError, match=r"c\.ini:2: error: \[a\] shell: 'perhaps' is not a boolean"):
        get_config(file)
    file.write_text("nothing\n")
    with pytest.raises(ConfigError, match="a line before the first"):
        get_config(file)


def test_defaults_are_new_each_time():
    watcher_defaults()["hooks"]["x"] = 1
    assert watcher_defaults()["hooks"] == {}
