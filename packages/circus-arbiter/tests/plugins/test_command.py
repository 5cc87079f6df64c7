import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circus.plugins.command import dump_config, load_config, main, plugin_args, reachable
from circus.protocol.options import ArbiterOptions, PluginOptions
from daemons import Daemon
from requires import OURS, needs_daemon


@given(st.dictionaries(st.text(), st.text()))
def test_any_text_passes_through_the_command_line(config):
    assert load_config(dump_config(config)) == config


def test_values_are_text_on_the_other_side():
    assert load_config(dump_config({"a": 1, "b": True, "c": 0.5})) == {"a": "1", "b": "True", "c": "0.5"}
    assert load_config('{"a": 1, "b": true}') == {"a": "1", "b": "true"}


def test_the_old_form_is_read():
    assert load_config("a:1:::url:redis://h:1/0:::rubbish") == {"a": "1", "url": "redis://h:1/0"}
    assert load_config(None) == load_config("") == {}


def test_what_looks_like_json_has_to_be_json():
    with pytest.raises(ValueError, match="not a JSON object"):
        load_config('{"a": ')


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("tcp://*:5555", "tcp://127.0.0.1:5555"),
        ("tcp://0.0.0.0:5555", "tcp://127.0.0.1:5555"),
        ("tcp://[::]:5555", "tcp://[::1]:5555"),
        ("tcp://10.0.0.1:5555", "tcp://10.0.0.1:5555"),
        ("ipc:///run/circus:1", "ipc:///run/circus:1"),
    ],
)
def test_plugins_are_told_an_endpoint_that_can_be_connected_to(endpoint, told):
    assert reachable(endpoint) == told


def test_the_words_after_python_m_circus_plugins():
    plugin = PluginOptions.model_validate({"use": "a.B", "text": "it's a b"})
    options = ArbiterOptions(endpoint="ipc:///e", pubsub_endpoint="ipc:///p", check_delay=0.5)
    head = ["--endpoint", "ipc:///e", "--pubsub", "ipc:///p", "--check-delay", "0.5"]
    assert plugin_args(plugin, options, name="plugin:b") == [
        *head,
        "--config",
        '{"name": "plugin:b", "text": "it\'s a b"}',
        "a.B",
    ]
    assert plugin_args(PluginOptions(use="a.B"), options) == [*head, "a.B"]


def test_version_and_usage(capsys):
    from circus import __version__

    for words, wanted in ((["--version"], __version__), ([], "usage: circus-plugin")):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert wanted in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no.such.Plugin"], 1, "cannot load no.such.Plugin: No module named 'no'"),
        (["circus.plugins.resource_watcher.ResourceWatcher"], 1, "set the option 'watcher'"),
        (["--config", "{", "a.B"], 2, "the configuration is not a JSON object"),
    ],
)
@pytest.mark.real
@pytest.mark.slow
def test_what_cannot_be_loaded_is_said(words, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "circus.plugins", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real
@pytest.mark.slow
def test_the_old_way_to_start_one():
    code = "from circus import plugins; plugins.main()"
    words = ["--config", "active:false", "circus.plugins.flapping.Flapping"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, "is not active" in done.stderr) == (0, True)


@needs_daemon()
@pytest.mark.real
@pytest.mark.slow
def test_why_a_plugin_cannot_be_loaded_stands_where_the_daemon_writes(tmp_path):
    config = "[plugin:lost]\nuse = no_such_module.Plugin\n"
    with Daemon(tmp_path, config, program=OURS / "circusd") as daemon, daemon.events() as events:
        events.wait_for(lambda event: event.watcher == "plugin:lost" and event.name == "reap")
        assert "cannot load no_such_module.Plugin: No module named 'no_such_module'" in daemon.output()
