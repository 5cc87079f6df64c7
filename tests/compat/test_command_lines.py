import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from command_lines import CIRCUSCTL, CIRCUSD, CONFIG
from differences import COMMAND_LINES, EXIT_CODES

from daemons import Daemon
from differential import Normaliser, compare, rest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.reference, pytest.mark.timeout(600)]

ENVIRONMENT = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}

LISTING = frozenset({"options", "get", "globaloptions"})


def _run(program, daemon, line):
    pids = daemon.call("list", name="web").get("pids") or [0]
    words = [str(min(pids)) if word == "{pid}" else word for word in line.words]
    done = subprocess.run(
        [program / "circusctl", "--endpoint", daemon.endpoint, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=ENVIRONMENT,
    )
    normaliser = Normaliser(daemon)
    if "--json" in words:
        reply = normaliser.reply(json.loads(done.stdout))
        reply["id"] = None
        return {"exit": done.returncode, "json": reply}
    output = normaliser.text(done.stdout).strip()
    return {
        "exit": done.returncode,
        "output": _by_option(output) if words[0] in LISTING and done.returncode == 0 else output,
        "error": bool(done.stderr),
    }


def _by_option(output):
    """Lines ``option: value``; ours has more options."""
    return dict(line.partition(": ")[::2] for line in output.splitlines())


def test_circusctl_prints_and_exits_alike(sides, subtests):
    """Each circusctl drives each daemon; all are held against the reference's with the reference's.

    Where a program meets the other's daemon, what changes something is run, and a quarter of the rest.
    """
    ways = list(dict.fromkeys(product((sides.reference, sides.ours), repeat=2)))
    if sides.itself:
        ways *= 2

    def answers(number):
        program, daemon_program = ways[number]
        folder = sides.folder / f"w{number}"
        with Daemon(folder, CONFIG, program=daemon_program / "circusd") as daemon:
            rest(daemon)
            results = {}
            for index, line in enumerate(CIRCUSCTL):
                if program != daemon_program and index % 4 and not line.changes:
                    continue
                results[line.id, index] = _run(program, daemon, line)
                if line.changes and line is not CIRCUSCTL[-1]:
                    rest(daemon)
            return results

    with ThreadPoolExecutor(2) as several:
        reference, *others = several.map(answers, range(len(ways)))
    differences = {} if sides.itself else COMMAND_LINES
    names = {sides.reference: "reference", sides.ours: "ours"}
    for (program, daemon_program), other in zip(ways[1:], others, strict=True):
        way = f"{names[program]} to {names[daemon_program]}"
        for (line, index), answer in other.items():
            with subtests.test(f"{way}: {line}"):
                problems = compare(line, reference[line, index], answer, differences)
                if problems:
                    pytest.fail("\n".join(problems), pytrace=False)


def _exit(program, folder, line):
    folder.mkdir()
    for name, text in line.files:
        (folder / name).write_text(text.replace("{dir}", str(folder)))
    words = [word.replace("{dir}", str(folder)) for word in line.words]
    try:
        done = subprocess.run(
            [program / "circusd", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=ENVIRONMENT,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return {"exit": None, "says": True}
    return {"exit": done.returncode, "says": bool(done.stdout or done.stderr)}


@pytest.mark.parametrize("line", CIRCUSD, ids=lambda line: line.id)
def test_circusd_exits_alike(sides, line):
    reference = _exit(sides.reference, sides.folder / "r", line)
    ours = _exit(sides.ours, sides.folder / "o", line)
    problems = compare(line.id, reference, ours, {} if sides.itself else EXIT_CODES)
    assert not problems


def test_the_tables_name_what_there_is():
    assert set(COMMAND_LINES) <= {line.id for line in CIRCUSCTL}
    assert set(EXIT_CODES) <= {line.id for line in CIRCUSD}
