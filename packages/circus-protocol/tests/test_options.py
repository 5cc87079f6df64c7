import pytest
from pydantic import ValidationError

from circus.protocol.options import (
    HOOK_NAMES,
    ArbiterOptions,
    Change,
    HookOptions,
    PluginOptions,
    SocketOptions,
    StreamOptions,
    WatcherOptions,
    change_of,
    nest,
)

MODELS = (ArbiterOptions, PluginOptions, SocketOptions, WatcherOptions)

# A value that is not the default for every option: text as the ini has it, and what it means.
WATCHER = {
    "cmd": ("sleep 1", "sleep 1"),
    "args": ("-u x.py", "-u x.py"),
    "executable": ("/bin/sleep", "/bin/sleep"),
    "numprocesses": ("auto", "auto"),
    "warmup_delay": ("0.5", 0.5),
    "working_dir": ("/tmp", "/tmp"),
    "shell": ("true", True),
    "shell_args": ("a b", "a b"),
    "uid": ("0", 0),
    "gid": ("www", "www"),
    "env": ("A=1", {"A": "1"}),
    "copy_env": ("1", True),
    "copy_path": ("yes", True),
    "virtualenv": ("/venv", "/venv"),
    "virtualenv_py_ver": ("3.11", "3.11"),
    "rlimits": ({"nofile": "100", "core": "unlimited"}, {"nofile": 100, "core": None}),
    "stdout_stream": ({"class": "FileStream", "filename": "x"}, {"class": "FileStream", "filename": "x"}),
    "stderr_stream": ({"class": "StdoutStream"}, {"class": "StdoutStream"}),
    "stdin_socket": ("web", "web"),
    "close_child_stdin": ("false", False),
    "close_child_stdout": ("on", True),
    "close_child_stderr": ("on", True),
    "send_hup": ("True", True),
    "stop_signal": ("sigint", 2),
    "stop_children": ("True", True),
    "graceful_timeout": ("3", 3.0),
    "max_retry": ("-1", -1),
    "respawn": ("False", False),
    "autostart": ("no", False),
    "on_demand": ("yes", True),
    "priority": ("-5", -5),
    "singleton": ("true", True),
    "use_sockets": ("web api", ("web", "api")),
    "max_age": ("60", 60.0),
    "max_age_variance": ("5", 5.0),
    "hooks": (
        {"before_start": "a.b,true"},
        {"before_start": {"target": "a.b", "ignore_failure": True}},
    ),
    "stable_after": ("2", 2.0),
    "backoff_initial": ("0.2", 0.2),
    "backoff_max": ("5", 5.0),
    "max_restarts": (4, 4),
    "restart_window": ("10", 10.0),
    "retry_after": ("7", 7.0),
    "on_failure": ("shutdown", "shutdown"),
    "parent_death_signal": ("KILL", 9),
    "tail_lines": ("10", 10),
}
SOCKET = {
    "host": ("127.0.0.1", "127.0.0.1"),
    "port": ("0", 0),
    "path": ("/run/x", "/run/x"),
    "family": ("AF_INET6", 10),
    "type": ("SOCK_DGRAM", 2),
    "proto": ("6", 6),
    "interface": ("lo", "lo"),
    "umask": ("077", 0o77),
    "replace": ("true", True),
    "so_reuseport": ("true", True),
    "blocking": ("true", True),
    "backlog": ("5", 5),
}
PLUGIN = {"use": ("a.B", "a.B"), "priority": ("3", 3)}
ARBITER = {
    "endpoint": ("ipc://x", "ipc://x"),
    "pubsub_endpoint": ("ipc://y", "ipc://y"),
    "stats_endpoint": ("ipc://z", "ipc://z"),
    "multicast_endpoint": ("udp://237.219.251.97:12027", "udp://237.219.251.97:12027"),
    "endpoint_owner": ("www", "www"),
    "auth": ("legacy", "legacy"),
    "allow_remote": ("yes", True),
    "curve_endpoint": ("tcp://*:5565", "tcp://*:5565"),
    "curve_pubsub_endpoint": ("tcp://*:5566", "tcp://*:5566"),
    "curve_dir": ("/etc/circus/keys", "/etc/circus/keys"),
    "check_delay": ("-1", -1.0),
    "warmup_delay": ("1", 1.0),
    "statsd": ("1", True),
    "statsd_close_outputs": ("1", True),
    "httpd": ("1", True),
    "httpd_host": ("::1", "::1"),
    "httpd_port": ("0", 0),
    "httpd_close_outputs": ("1", True),
    "include": ("a.ini b.ini", ("a.ini", "b.ini")),
    "include_dir": ("d", ("d",)),
    "pidfile": ("p", "p"),
    "umask": ("0o027", 0o27),
    "loglevel": ("debug", "debug"),
    "logoutput": ("-", "-"),
    "loggerconfig": ("l.yaml", "l.yaml"),
    "debug": ("1", True),
    "debug_gc": ("1", True),
    "fqdn_prefix": ("a", "a"),
    "proc_name": ("x", "x"),
    "ssh_server": ("u@h", "u@h"),
    "capture": ("1", True),
}
TABLES = {WatcherOptions: WATCHER, SocketOptions: SOCKET, PluginOptions: PLUGIN, ArbiterOptions: ARBITER}
NEEDS = {"copy_path": {"copy_env": True}}


