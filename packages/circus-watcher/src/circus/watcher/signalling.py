"""The `signal` command: to workers, to their children, to whole trees. It ends nothing by itself and changes no goal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from signal import SIGKILL
from typing import final

from circus.process import procfs
from circus.process.errors import ProcessGoneError
from circus.process.hunt import signal_process
from circus.process.seam import Child
from circus.watcher.commands import Outcome, SignalWorkers
from circus.watcher.hands import Hands
from circus.watcher.ports import Trees
from circus.watcher.spec import WatcherSpec

__all__ = ["signal_workers"]


@final
@dataclass(slots=True)
class _Tally:
    signalled: list[int] = field(default_factory=list[int])
    failures: dict[str, str] = field(default_factory=dict[str, str])

    def attempt(self, pid: int, send: Callable[[], object]) -> None:
        try:
            if send() is False:
                self.failures[str(pid)] = "no such process"
            else:
                self.signalled.append(pid)
        except ProcessGoneError:
            self.failures[str(pid)] = "no such process"
        except PermissionError as error:
            self.failures[str(pid)] = f"may not be signalled: {error}"


def signal_workers(command: SignalWorkers, hands: Hands, trees: Trees, spec: WatcherSpec) -> Outcome:
    """Send the signal where the command says.

    A worker that has a `before_signal` hook gets the signal when the hook has agreed, so a little later than the outcome says.

    Returns:
        Which pids were signalled, and which could not be.
    """
    if command.pid is not None and command.pid not in hands.wids:
        failure = {str(command.pid): f"no worker of {spec.name} has this pid"}
        return Outcome(failures=failure, count=spec.count)
    pids = tuple(hands.wids) if command.pid is None else (command.pid,)
    tally = _Tally()
    if command.childpid is None and not command.children:
        for pid in pids:
            tally.attempt(pid, _to_worker(command.signum, hands, pid))
    if command.childpid is not None or command.children or command.recursive:
        _to_descendants(command, [hands.children[hands.wids[pid]] for pid in pids], trees, tally)
    return Outcome(signalled=tuple(tally.signalled), failures=tally.failures, count=spec.count)


def _to_worker(signum: int, hands: Hands, pid: int) -> Callable[[], object]:
    child = hands.children[hands.wids[pid]]

    def after_hook(allowed: bool) -> None:  # noqa: FBT001 - a hook's result
        if (allowed or signum == SIGKILL) and child.exit is None:
            try:
                child.signal(signum)
            except (ProcessGoneError, PermissionError):
                return
            hands.hooks.call("after_signal", lambda _: None, pid=pid, signum=signum)

    def send() -> None:
        if "before_signal" in hands.hooks:
            hands.hooks.call("before_signal", after_hook, pid=pid, signum=signum)
        else:
            child.signal(signum)
            hands.hooks.call("after_signal", lambda _: None, pid=pid, signum=signum)

    return send


def _to_descendants(command: SignalWorkers, children: list[Child], trees: Trees, tally: _Tally) -> None:
    survivors = trees.survivors_of(children)
    for child in children:
        below = [pid for pid in survivors[child.pid] if pid != child.pid]
        if command.childpid is not None and command.childpid not in below:
            tally.failures[str(command.childpid)] = f"no child of {child.label} has this pid"
            continue
        for pid in below:
            if command.childpid is not None and pid != command.childpid:
                continue
            row = procfs.read_stat(pid)
            if row is None or (command.children and not command.recursive and row.ppid != child.pid):
                continue
            tally.attempt(pid, partial(signal_process, row, command.signum))
