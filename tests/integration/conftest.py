"""A circusd in a short folder of its own, ended whatever happens."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from crowd import Crowd
from daemons import Daemon, Gate
from requires import OURS, daemon_installed


@pytest.fixture
def folder() -> Iterator[Path]:
    """A unix socket's path has 107 bytes; tmp_path alone may take 90."""
    if not daemon_installed():
        pytest.skip("circusd is not installed: make setup")
    path = Path(tempfile.mkdtemp(prefix="ci"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def daemon(folder: Path) -> Iterator[Callable[..., Daemon]]:
    """Makes and starts daemons: ``daemon(config)``; ``start=False`` only makes one."""
    with ExitStack() as stack:

        def make(config: str, *, start: bool = True, **more: Any) -> Daemon:
            made = Daemon(folder, config, program=OURS / "circusd", **more)
            stack.callback(made.stop)
            return made.start() if start else made

        yield make


@pytest.fixture(scope="module")
def shared() -> Iterator[Daemon]:
    """One circusd for the tests of a module, for those that leave it as they found it."""
    if not daemon_installed():
        pytest.skip("circusd is not installed: make setup")
    path = Path(tempfile.mkdtemp(prefix="ci"))
    with Daemon(path, "", program=OURS / "circusd") as made:
        yield made
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def add(shared: Daemon) -> Iterator[Callable[..., None]]:
    """Adds watchers to the shared circusd, and takes out at the end what is still there."""
    names: list[str] = []

    def start(name: str, cmd: object, *, start: bool = True, **options: Any) -> None:
        wanted = {"copy_env": True, "graceful_timeout": 0.3, **options}
        reply = shared.call("add", name=name, cmd=str(cmd), start=start, options=wanted, waiting=True)
        assert reply["status"] == "ok", reply
        names.append(name)

    yield start
    left = {name.lower() for name in names} & set(shared.call("list")["watchers"])
    with Crowd(shared.endpoint) as crowd:
        for name in left:
            crowd.ask("kill", name=name, graceful_timeout=0)
        replies = crowd.collect([crowd.ask("rm", name=name, waiting=True) for name in left])
    assert all(reply["status"] == "ok" for reply in replies), replies


@pytest.fixture
def gate(folder: Path) -> Iterator[Callable[[str], Gate]]:
    """Makes gates: fifos between the test and its workers."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Gate(folder / name))


@pytest.fixture
def script(folder: Path) -> Callable[[str, str], Path]:
    """Writes a shell or Python script for workers; ``{dir}`` is replaced by the folder."""

    def write(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text.replace("{dir}", str(folder)))
        path.chmod(0o755)
        return path

    return write