def build(model, **options):
    return model(**({"use": "a.B"} if model is PluginOptions and "use" not in options else {}), **options)


def test_the_tables_hold_every_option():
    for model, table in TABLES.items():
        assert set(table) >= set(model.model_fields), model.__name__


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model, table in TABLES.items() for name in table], ids=str
)
def test_every_option_round_trips(model, name):
    if name not in model.model_fields:
        pytest.skip(f"{name} is not an option any more")
    text, meaning = TABLES[model][name]
    options = build(model, **{name: text}, **NEEDS.get(name, {}))
    dumped = options.model_dump(by_alias=True)
    shown = dumped[name]
    if isinstance(shown, dict):
        shown = {key: value for key, value in shown.items() if value is not None or key in meaning}
    assert shown == meaning
    assert shown != model.model_fields[name].default or name == "use"
    assert model(**dumped) == options
    assert model.model_validate_json(options.model_dump_json(by_alias=True)) == options


@pytest.mark.parametrize("model", MODELS)
def test_every_option_says_what_it_is_and_what_a_change_takes(model):
    for name, info in model.model_fields.items():
        assert info.description, name
        assert change_of(model, name) in Change


@pytest.mark.parametrize("model", MODELS)
def test_an_instance_is_frozen(model):
    options = build(model)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(options, next(iter(model.model_fields)), "x")


@pytest.mark.parametrize("model", [ArbiterOptions, SocketOptions])
def test_an_unknown_option_is_refused_where_nobody_reads_it(model):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model(colour="mauve")


def test_unknown_watcher_and_plugin_options_are_kept():
    assert WatcherOptions(colour="mauve").unknown == {"colour": "mauve"}
    assert build(PluginOptions, colour="mauve").config == {"colour": "mauve"}
    assert WatcherOptions(colour="mauve").model_dump()["colour"] == "mauve"


BAD = [
    (WatcherOptions, {"numprocesses": -1}, "write 0 or more, or auto"),
    (WatcherOptions, {"numprocesses": "many"}, "write a number, or auto"),
    (WatcherOptions, {"singleton": True, "numprocesses": 2}, "a singleton watcher has one process, not 2"),
    (WatcherOptions, {"copy_path": True}, "copy_path needs copy_env"),
    (WatcherOptions, {"stop_signal": "COLOUR"}, "is not a signal"),
    (WatcherOptions, {"hooks": {"at_noon": "a.b"}}, "there is no hook 'at_noon'; hooks are before_start"),
    (WatcherOptions, {"hooks": {"before_start": "name"}}, "neither callable nor the dotted name"),
    (WatcherOptions, {"hooks": {"before_start": "a.b,perhaps"}}, "is not a boolean"),
    (WatcherOptions, {"hooks": {"before_start": ()}}, "valid dictionary"),
    (WatcherOptions, {"graceful_timeout": -1}, "greater than or equal to 0"),
    (WatcherOptions, {"max_retry": -2}, "greater than or equal to -1"),
    (WatcherOptions, {"rlimits": {"nofile": "many"}}, "is not a limit; write a number, or unlimited"),
    (WatcherOptions, {"on_failure": "explode"}, "'keep' or 'shutdown'"),
    (WatcherOptions, {"env": "A"}, "is not NAME=VALUE"),
    (SocketOptions, {"path": "x", "port": 1}, "not both"),
    (SocketOptions, {"port": 70000}, "less than or equal to 65535"),
    (SocketOptions, {"family": "SOCK_STREAM"}, "write a name that starts with AF_"),
    (SocketOptions, {"umask": "9"}, "write it in octal"),
    (ArbiterOptions, {"httpd_port": -1}, "greater than or equal to 0"),
    (ArbiterOptions, {"auth": "none"}, "'local' or 'legacy'"),
    (PluginOptions, {}, "Field required"),
]


