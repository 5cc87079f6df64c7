"""What is asked: every command in every corner of the protocol. Data; `test_requests` runs it, `record` records it."""

from differential import Case, Group, ask, raw

__all__ = ["COMMANDS", "GROUPS"]

COMMANDS = (
    "add", "decr", "dstats", "get", "globaloptions", "incr", "ipython", "kill", "list", "listen", "listsockets",
    "numprocesses", "numwatchers", "options", "quit", "reload", "reloadconfig", "restart", "rm", "set", "signal",
    "start", "stats", "status", "stop",
)  # fmt: skip

PLAIN = """\
check_delay = -1
[watcher:web]
cmd = sleep 987
numprocesses = 2
[watcher:Capital]
cmd = sleep
args = 987
[watcher:two words]
cmd = sleep 987
[watcher:idle]
cmd = sleep 987
autostart = False
[watcher:single]
cmd = sleep 987
singleton = True
[watcher:rich]
cmd = sleep 987
autostart = False
copy_env = False
shell = False
working_dir = {dir}
graceful_timeout = 3.5
max_retry = 7
max_age = 1234
max_age_variance = 12
priority = 4
send_hup = True
stop_children = True
stop_signal = INT
respawn = False
warmup_delay = 0
close_child_stdin = False
close_child_stdout = True
rlimit_nofile = 512
stdout_stream.class = FileStream
stdout_stream.filename = {dir}/out.log
colour = mauve
[env:rich]
COLOUR = mauve
[socket:sock]
path = {dir}/sock
[socket:tcp]
host = 127.0.0.1
port = 0
"""

# A daemon that looks after its workers, for what ends some of them.
LIVELY = PLAIN.replace("check_delay = -1", "check_delay = 0.25")


def _missing_name(*commands: str) -> tuple[Case, ...]:
    return tuple(ask(f"{command}-no-name", command) for command in commands)


def _unknown_name(*commands: str, **more: object) -> tuple[Case, ...]:
    return tuple(ask(f"{command}-unknown-name", command, name="nobody", **more) for command in commands)


READS = (
    ask("list", "list"),
    ask("list-one", "list", name="web"),
    ask("list-stopped", "list", name="idle"),
    ask("list-other-case", "list", name="WEB"),
    ask("list-capital", "list", name="Capital"),
    ask("list-capital-lower", "list", name="capital"),
    ask("list-with-blank", "list", name="two words"),
    ask("list-name-null", "list", name=None),
    ask("list-name-number", "list", name=5),
    ask("list-name-empty", "list", name=""),
    ask("list-unknown-property", "list", colour="mauve"),
    ask("status", "status"),
    ask("status-one", "status", name="web"),
    ask("status-stopped", "status", name="idle"),
    ask("status-other-case", "status", name="CAPITAL"),
    ask("status-name-list", "status", name=["web"]),
    ask("numprocesses", "numprocesses"),
    ask("numprocesses-one", "numprocesses", name="web"),
    ask("numprocesses-other-case", "numprocesses", name="Web"),
    ask("numwatchers", "numwatchers"),
    ask("numwatchers-extra", "numwatchers", name="web"),
    ask("listsockets", "listsockets"),
    ask("options", "options", name="web"),
    ask("options-rich", "options", name="rich"),
    ask("options-capital", "options", name="Capital"),
    ask("options-singleton", "options", name="single"),
    ask("get", "get", name="web", keys=["numprocesses"]),
    ask(
        "get-many",
        "get",
        name="rich",
        keys=["graceful_timeout", "stop_signal", "max_retry", "send_hup", "env"],
    ),
    ask("get-none", "get", name="web", keys=[]),
    ask("get-unknown-key", "get", name="web", keys=["colour"]),
    ask("get-kept-key", "get", name="rich", keys=["colour"]),
    ask("get-one-of-two-unknown", "get", name="web", keys=["cmd", "nothing"]),
    ask("get-no-keys", "get", name="web"),
    ask("get-no-name", "get", keys=["cmd"]),
    ask("get-keys-null", "get", name="web", keys=None),
    ask("globaloptions", "globaloptions"),
    ask("globaloptions-endpoint", "globaloptions", option="endpoint"),
    ask("globaloptions-check-delay", "globaloptions", option="check_delay"),
    ask("globaloptions-multicast", "globaloptions", option="multicast_endpoint"),
    ask("globaloptions-unknown", "globaloptions", option="colour"),
    ask("globaloptions-empty", "globaloptions", option=""),
    ask("stats", "stats"),
    ask("stats-one", "stats", name="web"),
    ask("stats-stopped", "stats", name="idle"),
    ask("stats-extended", "stats", name="web", extended=True),
    ask("stats-process", "stats", name="web", process="{pid:web:0}"),
    ask("stats-process-extended", "stats", name="web", process="{pid:web:1}", extended=True),
    ask("stats-process-unknown", "stats", name="web", process=1),
    ask("stats-process-of-another", "stats", name="Capital", process="{pid:web:0}"),
    ask("dstats", "dstats"),
    ask("dstats-extra", "dstats", name="web"),
    ask("listen", "listen"),
    *_missing_name("options"),
    *_unknown_name("list", "status", "numprocesses", "options", "stats"),
    ask("get-unknown-name", "get", name="nobody", keys=["cmd"]),
    ask("command-upper-case", "LIST"),
    ask("command-mixed-case", "NumWatchers"),
)

