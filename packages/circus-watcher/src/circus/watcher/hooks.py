"""User hooks: found by name, called on a thread of their own watcher, never on the control loop.

Theory. A hook is the user's code: it may sleep, raise, or never return. Each watcher has one thread for its hooks, made with the
first call, so hooks of one watcher run one after the other, in the order of what they are about, and hooks of another do not wait
for them. A call that takes longer than its deadline counts as failed; its thread is given up (it is a daemon thread and ends when
the hook does) and the next call gets a new one. Where the machine has no room for a thread, calls wait until there is. The result and the way it came are told on the loop, and published.

A name is imported with the folders of the watcher's own PYTHONPATH in front, for the time of the import; they do not stay on
``sys.path``, where other watchers would find them.
"""

import asyncio
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, cast, final

from circus.process import threads
from circus.protocol.options import IGNORED_HOOK_FAILURES, HookOptions
from circus.watcher.events import Event, HookFailed, HookSucceeded

__all__ = ["HookRunner", "resolve_hook"]

log = logging.getLogger("circus.watcher")

_IMPORT_LOCK = threading.Lock()
_Job = Callable[[], None]
_AGAIN = 0.5
"""Seconds until it is looked again whether there is room for a thread."""


@contextmanager
def _importable_from(folders: list[str]) -> Generator[None]:
    added = [folder for folder in folders if folder and folder not in sys.path]
    sys.path[:0] = added
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)


def resolve_hook(target: Any, pythonpath: str = "") -> Callable[..., Any]:
    """The callable behind a dotted name (``package.module.function``, also of a class within).

    Args:
        target: the name, or a callable, which is returned as it is.
        pythonpath: folders to look in first.

    Raises:
        ImportError: there is no such module or attribute.
    """
    if callable(target):
        return cast("Callable[..., Any]", target)
    parts = str(target).split(".")
    with _IMPORT_LOCK, _importable_from(pythonpath.split(os.pathsep)):
        for cut in range(len(parts) - 1, 0, -1):
            module_name = ".".join(parts[:cut])
            try:
                value: Any = importlib.import_module(module_name)
            except ModuleNotFoundError as error:
                if error.name is not None and (
                    module_name == error.name or module_name.startswith(f"{error.name}.")
                ):
                    continue
                raise
            for attribute in parts[cut:]:
                value = getattr(value, attribute, None)
            if callable(value):
                return cast("Callable[..., Any]", value)
            break
    raise ImportError(f"there is no callable {target!r}")


@final
class HookRunner:
    """Calls the hooks of one watcher. Its methods are for the loop's thread.

    Args:
        watcher: the watcher's name, for events and the thread's name.
        hooks: name of the hook to what to call.
        context: keywords that every hook gets: ``watcher``, ``arbiter``.
        pythonpath: where named hooks are looked for first.
        publish: told of every success and failure, on the loop.
    """

    def __init__(
        self,
        watcher: str,
        hooks: Mapping[str, HookOptions],
        *,
        context: Mapping[str, Any],
        pythonpath: str,
        publish: Callable[[Event], None],
    ) -> None:
        self._watcher = watcher
        self._hooks = hooks
        self._context = context
        self._pythonpath = pythonpath
        self._publish = publish
        self._found: dict[str, Callable[..., Any]] = {}
        self._jobs: SimpleQueue[_Job | None] | None = None
        self._looking_for_room: asyncio.TimerHandle | None = None

    def configure(self, hooks: Mapping[str, HookOptions], pythonpath: str) -> None:
        """Use other hooks from now on; a name is imported again when it is called next."""
        if hooks != self._hooks or pythonpath != self._pythonpath:
            self._hooks = hooks
            self._pythonpath = pythonpath
            self._found.clear()

    def __contains__(self, name: str) -> bool:
        return name in self._hooks

    def call(
        self,
        name: str,
        then: Callable[[bool], None],
        *,
        timeout: float | None = None,
        **keywords: Any,
    ) -> None:
        """Call a hook on the watcher's thread, and ``then`` on the loop with what its result counts as, exactly once.

        Without such a hook ``then(True)`` is called at once. A hook that raises, is not found or takes too long counts as True
        if its failure is to be ignored, else as False.

        Args:
            name: of the hook.
            then: told the result.
            timeout: seconds after which it is given up; None: never.
            keywords: what the hook gets beside the context and ``hook_name``.
        """
        hook = self._hooks.get(name)
        if hook is None:
            then(True)
            return
        loop = asyncio.get_running_loop()
        done = False
        timer: asyncio.TimerHandle | None = None

        def finish(result: bool, error: str | None) -> None:  # noqa: FBT001 - a pair made by the two paths below
            nonlocal done
            if done:
                return
            done = True
            if timer is not None:
                timer.cancel()
            if error is None:
                self._publish(HookSucceeded(watcher=self._watcher, hook=name, result=result))
            else:
                self._publish(HookFailed(watcher=self._watcher, hook=name, error=error))
            then(result)

        forgiven = hook.ignore_failure or name in IGNORED_HOOK_FAILURES

        def job() -> None:
            try:
                result, error = (
                    bool(self._find(name, hook)(**{**self._context, "hook_name": name, **keywords})),
                    None,
                )
            except Exception as exc:
                log.exception("hook %s of %s failed", name, self._watcher)
                result, error = forgiven, str(exc) or type(exc).__name__
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, result, error)

        def give_up() -> None:
            self._replace_thread()
            finish(forgiven, f"no result after {timeout:g} s")

        if timeout is not None:
            timer = loop.call_later(timeout, give_up)
        self._submit(job)

    def close(self) -> None:
        """Let the thread end after what it was given; a hook that hangs keeps nobody."""
        self._abandon()

    def _find(self, name: str, hook: HookOptions) -> Callable[..., Any]:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = resolve_hook(hook.target, self._pythonpath)
        return found

    def _submit(self, job: _Job) -> None:
        if self._jobs is None:
            self._jobs = SimpleQueue()
            self._start_thread(self._jobs)
        self._jobs.put(job)

    def _start_thread(self, jobs: "SimpleQueue[_Job | None]") -> None:
        first, self._looking_for_room = self._looking_for_room is None, None
        try:
            threads.start(_work, jobs, name=f"hooks of {self._watcher}")
        except threads.NoThreadError as error:
            if first:
                log.warning("hooks of %s wait: %s", self._watcher, error.strerror)
            loop = asyncio.get_running_loop()
            self._looking_for_room = loop.call_later(_AGAIN, self._start_thread, jobs)

    def _stay(self) -> None:
        """Nobody looks for room for the present thread any more."""
        if self._looking_for_room is not None:
            self._looking_for_room.cancel()
            self._looking_for_room = None

    def _abandon(self) -> None:
        self._stay()
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None

    def _replace_thread(self) -> None:
        """Leave the hook that hangs to itself; what waits behind it goes to a new thread."""
        jobs = self._jobs
        if jobs is None:
            return
        self._jobs = None
        self._stay()
        while True:
            try:
                job = jobs.get_nowait()
            except Empty:
                break
            if job is not None:
                self._submit(job)
        jobs.put(None)


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job()