@pytest.mark.parametrize(("model", "options", "text"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_value_is_refused_with_what_is_allowed(model, options, text):
    with pytest.raises(ValidationError) as caught:
        model(**options)
    assert text in str(caught.value)


def test_a_hook_in_all_its_forms():
    def hook():
        """Stands for a user's hook."""

    for given, target, ignored in [
        ("a.b", "a.b", False),
        (" a.b , true", "a.b", True),
        (("a.b", True), "a.b", True),
        (["a.b"], "a.b", False),
        (hook, hook, False),
        ((hook, False), hook, False),
        ({"target": "a.b"}, "a.b", False),
    ]:
        options = HookOptions.model_validate(given)
        assert (options.target, options.ignore_failure) == (target, ignored)
    assert len(set(HOOK_NAMES)) == 11


def test_streams():
    assert not StreamOptions().configured
    assert not WatcherOptions(stdout_stream=None).stdout_stream.configured
    assert StreamOptions.model_validate({"class": "FileStream"}).configured
    keywords = StreamOptions.model_validate({"class": "a.B", "filename": "x", "colour": "mauve"}).keywords
    assert keywords == {"filename": "x", "colour": "mauve"}
    stream = WatcherOptions(stdout_stream=print).stdout_stream
    assert stream.configured
    assert stream.stream is print


def test_none_is_empty():
    options = WatcherOptions(env=None, hooks=None, rlimits=None)
    assert (options.env, options.hooks, options.rlimits) == ({}, {}, {})


def test_what_a_change_takes():
    assert change_of(WatcherOptions, "cmd") is Change.RELOAD
    assert change_of(WatcherOptions, "numprocesses") is Change.LIVE
    assert change_of(WatcherOptions, "rlimit_nofile") is Change.RELOAD
    assert change_of(WatcherOptions, "stdout_stream.filename") is Change.LIVE
    assert change_of(WatcherOptions, "hooks.before_start") is Change.LIVE
    assert change_of(WatcherOptions, "colour") is Change.LIVE
    assert change_of(SocketOptions, "port") is Change.RESTART


def test_flat_names_become_nested():
    assert nest({
        "cmd": "x",
        "rlimit_nofile": 1,
        "stdout_stream.class": "FileStream",
        "stdout_stream.filename": "x",
        "hooks.before_start": "a.b",
        "env": {"A": "1"},
        "some.thing": 1,
    }) == {
        "cmd": "x",
        "rlimits": {"nofile": 1},
        "stdout_stream": {"class": "FileStream", "filename": "x"},
        "hooks": {"before_start": "a.b"},
        "env": {"A": "1"},
        "some.thing": 1,
    }  # fmt: skip


@pytest.mark.parametrize("flat_first", [True, False])
def test_flat_names_are_laid_over_nested_ones(flat_first):
    parts = [
        {"stdout_stream.class": "StdoutStream", "rlimit_core": 0},
        {"stdout_stream": {"class": "FileStream", "filename": "x"}, "rlimits": {"nofile": 5, "core": 1}},
    ]
    first, second = parts if flat_first else reversed(parts)
    assert nest({**first, **second}) == {
        "stdout_stream": {"class": "StdoutStream", "filename": "x"},
        "rlimits": {"core": 0, "nofile": 5},
    }


def test_nest_changes_nothing_of_what_it_is_given():
    given = {"stdout_stream": {"filename": "x"}, "stdout_stream.class": "FileStream"}
    nest(given)
    assert given == {"stdout_stream": {"filename": "x"}, "stdout_stream.class": "FileStream"}