REFUSALS = (
    *_missing_name("add", "rm", "incr", "decr", "kill", "set", "signal"),
    *_unknown_name("rm", "incr", "decr", "kill", "start", "stop", "restart", "reload"),
    ask("set-unknown-name", "set", name="nobody", options={"numprocesses": 1}),
    ask("signal-unknown-name", "signal", name="nobody", signum=15),
    ask("add-no-cmd", "add", name="add-no-cmd"),
    ask("add-exists", "add", name="web", cmd="sleep 987"),
    ask("add-exists-other-case", "add", name="WEB", cmd="sleep 987"),
    ask("add-unknown-option", "add", name="add-unknown-option", cmd="sleep 987", options={"colour": "mauve"}),
    ask("add-options-list", "add", name="add-options-list", cmd="sleep 987", options=["numprocesses"]),
    ask(
        "add-numprocesses-text",
        "add",
        name="add-numprocesses-text",
        cmd="sleep 987",
        options={"numprocesses": "2"},
    ),
    ask("add-send-hup-text", "add", name="add-send-hup-text", cmd="sleep 987", options={"send_hup": "yes"}),
    ask("add-env-number", "add", name="add-env-number", cmd="sleep 987", options={"env": {"A": 1}}),
    ask("add-env-text", "add", name="add-env-text", cmd="sleep 987", options={"env": "A=1"}),
    ask("add-uid-list", "add", name="add-uid-list", cmd="sleep 987", options={"uid": []}),
    ask(
        "add-hook-unknown",
        "add",
        name="add-hook-unknown",
        cmd="sleep 987",
        options={"hooks": {"at_noon": "a.b"}},
    ),
    ask(
        "add-rlimit-unknown", "add", name="add-rlimit-unknown", cmd="sleep 987", options={"rlimit_colour": 1}
    ),
    ask("add-rlimit-text", "add", name="add-rlimit-text", cmd="sleep 987", options={"rlimit_nofile": "many"}),
    ask(
        "add-stream-no-class",
        "add",
        name="add-stream-no-class",
        cmd="sleep 987",
        options={"stdout_stream": {"filename": "x"}},
    ),
    ask("set-no-options", "set", name="web"),
    ask("set-unknown-option", "set", name="web", options={"colour": "mauve"}),
    ask("set-numprocesses-text", "set", name="web", options={"numprocesses": "3"}),
    ask("set-graceful-text", "set", name="web", options={"graceful_timeout": "soon"}),
    ask("set-shell-text", "set", name="web", options={"shell": "yes"}),
    ask("signal-no-signum", "signal", name="web"),
    ask("signal-unknown", "signal", name="web", signum="SIGCOLOUR"),
    ask("signal-child-without-pid", "signal", name="web", signum=0, childpid=1),
    ask("kill-pid-text", "kill", name="web", pid="first"),
    ask("kill-signal-unknown", "kill", name="web", signum="COLOUR"),
    ask("start-match-unknown", "start", name="web", match="fuzzy"),
    ask("stop-regex-broken", "stop", name="(", match="regex"),
    ask("unknown-command", "colour"),
    ask("unknown-command-empty", ""),
    ask("after-all-that", "status"),
)

