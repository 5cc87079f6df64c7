"""AiiDA's daemon: started, scaled, used for a calculation, restarted and stopped by its own commands."""

import re

import pytest

from .conftest import environment

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.allow_leaks("processes"),
]

SUBMIT = """
from aiida import load_profile, orm
load_profile()
from aiida.engine import submit
from aiida.plugins import CalculationFactory
computer = orm.load_computer("localhost")
plugin = "core.arithmetic.add"
code = orm.InstalledCode(
    label="add", computer=computer, filepath_executable="/bin/bash", default_calc_job_plugin=plugin
).store()
builder = CalculationFactory(plugin).get_builder()
builder.code, builder.x, builder.y = code, orm.Int(2), orm.Int(3)
builder.metadata.options.resources = {"num_machines": 1}
print(submit(builder).pk)
"""


def workers(status: str) -> int:
    return int(re.search(r"Active workers \[(\d+)\]", status)[1])


def test_the_daemon_of_aiida_lives_its_whole_life_on_ours(tmp_path):
    aiida = environment("aiida", tmp_path, AIIDA_PATH=str(tmp_path))
    aiida.run("python", "-c", "import circus; assert circus.__version__ == '1.0.0', circus.__version__")
    aiida.run("verdi", "presto")
    # Its workers take a second or two to end; by default its client waits two, which a busy machine exceeds.
    aiida.run("verdi", "config", "set", "daemon.timeout", "20")
    try:
        assert "OK" in aiida.run("verdi", "daemon", "start", "2")
        assert workers(aiida.run("verdi", "daemon", "status")) == 2
        aiida.run("verdi", "daemon", "incr", "1")
        assert workers(aiida.run("verdi", "daemon", "status")) == 3
        aiida.run("verdi", "daemon", "decr", "2")
        assert workers(aiida.run("verdi", "daemon", "status")) == 1
        number = aiida.run("python", "-c", SUBMIT).split()[-1]
        aiida.until(
            "the calculation", lambda: "Finished [0]" in aiida.run("verdi", "process", "show", number)
        )
        result = f"from aiida import load_profile, orm; load_profile(); print(orm.load_node({number}).outputs.sum.value)"
        assert aiida.run("python", "-c", result).split()[-1] == "5"
        assert "OK" in aiida.run("verdi", "daemon", "restart")
        assert workers(aiida.run("verdi", "daemon", "status")) == 1
    finally:
        stopped = aiida.run("verdi", "daemon", "stop")
    assert "OK" in stopped
    assert "not running" in aiida.run("verdi", "daemon", "status", code=3)
