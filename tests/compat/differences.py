"""Where ours is meant to answer differently from the reference, case by case, with the reason."""

from collections.abc import Iterable

from differential import Difference

__all__ = ["COMMAND_LINES", "CONFIGURATIONS", "EVENTS", "EXIT_CODES", "REQUESTS", "as_page"]

INVALID_JSON = {"status": "error", "errno": 1}
UNKNOWN_COMMAND = {"status": "error", "errno": 2}
MESSAGE_ERROR = {"status": "error", "errno": 3}
COUNTED = {"status": "ok", "numwatchers": 0}


def _all(cases: Iterable[str], difference: Difference) -> dict[str, Difference]:
    return dict.fromkeys(cases, difference)


REQUESTS: dict[str, Difference] = {
    **_all(
        ("no-bytes", "blanks", "array", "number", "text", "null", "deep-array"),
        Difference("one such message makes the reference deaf for ever, for all clients", INVALID_JSON),
    ),
    **_all(
        ("empty-object", "command-number", "command-null"),
        Difference("one such message makes the reference deaf for ever, for all clients", UNKNOWN_COMMAND),
    ),
    "req-peer": Difference("a REQ socket never gets a reply from the reference", COUNTED),
    **_all(
        ("three-frames", "two-frames"),
        Difference("the reference is silent where a message has a frame too many", {"status": "error"}),
    ),
    "properties-list": Difference("a list of properties is no list of names", MESSAGE_ERROR),
    "list-name-null": Difference("null is no name; the reference fails inside", {"status": "ok"}),
    "list-name-empty": Difference("the text says that the name is empty", MESSAGE_ERROR),
    "get-kept-key": Difference(
        "an option that `options` shows can be read with `get`, too",
        {"status": "ok", "options": {"colour": "mauve"}},
    ),
    "get-many": Difference(
        "the section's name leaks into the environment", ignore=frozenset({"options.env.__name__"})
    ),
    **_all(
        ("options", "options-rich", "options-capital", "options-singleton", "set-cmd-after"),
        Difference(
            "the section's name leaks into options and environment",
            ignore=frozenset({"options.__name__", "options.env.__name__"}),
        ),
    ),
    "kill-unknown-name": Difference(
        "without `waiting` the reference says ok for a watcher that there is not",
        {"status": "error", "errno": 3, "reason": "program nobody not found"},
    ),
    **_all(
        (
            "add-numprocesses-text",
            "add-send-hup-text",
            "add-env-number",
            "add-env-text",
            "set-numprocesses-text",
            "set-shell-text",
        ),
        Difference(
            "text is a number or a boolean on the wire as it is in a file: one model reads both",
            {"status": "ok"},
        ),
    ),
    **_all(
        ("add-options-list", "add-uid-list", "add-hook-unknown", "add-rlimit-text", "set-graceful-text"),
        Difference("the text says what is allowed and what was given", MESSAGE_ERROR),
    ),
    **_all(
        ("stop-waiting", "stop-again-waiting", "stop-simple-waiting"),
        Difference("null in the reference; ours names the pids that were stopped", {"status": "ok"}),
    ),
    "add-options-after": Difference(
        "what was not set looks as it does for a watcher of a file: an empty text or mapping, not null",
        ignore=frozenset(
            {"options.env", "options.args", "options.stdout_stream_conf", "options.stderr_stream_conf"}
        ),
    ),
    "signal-pid-of-another": Difference(
        "the reference says ok for a pid that is no worker of the watcher, and sends nothing",
        {"status": "error", "errno": 3},
    ),
    "kill-pid-unknown-waiting": Difference(
        "the reference says ok for a pid that is no worker of the watcher, and ends nothing",
        {"status": "error", "errno": 3},
    ),
    "start-match-unknown": Difference("the text names what can be written", MESSAGE_ERROR),
    **_all(
        ("globaloptions", "globaloptions-empty", "globaloptions-multicast"),
        Difference(
            "discovery is off unless it is configured: nothing is announced by default",
            ignore=frozenset({"options.multicast_endpoint"}),
        ),
    ),
}
COMMAND_LINES: dict[str, Difference] = {
    **_all(
        ("--json status nobody",),
        Difference("an error is no success with --json either", {"exit": 3, "json": {"status": "error"}}),
    ),
    "options idle": Difference(
        "the section's name leaks into the options", ignore=frozenset({"output.__name__"})
    ),
}
EVENTS: dict[str, Difference] = {
    "reap": Difference("the reference does not tell of every process that ends; ours does, with the reason"),
    "updated": Difference("a changed number of processes is a changed option, also by incr, decr and set"),
}
EXIT_CODES: dict[str, Difference] = {
    "no-arguments": Difference("nothing was started: that is no success", {"exit": 2, "says": True}),
    "daemon-missing-file": Difference(
        "--daemon says what is wrong before it goes into the background", {"exit": 1, "says": True}
    ),
    "endpoint-unusable": Difference(
        "a daemon that cannot be reached has not started", {"exit": 1, "says": True}
    ),
}
CONFIGURATIONS: dict[str, str] = {
    "bad_stream.ini": "the old dict keeps what the model refuses; the reference falls over it",
    "blank_after_colon.ini": "white space around a name is no part of it",
    "bom.ini": "a byte order mark is passed over",
    "duplicate_continued.ini": "what continues an ignored value is ignored, not added to the value that counts",
    "empty_values.ini": "an empty umask is none, not an empty text",
    "expand_hook.ini": "a variable may stand in the name of a hook, as in every other option",
    "expand_in_env.ini": "a variable of [env] may refer to another one, as the manual says",
    "expand_in_special_env.ini": "a variable of [env:...] is expanded, as the manual says",
    "expand_number_special.ini": "the most special value counts for numbers, too, as the manual says",
    "expand_shell_in_command.ini": "a command gets a variable as the worker sees it",
    "expand_signal.ini": "a variable may stand for a signal",
    "include/itself.ini": "a file that includes itself is read once; the reference falls over it",
    "indented_first.ini": "the first option of a section may be indented; the reference takes the blanks for its name",
    "name_option.ini": "an option called name does not rename the watcher",
    "nameless_option.ini": "a value without an option is an error with its line",
    "numprocesses_auto.ini": "new",
    "old_defaults.ini": "pauses may be fractions of a second",
    "sockets_by_name.ini": "new",
}
"""File to reason: where `get_config` differs on purpose. A line that is not true any more fails."""


def as_page() -> str:
    """All of it as Markdown, for people who come from the reference."""
    parts: list[str] = []
    for title, table in (
        ("Requests", REQUESTS),
        ("`circusctl`", COMMAND_LINES),
        ("Exit codes of `circusd`", EXIT_CODES),
        ("Events", EVENTS),
        ("Configuration files", CONFIGURATIONS),
    ):
        reasons: dict[str, list[str]] = {}
        for case, difference in table.items():
            why = difference if isinstance(difference, str) else difference.why
            reasons.setdefault(why, []).append(case)
        parts += [f"### {title}", "", "| what differs, and why | cases of the suite |", "|---|---|"]
        parts += [f"| {why} | {', '.join(f'`{case}`' for case in cases)} |" for why, cases in reasons.items()]
        parts.append("")
    return "\n".join(parts)
