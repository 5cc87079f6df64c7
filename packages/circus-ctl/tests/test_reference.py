"""circusctl against a daemon of the reference, beside the reference's own circusctl: same output, same exit code.

Each line is run by both: {w} is one watcher for the one and its twin for the other, so that both meet the same state.
`DIFFERENT` names what we do otherwise, and why.
"""

import json
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from circus.client import CircusClient
from circus.protocol.messages import List, OptionsOf, Status
from circus.protocol.replies import ListWatchersReply, OptionsReply, StatusReply

if TYPE_CHECKING:
    from conftest import Outcome, Reference

# The daemon outlives a test, and starts and ends workers as the test tells it to.
pytestmark = [
    pytest.mark.reference,
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.allow_leaks("processes"),
]

SAME = [
    "status",
    "status {w}",
    "list",
    "list {w}",
    "list nope",
    "numwatchers",
    "numprocesses",
    "numprocesses {w}",
    "numprocesses nope",
    "listsockets",
    "globaloptions",
    "globaloptions check_delay",
    "globaloptions nope",
    "options {w}",
    "options nope",
    "get {w} numprocesses cmd env",
    "get envy env",
    "get {w} zzz",
    "stats",
    "stats {w}",
    "stats nope",
    "dstats",
    "incr {w} --waiting",
    "decr {w} --waiting",
    "incr {w} 2 --waiting",
    "decr {w} 2 --waiting",
    "incr lone",
    "decr lone --waiting",
    "incr nope",
    "set {w} max_retry -1",
    "set {w} WARMUP_DELAY 0.5 graceful_timeout 1 --waiting",
    "set {w} foo 1",
    "set {w} numprocesses",
    "set nope max_retry 1",
    "signal {w} HUP",
    "signal {w} 1 --children",
    "signal nope 9",
    "kill {w}",
    "kill {w} --signum TERM",
    "kill nope",
    "stop {w} --waiting",
    "status {w}",
    "start {w} --waiting",
    "restart {w} --waiting",
    "stop zz*",
    "start zz* --match regex",
    "stop nope --match simple",
    "reload {w} --waiting",
    "reload {w} --sequential --terminate --waiting",
    "reload nope",
    "add new-{w} sleep 100",
    "start new-{w} --waiting",
    "rm new-{w}",
    "add --start other-{w} sleep 100",
    "rm other-{w}",
    "rm nope",
    "add",
    "add {w}",
    "rm",
    "start a b",
    "restart a b",
    "reload a b",
    "list a b",
    "status a b",
    "stats a b c",
    "numprocesses a b",
    "numwatchers a",
    "dstats a",
    "options",
    "get {w}",
    "set {w} max_retry",
    "incr",
    "kill",
    "signal {w}",
]

DIFFERENT: dict[str, tuple[tuple[int, str], tuple[int, str], str]] = {
    # line: (reference: code and text), (ours), why
    "status nope": ((3, "error"), (3, "error: program nope not found"), "the reason is told"),
    "add {w} sleep 1": (
        (3, "error: command b'"),
        (3, "error: '{w}' already exist"),
        "the reason without the request's bytes in front",
    ),
    "signal {w} SIGXX": (
        (3, "error: command b'"),
        (3, "error: 'SIGXX' is not a signal; write a name such as SIGTERM or its number"),
        "the reason is told in words",
    ),
    "incr {w} many": ((1, "Traceback"), (1, "'many' is not a number; write digits"), "no traceback"),
    "set {w} env A": (
        (1, "Traceback"),
        (1, "'A' is not a value for env; write NAME=VALUE,NAME=VALUE"),
        "no traceback",
    ),
    "listsockets a": ((0, ""), (1, "Invalid number of arguments"), "words that mean nothing are refused"),
    "stop aa bb zz": (
        (0, "ok"),
        (1, "Invalid number of arguments"),
        "it stopped the first and left the others running without a word",
    ),
    "ipython": (
        (0, "error: Could not start ipython kernel"),
        (3, "error: there is no ipython shell"),
        "it ran any code for any peer; and an error is no success",
    ),
    "ipython a": ((1, "Invalid message"), (3, "error: there is no ipython shell"), "likewise"),
    "bogus": ((2, "usage: "), (2, "error: no such command 'bogus'"), "one line in place of the usage"),
    "status --bogus": (
        (2, "usage: "),
        (2, "error: No such option: --bogus"),
        "one line in place of the usage",
    ),
    "list nope --json": (
        (2, "usage: "),
        (3, '{"status": "error"'),
        "global options may follow; JSON errors fail",
    ),
    "add m-{w} python -m x": ((2, "usage: "), (0, "ok"), "options of the program are the program's"),
}


