"""Command lines of circusctl, run in order against one daemon, and of circusd that end by themselves. Data."""

from dataclasses import dataclass

__all__ = ["CIRCUSCTL", "CIRCUSD", "CONFIG", "CommandLine", "DaemonLine"]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Words after ``circusctl --endpoint ...``; ``{pid}`` is the pid of web's first worker."""

    words: tuple[str, ...]
    changes: bool = False

    @property
    def id(self) -> str:
        return " ".join(self.words)


def _line(text: str) -> CommandLine:
    return CommandLine(tuple(text.split()))


def _change(text: str) -> CommandLine:
    return CommandLine(tuple(text.split()), changes=True)


CONFIG = """\
check_delay = -1
[watcher:web]
cmd = sleep 987
numprocesses = 2
[watcher:Capital]
cmd = sleep
args = 987
[watcher:single]
cmd = sleep 987
singleton = True
[watcher:idle]
cmd = sleep 987
autostart = False
send_hup = True
[socket:sock]
path = {dir}/sock
"""

CIRCUSCTL = (
    _line("status"),
    _line("status web"),
    _line("status Capital"),
    _line("status nobody"),
    _line("status web idle"),
    _line("list"),
    _line("list web"),
    _line("list idle"),
    _line("list nobody"),
    _line("stats"),
    _line("stats web"),
    _line("stats web {pid}"),
    _line("stats nobody"),
    _line("numprocesses"),
    _line("numprocesses web"),
    _line("numwatchers"),
    _line("options idle"),
    _line("options"),
    _line("get web numprocesses"),
    _line("get web numprocesses cmd"),
    _line("get web colour"),
    _line("get web"),
    _line("globaloptions endpoint"),
    _line("globaloptions colour"),
    _line("dstats"),
    _line("listsockets"),
    _line("--json status"),
    _line("--json status nobody"),
    _line("--json list web"),
    _line("--json --prettify numwatchers"),
    _line("colour"),
    _line("list --colour"),
    _line("incr"),
    _line("signal web"),
    _line("signal web SIGCOLOUR"),
    _change("signal web 28"),
    _change("signal web {pid} winch"),
    _change("signal web SIGWINCH --recursive"),
    _change("incr web"),
    _change("incr web 2 --waiting"),
    _change("incr single --waiting"),
    _change("decr web 3 --waiting"),
    _change("set web graceful_timeout 3 --waiting"),
    _line("get web graceful_timeout"),
    _change("set web numprocesses 1 max_age 100 --waiting"),
    _line("list web"),
    _change("set web"),
    _change("set web colour mauve"),
    _change("stop Capital --waiting"),
    _line("status Capital"),
    _change("start Capital --waiting"),
    _change("stop *e* --waiting"),
    _change("start ^w --match regex --waiting"),
    _change("restart web --waiting"),
    _change("reload web --waiting"),
    _change("reload web --waiting --terminate"),
    _change("add new sleep 987 --start"),
    _line("status new"),
    _change("add new sleep 987"),
    _change("add new"),
    _change("rm new --waiting"),
    _change("rm nobody"),
    _change("reloadconfig --waiting"),
    _change("quit"),
)


@dataclass(frozen=True, slots=True)
class DaemonLine:
    """A circusd that ends by itself: its words and the files of its folder; ``{dir}`` is the folder."""

    id: str
    words: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


CIRCUSD = (
    DaemonLine("version", ("--version",)),
    DaemonLine("help", ("--help",)),
    DaemonLine("no-arguments", ()),
    DaemonLine("missing-file", ("{dir}/missing.ini",)),
    DaemonLine("folder-as-file", ("{dir}",)),
    DaemonLine("unknown-option", ("--colour", "{dir}/c.ini"), (("c.ini", "[circus]\n"),)),
    DaemonLine("two-files", ("{dir}/c.ini", "{dir}/c.ini"), (("c.ini", "[circus]\n"),)),
    DaemonLine("bad-log-level", ("--log-level", "colour", "{dir}/c.ini"), (("c.ini", "[circus]\n"),)),
    DaemonLine("not-ini", ("{dir}/c.ini",), (("c.ini", "what is this\n"),)),
    DaemonLine("daemon-missing-file", ("--daemon", "{dir}/missing.ini")),
    DaemonLine("check-delay-text", ("{dir}/c.ini",), (("c.ini", "[circus]\ncheck_delay = soon\n"),)),
    DaemonLine("numprocesses-text", ("{dir}/c.ini",), (("c.ini", "[watcher:a]\ncmd = true\nnumprocesses = many\n"),)),
    DaemonLine("endpoint-unusable", ("{dir}/c.ini",), (("c.ini", "[circus]\nendpoint = ipc://{dir}/no/such/folder\n"),)),
)  # fmt: skip
