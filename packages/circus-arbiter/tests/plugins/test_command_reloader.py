import os
from pathlib import Path

import pytest

from circus.plugins.command_reloader import FileState, command_files

from .conftest import PYTHON


def test_the_executable_is_found_on_the_path(tmp_path):
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    env = {"PATH": str(tmp_path)}
    assert command_files({"cmd": "serve --port 80", "env": env}) == [str(program)]
    assert command_files({"cmd": "nobody", "env": env}) == []
    assert command_files({"cmd": ""}) == []


def test_a_relative_command_is_that_of_the_working_directory(tmp_path):
    options = {"cmd": "./serve", "args": ["-v"], "working_dir": str(tmp_path)}
    assert command_files(options) == [f"{tmp_path}/./serve"]


@pytest.mark.parametrize("cmd", ["/usr/bin/python3.11 -u app.py log.txt", "/usr/bin/python3.11 'app.py'"])
def test_an_interpreter_runs_its_script(tmp_path, cmd):
    (tmp_path / "app.py").touch()
    (tmp_path / "log.txt").touch()
    files = command_files({"cmd": cmd, "working_dir": str(tmp_path)})
    assert files == ["/usr/bin/python3.11", str(tmp_path / "app.py")]


def test_arguments_of_other_programs_are_not_files_to_watch(tmp_path):
    (tmp_path / "log.txt").touch()
    assert command_files({"cmd": "/bin/tee log.txt", "working_dir": str(tmp_path)}) == ["/bin/tee"]


def test_a_file_is_another_one_when_it_was_replaced_or_written_to(tmp_path):
    file, new = tmp_path / "a", tmp_path / "b"
    assert FileState.of(str(file)) is None
    file.write_text("x")
    first = FileState.of(str(file))
    assert FileState.of(str(file)) == first
    new.write_text("x")
    os.utime(new, ns=(0, file.stat().st_mtime_ns))
    new.replace(file)
    second = FileState.of(str(file))
    assert second != first
    file.write_text("xy")
    assert FileState.of(str(file)) not in {first, second}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_watcher_whose_script_changes_is_restarted(circusd, folder):
    script, new = Path(folder) / "app.py", Path(folder) / "new.py"
    script.write_text("import signal\nsignal.pause()\n")
    config = f"""
[watcher:app]
cmd = {PYTHON}
args = app.py
working_dir = {folder}
[watcher:other]
cmd = sleep 1000
[plugin:reload]
use = circus.plugins.command_reloader.CommandReloader
loop_rate = 0.1
"""
    with circusd(config) as daemon, daemon.events("watcher.") as events:
        # The plugin says nothing of its first look, so the file is changed until that was seen.
        count = 0

        def changed(_reply: object) -> bool:
            nonlocal count
            count += 1
            new.write_text(f"import signal\nsignal.pause()\n# {count}\n")
            new.replace(script)  # as editors do; a worker that starts never sees half a file
            return f"app: {script} was changed: restarting" in daemon.output()

        daemon.until(changed, "numwatchers", deadline=40)
        reap = events.wait_for(lambda event: event.name == "reap", deadline=40)
        assert (reap.watcher, reap.data["why"]) == ("app", "command")