def normal(text: str, watcher: str) -> str:
    """Without what differs from run to run and from twin to twin."""
    lines = [
        re.sub(r"\d+(\.\d+)?M|\d+:\d\d\.\d+|\d+(\.\d+)?", "N", re.sub(rf"\b{watcher}\b", "W", line)).rstrip(
            " "
        )
        for line in text.split("\n")
    ]
    return "\n".join(re.sub(r"^(N)(,N)*$", "N,...", line) for line in lines)


def settled(tool: "Callable[..., Outcome]", line: str) -> "Outcome":
    """Run a line, again where the reference refuses because it still does something else."""
    deadline = time.monotonic() + 10
    while True:
        outcome = tool(*line.split())
        if "arbiter is already running" not in outcome.err or time.monotonic() > deadline:
            return outcome


def show(outcome: "Outcome", watcher: str) -> tuple[int, str, str]:
    return outcome.code, normal(outcome.out, watcher), normal(outcome.err, watcher)


@pytest.mark.parametrize("line", SAME)
def test_the_same_line_says_the_same(reference: "Reference", line: str):
    theirs = settled(reference.circusctl, line.format(w="aa"))
    ours = settled(reference.ours, line.format(w="bb"))
    if line in {"status", "list"}:
        assert (theirs.code, theirs.out) == (ours.code, ours.out)
    elif line == "stats":
        assert ours.code == theirs.code
        assert len(ours.out.splitlines()) == len(theirs.out.splitlines())
    else:
        assert show(ours, "bb") == show(theirs, "aa")


@pytest.mark.parametrize("line", DIFFERENT)
def test_what_we_say_otherwise(reference: "Reference", line: str):
    (their_code, their_text), (our_code, our_text), _why = DIFFERENT[line]
    theirs = reference.circusctl(*line.format(w="aa").split())
    ours = reference.ours(*line.format(w="bb").split())
    assert theirs.code == their_code
    assert their_text.format(w="aa") in theirs.out + theirs.err
    assert ours.code == our_code
    assert (ours.out + ours.err).startswith(our_text.replace("{w}", "bb"))
    reference.ours("start", "--waiting")


def test_json_is_the_reply(reference: "Reference"):
    theirs, ours = reference.circusctl("--json", "status"), reference.ours("--json", "status")
    drop = {"id", "time"}
    assert {k: v for k, v in json.loads(ours.out).items() if k not in drop} == {
        k: v for k, v in json.loads(theirs.out).items() if k not in drop
    }


def test_json_errors_fail_here_and_succeed_there(reference: "Reference"):
    theirs, ours = reference.circusctl("--json", "list", "nope"), reference.ours("--json", "list", "nope")
    assert (theirs.code, ours.code) == (0, 3)
    assert json.loads(ours.out)["reason"] == json.loads(theirs.out)["reason"]


def test_one_worker_is_one_line_and_an_empty_one(reference: "Reference"):
    pid = reference.ours("list", "aa").out.strip().split(",")[0]
    theirs, ours = reference.circusctl("stats", "aa", pid), reference.ours("stats", "aa", pid)
    assert show(ours, "aa") == show(theirs, "aa")
    assert ours.out.endswith("\n\n")


def test_typed_calls_read_the_references_replies(reference: "Reference"):
    with CircusClient(endpoint=reference.endpoint, timeout=15) as client:
        assert isinstance(client.request(List()), ListWatchersReply)
        assert isinstance(client.request(Status(name="aa")), StatusReply)
        assert isinstance(client.request(OptionsOf(name="aa")), OptionsReply)


def test_newer_commands_work_where_they_need_no_newer_daemon(reference: "Reference"):
    assert reference.ours("is-active", "aa").code == 0
    assert reference.ours("is-active", "nope").code == 4
    assert reference.ours("wait", "aa", "--timeout", "10").out == "active\n"
    assert reference.ours("env", "envy").out.startswith("A=1\nB=2\n")
    assert reference.ours("describe", "aa").code == 3