GARBAGE = (
    raw("not-json", b"hello"),
    raw("half-json", b'{"command": "list"'),
    raw("no-bytes", b""),
    raw("blanks", b"   \n"),
    raw("zero-byte", b"\0"),
    raw("not-utf8", b"\xff\xfe\xfd"),
    raw("array", b"[]"),
    raw("empty-object", b"{}"),
    raw("number", b"17"),
    raw("text", b'"list"'),
    raw("null", b"null"),
    raw("deep-array", b"[" * 20000 + b"]" * 20000),
    raw("command-number", {"id": "command-number", "command": 5}),
    raw("command-null", {"id": "command-null", "command": None}),
    raw("no-properties", {"id": "no-properties", "command": "numwatchers"}),
    raw("properties-null", {"id": "properties-null", "command": "numwatchers", "properties": None}),
    raw("properties-list", {"id": "properties-list", "command": "list", "properties": []}),
    raw("properties-text", {"id": "properties-text", "command": "list", "properties": "name"}),
    raw("no-id", {"command": "numwatchers", "properties": {}}),
    raw("id-number", {"id": 7, "command": "numwatchers"}),
    raw("id-null", {"id": None, "command": "numwatchers"}),
    raw("id-object", {"id": {"a": [1]}, "command": "numwatchers"}),
    raw("id-in-error", {"id": "mine", "command": "colour"}),
    raw("cast", {"id": "cast", "command": "numwatchers", "msg_type": "cast"}),
    raw("cast-error", {"id": "cast-error", "command": "colour", "msg_type": "cast"}),
    raw("cast-missing", {"id": "cast-missing", "command": "options", "msg_type": "cast"}),
    raw("msg-type-dealer", {"id": "msg-type-dealer", "command": "numwatchers", "msg_type": "dealer"}),
    raw("msg-type-odd", {"id": "msg-type-odd", "command": "numwatchers", "msg_type": 9}),
    raw("key-twice", b'{"id": "key-twice", "command": "colour", "command": "numwatchers"}'),
    raw("nan-as-id", b'{"id": NaN, "command": "numwatchers"}'),
    raw("extra-key", {"id": "extra-key", "command": "numwatchers", "colour": "mauve"}),
    raw("blanks-around", b'  {"id": "blanks-around", "command": "numwatchers"} \n'),
    raw("req-peer", b"", {"id": "req-peer", "command": "numwatchers"}),
    raw("three-frames", b"", b"a", b"b"),
    raw("two-frames", {"id": "two-frames", "command": "numwatchers"}, b"more"),
    raw("a-megabyte", b"x" * 1_000_000),
    raw(
        "long-unknown-name",
        {"id": "long-unknown-name", "command": "status", "properties": {"name": "n" * 5000}},
    ),
)

COUNTS = (
    ask("incr", "incr", name="web"),
    ask("incr-after", "numprocesses", name="web"),
    ask("incr-waiting", "incr", name="web", waiting=True),
    ask("incr-many-waiting", "incr", name="web", nb=2, waiting=True),
    ask("incr-zero-waiting", "incr", name="web", nb=0, waiting=True),
    ask("incr-other-case-waiting", "incr", name="WEB", waiting=True),
    ask("incr-singleton", "incr", name="single"),
    ask("incr-singleton-waiting", "incr", name="single", waiting=True),
    ask("incr-singleton-after", "numprocesses", name="single"),
    ask("decr", "decr", name="web"),
    ask("decr-after", "list", name="web"),
    ask("decr-waiting", "decr", name="web", waiting=True),
    ask("decr-many-waiting", "decr", name="web", nb=2, waiting=True),
    ask("decr-singleton-waiting", "decr", name="single", waiting=True),
    ask("decr-below-zero-waiting", "decr", name="web", nb=50, waiting=True),
    ask("decr-below-zero-after", "numprocesses", name="web"),
    ask("incr-cast-like", "incr", name="web", waiting=False),
    ask("incr-stopped-waiting", "incr", name="idle", waiting=True),
    ask("incr-stopped-after", "status", name="idle"),
    ask("incr-stopped-options", "get", name="idle", keys=["numprocesses"]),
)

