import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from circus.ctl.complete import candidates, legacy, query
from circus.ctl.scripts import SCRIPTS, install

if TYPE_CHECKING:
    from conftest import FakeDaemon


def complete(*words: str) -> list[str]:
    return candidates([*words[:-1]], words[-1], names=lambda: ["web", "worker"])


def test_commands_names_options_and_forms():
    assert complete("st") == ["start", "stats", "status", "stop"]
    assert complete("--json", "st") == ["start", "stats", "status", "stop"]
    assert complete("stop", "w") == ["web", "worker"]
    assert complete("logs", "web", "w") == ["web", "worker"]
    assert complete("stop", "web", "w") == []
    assert complete("list", "-o", "j") == ["json"]
    assert complete("numwatchers", "w") == []
    assert complete("check", "x") == []
    assert complete("bogus", "x") == []
    assert "--waiting" in complete("stop", "--w")
    assert "ipython" not in complete("")


def test_the_old_protocol(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    environ = {"CIRCUSCTL_ENDPOINT": daemon.endpoint}
    assert legacy({**environ, "COMP_WORDS": "circusctl nump", "COMP_CWORD": "1"}) == "numprocesses"
    assert legacy({**environ, "COMP_WORDS": "circusctl stop w", "COMP_CWORD": "2"}) == "web"
    assert legacy({**environ, "COMP_WORDS": "circusctl", "COMP_CWORD": "x"}) == ""


def test_a_daemon_that_is_silent_or_absent_completes_nothing(tmp_path: Path):
    assert query(2, ["circusctl", "stop", "w"], {"CIRCUSCTL_ENDPOINT": f"ipc://{tmp_path}/none"}) == []
    assert query(2, ["circusctl", "stop", "w"], {"CIRCUSCTL_ENDPOINT": "nonsense"}) == []
    assert query(9, ["circusctl"], {}) == query(1, ["circusctl"], {})


def test_the_endpoint_of_the_line_is_asked(daemon: "FakeDaemon"):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    assert query(4, ["circusctl", "--endpoint", daemon.endpoint, "stop", ""], {}) == ["web"]
    assert query(3, ["circusctl", f"--endpoint={daemon.endpoint}", "stop", ""], {}) == ["web"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_installing_writes_where_the_shell_looks(shell: str, tmp_path: Path):
    said = install(shell, {"HOME": str(tmp_path)})
    path = Path(said.splitlines()[0].removeprefix("wrote "))
    assert path.read_text() == SCRIPTS[shell]
    assert tmp_path in path.parents


@pytest.mark.real
@pytest.mark.slow
def test_bash_really_completes(daemon: "FakeDaemon", tmp_path: Path):
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    script = tmp_path / "s"
    script.write_text(
        f'circusctl() {{ "{sys.executable}" -m circus.ctl "$@"; }}\n'
        + SCRIPTS["bash"]
        + 'COMP_WORDS=(circusctl stop w); COMP_CWORD=2; _circusctl; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", str(script)],
        capture_output=True,
        text=True,
        check=True,
        env={"CIRCUSCTL_ENDPOINT": daemon.endpoint, "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout == "web\n"


def test_the_shell(daemon: "FakeDaemon"):
    from circus.ctl.session import Session, Settings
    from circus.ctl.shell import Shell

    daemon.answers["status"] = {"status": "ok", "statuses": {"web": "active"}}
    daemon.answers["list"] = {"status": "ok", "watchers": ["web"]}
    session = Session(Settings(endpoint=daemon.endpoint), out=io.StringIO(), err=io.StringIO())
    shell = Shell(session)
    shell.use_rawinput = False
    shell.stdin = io.StringIO("list\n\nlist --json\nlisst\nhelp\nhelp lst\n'\nstatus --timeout 2\nEOF\n")
    assert shell.run() == 0
    session.close()
    out, err = session.out.getvalue(), session.err.getvalue()  # type: ignore[attr-defined]
    assert out.startswith("circusctl ")
    assert "web: active\n(circusctl) web\n" in out
    assert '"watchers": ["web"]' in out
    assert "no such command 'lisst'" in err
    assert "did you mean list?" in err
    assert "No closing quotation" in err
    assert shell.completenames("sto") == ["stop"]
    assert shell.completedefault("w", "stop w", 5, 6) == ["web"]
    assert shell.completedefault("waiting", "stop --waiting", 7, 14) == ["waiting"]
