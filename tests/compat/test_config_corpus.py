"""A corpus of configuration files in every corner of the format, and what we and the reference make of it.

A file's first comment says what it shows, its second what `check` says: ``ok``, or ``warning TEXT`` or ``error
TEXT`` with a part of the text.
"""

import json
import subprocess
from pathlib import Path

import pytest
from differences import CONFIGURATIONS

from circus.config import ConfigError, Severity, check, get_config, read_config
from requires import REFERENCE, needs_reference

ROOT = Path(__file__).parents[2]
CONFIGS = Path(__file__).parent / "configs"
FILES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob("*.*") if path.is_file())
INI_FILES = [name for name in FILES if name.endswith(".ini")]
ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/user",
    "USER": "user",
    "PORT": "8123",
    "PART": "part-one",
    "SECRET": " pa$SSword ",
}


def promise(name: str) -> tuple[str, str]:
    lines = (CONFIGS / name).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    assert lines[0].startswith("# ")
    word, _, text = lines[1].removeprefix("# expect: ").partition(" ")
    return word, text


@pytest.mark.parametrize("name", FILES)
def test_check_says_what_the_file_promises(name):
    report = check(CONFIGS / name, environ=ENVIRON)
    word, text = promise(name)
    said = report.render()
    worst = {problem.severity for problem in report.problems}
    if word == "ok":
        assert not report.problems, said
    else:
        assert text in said
        assert (Severity.ERROR in worst) == (word == "error"), said
    assert report.ok == (word != "error")
    for problem in report.problems:
        assert problem.origin is not None
        assert problem.origin.line, said


@pytest.mark.parametrize("name", FILES)
def test_read_config_raises_what_check_says(name):
    report = check(CONFIGS / name, environ=ENVIRON)
    if report.ok:
        assert read_config(CONFIGS / name, environ=ENVIRON) == report.config
    else:
        with pytest.raises(ConfigError) as caught:
            read_config(CONFIGS / name, environ=ENVIRON)
        assert caught.value.problems == report.problems


def test_the_corpus_is_large_enough():
    assert len(FILES) >= 60


def test_toml_is_the_same_model():
    ini = read_config(CONFIGS / "twin.ini", environ=ENVIRON)
    toml = read_config(CONFIGS / "twin.toml", environ=ENVIRON)
    assert ini.arbiter.model_copy(update={"include": ()}) == toml.arbiter.model_copy(update={"include": ()})
    assert ini.watchers == toml.watchers
    assert ini.sockets == toml.sockets
    assert ini.plugins == toml.plugins
    assert ini.env == toml.env


def test_a_watcher_has_an_environment_of_its_own_in_toml():
    config = read_config(CONFIGS / "watcher_env.toml", environ=ENVIRON)
    assert config.watchers[0].options.env == {"A": "2", "B": "1"}


# --- against the reference ---------------------------------------------------------------------------------------

_RUN = """
import json, sys, warnings
warnings.simplefilter("ignore")
from circus.config import get_config
answers = {}
for name in sys.argv[2:]:
    try:
        answers[name] = {"config": get_config(sys.argv[1] + "/" + name)}
    except Exception as error:
        answers[name] = {"error": type(error).__name__}
print(json.dumps(answers, default=repr))
"""


@pytest.fixture(scope="module")
def reference():
    done = subprocess.run(
        [REFERENCE / "python", "-c", _RUN, str(CONFIGS), *INI_FILES],
        env={**ENVIRON, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def normal(config: dict) -> dict:
    """Without what differs everywhere: `__name__` in every section, and discovery, which is off unless asked for."""
    for section in [*config["watchers"], *config["plugins"], *config["sockets"]]:
        section.pop("__name__", None)
        for name in ("__name__", "PYTHONUTF8", "LC_CTYPE"):
            section.get("env", {}).pop(name, None)
    if config["multicast_endpoint"] in {None, "udp://237.219.251.97:12027"}:
        config["multicast_endpoint"] = None
    return config


def ours(name: str) -> dict:
    try:
        config = get_config(CONFIGS / name, environ=ENVIRON)
    except ConfigError:
        return {"error": "ConfigError"}
    return {"config": normal(json.loads(json.dumps(config)))}


@needs_reference()
@pytest.mark.reference
@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", INI_FILES)
def test_get_config_is_the_reference_s(name, reference):
    answer = reference[name]
    theirs = {"config": normal(answer["config"])} if "config" in answer else {"error": answer["error"]}
    mine = ours(name)
    same = mine == theirs or ("error" in mine and "error" in theirs)
    if name in CONFIGURATIONS:
        assert not same, f"no difference any more: take {name} out of the table"
    else:
        assert mine == theirs or same