STARTING = (
    ask("stop-waiting", "stop", name="web", waiting=True),
    ask("stop-after", "status", name="web"),
    ask("stop-list-after", "list", name="web"),
    ask("stop-again-waiting", "stop", name="web", waiting=True),
    ask("start-waiting", "start", name="web", waiting=True),
    ask("start-after", "list", name="web"),
    ask("start-again-waiting", "start", name="web", waiting=True),
    ask("restart-waiting", "restart", name="web", waiting=True),
    ask("restart-after", "status", name="web"),
    ask("restart-stopped-waiting", "restart", name="idle", waiting=True),
    ask("restart-stopped-after", "status", name="idle"),
    ask("stop", "stop", name="Capital"),
    ask("stop-not-waiting-after", "status", name="Capital"),
    ask("start", "start", name="Capital"),
    ask("start-not-waiting-after", "status", name="Capital"),
    ask("restart", "restart", name="Capital"),
    ask("stop-pattern-waiting", "stop", name="*e*", waiting=True),
    ask("stop-pattern-after", "status"),
    ask("start-pattern-waiting", "start", name="*e*", waiting=True),
    ask("start-pattern-after", "status"),
    ask("stop-simple-waiting", "stop", name="web", match="simple", waiting=True),
    ask("stop-simple-no-pattern", "stop", name="w*", match="simple", waiting=True),
    ask("start-regex-waiting", "start", name="^w", match="regex", waiting=True),
    ask("start-regex-no-match", "start", name="^zzz", match="regex", waiting=True),
    ask("start-glob-no-match", "start", name="zzz*", waiting=True),
    ask("start-capital-other-case", "start", name="CAPITAL", waiting=True),
    ask("stop-all-waiting", "stop", waiting=True),
    ask("stop-all-after", "status"),
    ask("start-all-waiting", "start", waiting=True),
    ask("start-all-after", "status"),
    ask("stop-all", "stop"),
    ask("start-all", "start"),
    ask("reload-waiting", "reload", name="web", waiting=True),
    ask("reload-terminate-waiting", "reload", name="web", graceful=False, waiting=True),
    ask("reload-sequential-waiting", "reload", name="web", sequential=True, waiting=True),
    ask("reload-singleton-waiting", "reload", name="single", waiting=True),
    ask("reload-after", "list", name="web"),
    ask("reload-all-waiting", "reload", waiting=True),
    ask("reloadconfig-waiting", "reloadconfig", waiting=True),
    ask("reloadconfig", "reloadconfig"),
    ask("reloadconfig-after", "status"),
    ask("reload", "reload", name="web"),  # the last: what follows would meet it half done
)

SETTING = (
    ask("set-numprocesses", "set", name="web", options={"numprocesses": 3}, waiting=True),
    ask("set-numprocesses-after", "numprocesses", name="web"),
    ask("set-graceful", "set", name="web", options={"graceful_timeout": 2}, waiting=True),
    ask("set-graceful-after", "get", name="web", keys=["graceful_timeout"]),
    ask("set-two", "set", name="web", options={"max_age": 100, "max_age_variance": 5}, waiting=True),
    ask("set-two-after", "get", name="web", keys=["max_age", "max_age_variance"]),
    ask("set-stop-signal", "set", name="web", options={"stop_signal": 2}, waiting=True),
    ask("set-stop-signal-after", "get", name="web", keys=["stop_signal"]),
    ask("set-send-hup", "set", name="idle", options={"send_hup": True}),
    ask("set-send-hup-after", "get", name="idle", keys=["send_hup"]),
    ask("set-cmd", "set", name="web", options={"cmd": "sleep 1234"}, waiting=True),
    ask("set-cmd-after", "options", name="web"),
    ask("set-numprocesses-of-singleton", "set", name="single", options={"numprocesses": 2}, waiting=True),
    ask("set-nothing", "set", name="web", options={}, waiting=True),
    ask("set-working-dir", "set", name="idle", options={"working_dir": "{dir}"}, waiting=True),
    ask("set-working-dir-after", "get", name="idle", keys=["working_dir"]),
)

