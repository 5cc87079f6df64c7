"""Where ours is meant to answer differently from the reference, case by case, with the reason."""

from collections.abc import Iterable

from differential import Difference

__all__ = ["COMMAND_LINES", "EVENTS", "EXIT_CODES", "REQUESTS"]

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
        "an environment that was not set is an empty mapping, not null", ignore=frozenset({"options.env"})
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
COMMAND_LINES: dict[str, Difference] = {}
EVENTS: dict[str, Difference] = {}
EXIT_CODES: dict[str, Difference] = {}
