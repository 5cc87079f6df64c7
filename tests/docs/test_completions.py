"""The completion files that the packages install complete, in the shells that are here."""

import os
import subprocess

import pytest

from parts import completions, manpages
from parts.helptext import options, read
from requires import ROOT, needs_program

pytestmark = [pytest.mark.real, pytest.mark.slow]

NAMES = sorted(manpages.PACKAGES)
FISH = {
    **os.environ,
    "XDG_CONFIG_HOME": "/nonexistent",
    "XDG_DATA_HOME": "/nonexistent",
    "HOME": "/nonexistent",
}


def _file(name, shell):
    return ROOT / "packages" / manpages.PACKAGES[name] / "completions" / f"{name}.{shell}"


def _run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def _bash(name, *words):
    line = " ".join(f"'{word}'" for word in (name, *words))
    function = f"$(complete -p {name} | sed 's/.* -F \\([^ ]*\\) .*/\\1/')"
    script = f'. "{_file(name, "bash")}"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; {function}; echo "${{COMPREPLY[@]}}"'
    return _run("bash", "--norc", "-c", script)


def test_the_options_of_a_help_text_are_read():
    text = "usage: x\n\noptions:\n  -o, --output <json|text>\n                how\n  --level {a,b}  which\n  -n N  many\n  --all  all"
    found = [(option.names, option.value, option.choices) for option in options(read(text))]
    assert found == [
        (("-o", "--output"), "json|text", ("json", "text")),
        (("--level",), "a,b", ("a", "b")),
        (("-n",), "N", ()),
        (("--all",), "", ()),
    ]


def test_bash_completes_options_values_and_files(tmp_path, monkeypatch):
    (tmp_path / "circus.ini").touch()
    monkeypatch.chdir(tmp_path)
    assert _bash("circusd", "--ch") == ["--check"]
    assert _bash("circusd", "--log-level", "w") == ["warning"]
    assert _bash("circusd", "circ") == ["circus.ini"]
    assert _bash("circus-top", "--sort", "m") == ["mem"]
    assert _bash("circushttpd", "--tls-") == ["--tls-cert", "--tls-key"]


@needs_program("zsh")
@pytest.mark.parametrize("name", NAMES)
def test_zsh_can_parse_it_and_finds_its_command(name):
    path = _file(name, "zsh")
    assert path.read_text().startswith(f"#compdef {name}\n")
    _run("zsh", "-n", path)


@needs_program("fish")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "circusctl"])
def test_fish_completes_each_option(name):
    script = f"source {_file(name, 'fish')}; complete -C '{name} --'"
    words = _run("fish", "--no-config", "-c", script, env=FISH)
    known = [word for option in options(read(completions.help_text((name,)))) for word in option.names]
    assert {word for word in known if word.startswith("--")} <= set(words)


@needs_program("fish")
def test_fish_completes_values():
    script = f"source {_file('circus-top', 'fish')}; complete -C 'circus-top --sort m'"
    assert _run("fish", "--no-config", "-c", script, env=FISH)[0] == "mem"
