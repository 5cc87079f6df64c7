"""Events and exits as sentences. Pure."""

import signal
from collections.abc import Mapping
from typing import Any, cast

__all__ = ["event_text", "exit_of_event", "exit_text", "reason_of", "seconds", "sentence"]


def exit_text(code: Any, signal_name: Any = None) -> str:
    """How a process ended, for people.

    >>> exit_text(-9), exit_text(3)
    ('killed by SIGKILL', 'exit code 3')
    """
    if isinstance(signal_name, str) and signal_name:
        return f"killed by {signal_name}"
    if not isinstance(code, int):
        return "ended"
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"


def exit_of_event(body: Mapping[str, Any], *, wid: int | None, asked: bool) -> dict[str, Any]:
    """The exit that a `reap` event tells of, where the daemon keeps no list of exits itself."""
    return {
        "time": body.get("time"),
        "pid": body.get("process_pid"),
        "wid": body.get("wid") or wid,
        "why": body.get("why") or ("command" if asked else "exit"),
        "exit": exit_text(body.get("exit_code"), body.get("signal")),
        "exit_code": body.get("exit_code"),
        "lifetime": body.get("lifetime"),
    }


def event_text(event: str, fields: Mapping[str, Any]) -> str:
    """An event in one line."""
    pid, wid, why = fields.get("process_pid"), fields.get("wid"), fields.get("why")
    who = f"process {pid}" + (f" (worker {wid})" if wid is not None else "")
    because = f" ({why})" if why else ""
    match event:
        case "spawn":
            return f"started {who}{because}"
        case "reap":
            lived = fields.get("lifetime")
            after = f" after {seconds(lived)}" if lived is not None else ""
            return f"{who} ended: {exit_text(fields.get('exit_code'), fields.get('signal'))}{after}{because}"
        case "kill":
            return f"{fields.get('signal') or 'a signal'} sent to {who}"
        case "start" | "stop" | "reload" | "add" | "remove":
            done = {"start": "started", "stop": "stopped", "reload": "reloaded", "add": "added"}
            return f"watcher {done.get(event, 'removed')}{because}"
        case "updated":
            options = cast("list[Any]", fields.get("options") or [])
            return "options changed" + (f": {', '.join(map(str, options))}" if options else "")
        case "backoff":
            wait = seconds(fields.get("wait"))
            return f"{sentence(fields.get('reason'))} Try {fields.get('attempt')} comes after {wait}."
        case "failed":
            return sentence(fields.get("reason"))
        case _:
            shown = ", ".join(f"{key} {value}" for key, value in fields.items())
            return f"{event.replace('_', ' ')}{': ' if shown else ''}{shown}"


def reason_of(told: Mapping[str, Any]) -> str:
    """Why a watcher failed or waits, from what `describe` says beside its state; empty if it does not say.

    >>> reason_of({"backoff": {"reason": "exit code 1", "attempt": 3, "wait": 4.0}})
    'Exit code 1. Try 3 comes after 4.0 s.'
    """
    backoff: object = told.get("backoff")
    if failure := told.get("failure"):
        return sentence(failure)
    return event_text("backoff", cast("dict[str, Any]", backoff)) if isinstance(backoff, dict) else ""


def sentence(text: Any) -> str:
    """With a capital letter and a full stop."""
    words = str(text or "no reason given").strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def seconds(value: Any) -> str:
    """A time span."""
    return f"{value:.1f} s" if isinstance(value, (int, float)) else "a while"
