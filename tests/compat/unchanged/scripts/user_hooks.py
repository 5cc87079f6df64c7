"""Hooks as users of circus wrote them: each notes that it was called, and with what."""

import os


def _note(line):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\n")


def note(watcher, arbiter, hook_name, **kwargs):
    _note("%s %s %s" % (hook_name, watcher.name, ",".join(sorted(kwargs))))
    return True


def fail(watcher, arbiter, hook_name, **kwargs):
    _note("%s fails" % hook_name)
    raise ValueError("a hook that fails")


def refuse(watcher, arbiter, hook_name, **kwargs):
    _note("%s refuses" % hook_name)
    return False


def extend(watcher, arbiter, hook_name, pid, stats, **kwargs):
    stats["mauve"] = watcher.numprocesses * 10
    return True


def look(watcher, arbiter, hook_name, **kwargs):
    """What hooks use of the objects that they are given."""
    _note(
        "%s sees %s, %d processes, of %d watchers, %s"
        % (hook_name, watcher.cmd, watcher.numprocesses, arbiter.numwatchers(), watcher.env.get("COLOUR"))
    )
    return True
