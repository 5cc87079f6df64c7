import socket
from dataclasses import fields

import pytest

from circus.config import ConfigError, Severity, check, read_config
from circus.config.problems import nearest
from circus.plugins.flapping import Limits
from circus.protocol.options import FLAPPING_OPTIONS


def write(tmp_path, text, name="c.ini"):
    path = tmp_path / name
    path.write_text(text)
    return path


def said(tmp_path, text):
    path = write(tmp_path, text)
    return [str(problem).removeprefix(f"{path}:") for problem in check(path, environ={}).problems]


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    text = "[circus]\ncheck_delai = 1\n[watcher:a]\nnumprocesses = x\ngraceful_timeout = -1\n[sockets:a]\nport = 1\n"
    assert said(tmp_path, text) == [
        "2: error: [circus] check_delai: unknown option; did you mean check_delay?",
        "3: error: [watcher:a]: a watcher needs a cmd",
        (
            "4: error: [watcher:a] numprocesses: 'x' is not a number of processes; write a number, or auto"
            " (how many workers to keep; auto is one a CPU that we may use)"
        ),
        (
            "5: error: [watcher:a] graceful_timeout: '-1' is below 0"
            " (time between stop_signal and SIGKILL for what is left, in s)"
        ),
        (
            "6: error: [sockets:a]: there is no such section; sections are [circus], [env], [env:WATCHERS],"
            " [watcher:NAME], [socket:NAME], [plugin:NAME]; did you mean [socket:a]?"
        ),
    ]


def test_the_options_of_the_flapping_plugin_are_known(tmp_path):
    names = {f"flapping.{field.name}" for field in fields(Limits)}
    assert names == FLAPPING_OPTIONS
    text = "[watcher:a]\ncmd = x\n" + "".join(f"{name} = 1\n" for name in sorted(names))
    assert said(tmp_path, text) == []
    assert said(tmp_path, "[watcher:a]\ncmd = x\nflapping.atempts = 1\n") == [
        (
            "3: warning: [watcher:a] flapping.atempts: unknown option; it is kept, and nothing here uses it;"
            " did you mean flapping.attempts?"
        )
    ]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"no.ini: error: cannot read this file: no such file or directory"):
        read_config(tmp_path / "no.ini")
    report = check(tmp_path)
    assert "is a directory" in report.render()


def test_a_device_that_never_ends():
    assert "is larger than 16 MiB" in check("/dev/zero", environ={}).render()


def test_an_included_file_that_cannot_be_read(tmp_path):
    (tmp_path / "sub.ini").mkdir()
    path = write(tmp_path, "[circus]\ninclude = sub.ini\n")
    report = check(path, environ={})
    assert [problem.severity for problem in report.problems] == [Severity.WARNING, Severity.ERROR]


def test_origins_of_included_values(tmp_path):
    write(tmp_path, "[watcher:a]\nshell = perhaps\ncmd = x\n", "part.ini")
    path = write(tmp_path, "[circus]\ninclude = part.ini\n")
    (problem,) = check(path, environ={}).problems
    assert str(problem.origin) == f"{tmp_path}/part.ini:2"


def test_sockets_become_specs(tmp_path):
    text = "[socket:Web]\nhost = 127.0.0.1\nport = 0\nproto = tcp\n[socket:u]\npath = /tmp/u\n[socket:v]\npath = /tmp/v\numask = 022\n"
    made = read_config(write(tmp_path, text), environ={})
    unix, other, web = made.socket_specs
    assert (web.name, web.port, web.proto, web.family, web.umask) == ("web", 0, 6, socket.AF_INET, None)
    assert (unix.path, unix.umask, other.umask) == ("/tmp/u", 0o010, 0o022)


def test_a_path_that_is_too_long_is_an_error_of_the_configuration(tmp_path):
    (text,) = said(tmp_path, f"[socket:u]\npath = /{'x' * 120}\n")
    assert text.startswith("1: error: [socket:u]: path is 121 bytes long, the system takes 107")


def test_who_uses_a_socket(tmp_path):
    text = """
[socket:web]
port = 0
[socket:in]
port = 0
[watcher:marker]
cmd = x ((CIRCUS.Sockets.WEB))
use_sockets = in
[watcher:args]
cmd = x
args = --fd $(circus.sockets.web)
[watcher:all]
cmd = x
use_sockets = True
[watcher:stdin]
cmd = x
stdin_socket = IN
[watcher:none]
cmd = x
"""
    made = read_config(write(tmp_path, text), environ={})
    users = {name: {w.name for w in made.watchers if w.uses(name)} for name in ("Web", "in")}
    assert users == {"Web": {"marker", "args", "all"}, "in": {"marker", "all", "stdin"}}


def test_sockets_that_do_not_exist(tmp_path):
    text = "[socket:web]\nport = 0\n[watcher:a]\ncmd = x\nuse_sockets = wbe\nstdin_socket = no\n"
    assert said(tmp_path, text) == [
        "3: error: [watcher:a] use_sockets: there is no [socket:wbe]; sockets are: web; did you mean web?",
        "3: error: [watcher:a] stdin_socket: there is no [socket:no]; sockets are: web",
    ]


def test_a_configuration_compares_by_what_it_says(tmp_path):
    one = read_config(write(tmp_path, "[watcher:a]\ncmd = x\n", "1.ini"), environ={})
    two = read_config(write(tmp_path, "# moved\n\n[watcher:a]\ncmd = x\n", "2.ini"), environ={})
    assert one.watchers == two.watchers
    assert one.watcher("A") is one.watchers[0]
    assert one.watcher("b") is None


def test_unknown_watcher_options_are_kept(tmp_path):
    path = write(tmp_path, "[watcher:a]\ncmd = x\nmfserv_plugin = y\n")
    assert read_config(path, environ={}).watchers[0].options.unknown == {"mfserv_plugin": "y"}


def test_plugins_get_text(tmp_path):
    path = write(tmp_path, '[plugin.p]\nuse = "a.B"\nrate = 1.5\nflag = true\npriority = 3\n', "c.toml")
    (plugin,) = read_config(path, environ={}).plugins
    assert plugin.name == "plugin:p"
    assert plugin.options.config == {"rate": "1.5", "flag": "True"}
    assert plugin.options.priority == 3


def test_nearest():
    assert nearest("NUMPROCESES", ["numprocesses", "cmd"]) == "numprocesses"
    assert nearest("zzz", ["numprocesses"]) is None