ADDING = (
    ask("add", "add", name="new", cmd="sleep 987"),
    ask("add-after", "status", name="new"),
    ask("add-options-after", "options", name="new"),
    ask("add-start-waiting", "add", name="live", cmd="sleep", args=["987"], start=True, waiting=True),
    ask("add-start-after", "status", name="live"),
    ask("add-start", "add", name="soon", cmd="sleep 987", start=True),
    ask("add-start-listed", "list"),
    ask(
        "add-with-options",
        "add",
        name="many",
        cmd="sleep 987",
        options={
            "numprocesses": 2,
            "graceful_timeout": 4,
            "copy_env": True,
            "env": {"A": "1"},
            "stop_signal": 2,
        },
        start=True,
        waiting=True,
    ),
    ask("add-with-options-after", "list", name="many"),
    ask("add-with-options-got", "get", name="many", keys=["numprocesses", "stop_signal"]),
    ask("add-capital", "add", name="Loud", cmd="sleep 987"),
    ask("add-capital-listed", "list"),
    ask("add-capital-by-other-case", "status", name="LOUD"),
    ask("add-again", "add", name="new", cmd="sleep 987"),
    ask("add-twice-other-case", "add", name="NEW", cmd="sleep 987"),
    ask("rm-waiting", "rm", name="live", waiting=True),
    ask("rm-after", "list"),
    ask("rm-gone", "rm", name="live", waiting=True),
    ask("rm", "rm", name="soon"),
    ask("rm-not-waiting-after", "list"),
    ask("rm-other-case", "rm", name="NEW", waiting=True),
    ask("rm-stopped", "rm", name="idle", waiting=True),
    ask("rm-numwatchers-after", "numwatchers"),
)

SIGNALS = (
    ask("signal-number", "signal", name="web", signum=28),
    ask("signal-name", "signal", name="web", signum="SIGWINCH"),
    ask("signal-short-name", "signal", name="web", signum="winch"),
    ask("signal-number-as-text", "signal", name="web", signum="28"),
    ask("signal-pid", "signal", name="web", pid="{pid:web:1}", signum=28),
    ask("signal-children", "signal", name="web", signum=28, children=True),
    ask("signal-recursive", "signal", name="web", signum=28, recursive=True),
    ask("signal-stopped", "signal", name="idle", signum=28),
    ask("signal-other-case", "signal", name="WEB", signum=28),
    ask("signal-pid-of-another", "signal", name="Capital", pid="{pid:web:0}", signum=28),
    ask("signal-child-unknown", "signal", name="web", pid="{pid:web:0}", childpid=1, signum=28),
    ask("signal-ends-worker", "signal", name="web", pid="{pid:web:0}", signum=15),
    ask("signal-ends-worker-after", "numprocesses", name="web"),
    ask("kill-waiting", "kill", name="web", waiting=True),
    ask("kill-after", "numprocesses", name="web"),
    ask("kill-pid-waiting", "kill", name="web", pid="{pid:web:0}", waiting=True),
    ask("kill-pid-unknown-waiting", "kill", name="web", pid=1, waiting=True),
    ask("kill-signum-waiting", "kill", name="web", signum=9, waiting=True),
    ask("kill-signum-name-waiting", "kill", name="web", signum="SIGKILL", waiting=True),
    ask("kill-graceful-waiting", "kill", name="web", graceful_timeout=1, waiting=True),
    ask("kill-stopped-waiting", "kill", name="idle", waiting=True),
    ask("kill", "kill", name="Capital"),
    ask("kill-not-waiting-after", "status", name="Capital"),
)

EMPTY = (
    ask("empty-list", "list"),
    ask("empty-status", "status"),
    ask("empty-stats", "stats"),
    ask("empty-numprocesses", "numprocesses"),
    ask("empty-numwatchers", "numwatchers"),
    ask("empty-listsockets", "listsockets"),
    ask("empty-stop-waiting", "stop", waiting=True),
    ask("empty-start-waiting", "start", waiting=True),
    ask("empty-reload-waiting", "reload", waiting=True),
    ask("empty-quit-waiting", "quit", waiting=True),
)

GROUPS = (
    Group("reads", PLAIN, READS),
    Group("refusals", PLAIN, REFUSALS),
    Group("garbage", "check_delay = -1\n", GARBAGE),
    Group("counts", PLAIN, COUNTS),
    Group("starting", PLAIN, STARTING),
    Group("setting", PLAIN, SETTING),
    Group("adding", PLAIN, ADDING),
    Group("signals", LIVELY, SIGNALS),
    Group("empty", "check_delay = -1\n", EMPTY),
    # The reference is deaf after this now and then, so that nothing can be asked afterwards.
    Group("restart-all", PLAIN, (ask("restart-all", "restart"),)),
    Group("quit", PLAIN, (ask("quit", "quit"),)),
    Group("quit-waiting", PLAIN, (ask("quit-waiting", "quit", waiting=True),)),
)
