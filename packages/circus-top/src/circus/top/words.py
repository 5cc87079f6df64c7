"""Figures, events and questions as text. Pure."""

import signal
from collections.abc import Mapping
from typing import Any, Final, assert_never

from circus.top.model import Happening
from circus.top.shape import as_list, as_mapping
from circus.top.view import Action, Prompt, PromptKind

__all__ = [
    "ask_text",
    "clean",
    "count",
    "duration",
    "happening",
    "number",
    "percent",
    "signal_name",
    "size",
    "spark",
    "status_note",
]

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS: Final = "_.-:=+*#"


def clean(text: str) -> str:
    """Without what could move the cursor or change the terminal: names and command lines are anybody's."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def percent(value: object) -> str:
    """``3.4``, ``123``, ``-`` for what is not known."""
    if not isinstance(value, (int, float)):
        return "-"
    return f"{value:.1f}" if value < 999.95 else f"{value:.0f}"


def size(value: object) -> str:
    """Bytes in at most five characters: ``512``, ``1.4M``, ``12.3G``."""
    if not isinstance(value, (int, float)):
        return "-"
    number = float(value)
    for unit in ("", "K", "M", "G", "T"):
        if number < 999.5:
            return f"{number:.0f}{unit}" if not unit or number >= 99.95 else f"{number:.1f}{unit}"
        number /= 1024
    return f"{number:.0f}P"


def duration(value: object) -> str:
    """Seconds in at most six characters: ``59s``, ``12m05s``, ``3h07m``, ``12d03h``, ``412d``."""
    if not isinstance(value, (int, float)):
        return "-"
    seconds = int(value)
    if seconds < 60:
        return f"{max(seconds, 0)}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    if seconds < 100 * 86400:
        return f"{seconds // 86400}d{seconds % 86400 // 3600:02d}h"
    return f"{seconds // 86400}d"


def number(value: object) -> str:
    """A whole number, or ``-``."""
    return str(value) if isinstance(value, int) else "-"


def spark(history: bytes, width: int, *, ascii_only: bool = False) -> str:
    """The last `width` ticks of CPU; a full block is one whole core or more, nothing is nothing."""
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    line = "".join(blocks[min(level * 8 // 100, 7)] if level else " " for level in history[-width:])
    return line.rjust(width)


def count(number: int | None, one: str, many: str | None = None) -> str:
    """``1 restart``, ``1,000 restarts``."""
    if number is None:
        return f"- {many or one + 's'}"
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def signal_name(number: int) -> str:
    """``SIGTERM``; the number where there is no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def status_note(detail: object) -> str:
    """Why a watcher is how it is, out of what `status` tells beside the words."""
    facts = as_mapping(detail)
    backoff, last = as_mapping(facts.get("backoff")), as_mapping(facts.get("last_exit"))
    if backoff:
        left = backoff.get("left")
        when = f", again in {duration(left)}" if isinstance(left, (int, float)) else ""
        return f"try {backoff.get('attempt', '?')}: {backoff.get('reason', '')}{when}"
    reason = facts.get("reason")
    if isinstance(reason, str):
        return reason
    return f"last exit: {last.get('exit', '')}" if last else ""


# -- events ------------------------------------------------------------------------------------------------------------


def happening(daemon: str, topic: str, body: Mapping[str, Any], *, wall: float) -> Happening | None:
    """An event in words; None for what is none.

    Args:
        daemon: the endpoint of whose it is.
        topic: as published.
        body: as published.
        wall: seconds since the epoch, for events that do not tell.
    """
    head, _, rest = topic.partition(".")
    name, dot, event = rest.rpartition(".")
    if head != "watcher" or not dot:
        return None
    watcher = body.get("watcher")
    time = body.get("time")
    text, is_bad = _event_text(event, body)
    return Happening(
        float(time) if isinstance(time, (int, float)) else wall,
        daemon,
        clean(watcher if isinstance(watcher, str) else name),
        clean(text),
        is_bad,
    )


def _who(body: Mapping[str, Any]) -> str:
    pid, wid = body.get("process_pid"), body.get("wid")
    return f"worker {wid} (pid {pid})" if isinstance(wid, int) else f"pid {pid}"


def _event_text(event: str, body: Mapping[str, Any]) -> tuple[str, bool]:
    why = body.get("why")
    because = f", {why}" if isinstance(why, str) else ""
    match event:
        case "spawn":
            return f"started {_who(body)}{because}", False
        case "reap":
            code = body.get("exit_code")
            ended = _exit_text(code)
            bad = why == "crash" if isinstance(why, str) else code not in {0, None, -signal.SIGTERM}
            return f"{_who(body)} {ended}{because}", bad
        case "kill":
            sent = body.get("signal")
            return f"ends {_who(body)}" + (f" with {sent}" if sent else ""), False
        case "start":
            return "started", False
        case "stop":
            return f"stopped{because}", False
        case "backoff":
            return f"backs off for {body.get('wait', '?')} s: {body.get('reason', '')}", True
        case "failed":
            return f"failed: {body.get('reason', '')}", True
        case "stuck":
            return f"{_who(body)} was killed and does not end", True
        case "hook_failure":
            return f"hook {body.get('name')} failed: {body.get('error', '')}", True
        case "output_lost":
            return f"lost {body.get('dropped', '?')} bytes of output: {body.get('error', '')}", True
        case "updated":
            options = as_list(body.get("options"))
            return "options changed" + (f": {', '.join(map(str, options))}" if options else ""), False
        case _:
            return event.replace("_", " "), False


def _exit_text(code: object) -> str:
    if not isinstance(code, int):
        return "ended"
    if code < 0:
        return f"was ended by {signal_name(-code)}"
    return f"exited {code}"


# -- questions ---------------------------------------------------------------------------------------------------------


def ask_text(prompt: Prompt) -> str:
    """The question of a prompt: it names what will happen."""
    match prompt.kind:
        case PromptKind.FILTER:
            return f"filter: {prompt.text}"
        case PromptKind.SIGNAL:
            return f"signal for {_target(prompt)} (name or number): {prompt.text}"
        case PromptKind.CONFIRM:
            return f"{_consequence(prompt)} [y/N]"
        case _:
            assert_never(prompt.kind)


def _target(prompt: Prompt) -> str:
    row = prompt.row
    assert row is not None
    assert row.watcher is not None
    name = clean(row.watcher.name)
    if row.process is not None:
        return f"pid {row.process.pid} of {name}"
    return f"{_count(len(row.watcher.processes))} of {name}"


def _count(number: int) -> str:
    return count(number, "process", "processes")


def _consequence(prompt: Prompt) -> str:
    row, action = prompt.row, prompt.action
    assert row is not None
    assert row.watcher is not None
    assert action is not None
    watcher, options = row.watcher, row.daemon.options.get(row.watcher.name, {})
    name, count = clean(watcher.name), len(watcher.processes)
    wanted = options.get("numprocesses")
    ending = _ending(options)
    match action:
        case Action.START:
            many = f": {_count(wanted)} will run" if isinstance(wanted, int) else ""
            return f"Start {name}{many}?"
        case Action.STOP:
            return f"Stop {name}: {_count(count)} will get {ending}, and stay down?"
        case Action.RESTART:
            return f"Restart {name}: {_count(count)} will get {ending}, then it starts again?"
        case Action.RELOAD:
            return f"Reload {name}: {_count(count)} will be replaced by new ones?"
        case Action.KILL:
            return f"Kill {_target(prompt)}: {ending}; circusd then starts a replacement?"
        case Action.SIGNAL:
            sent = signal_name(prompt.signum or 0)
            return f"Send {sent} to {_target(prompt)}?"
        case Action.INCR:
            before = wanted if isinstance(wanted, int) else count
            return f"One more process of {name}: {before} → {before + 1}?"
        case Action.DECR:
            before = wanted if isinstance(wanted, int) else count
            return f"One process less of {name}: {before} → {max(before - 1, 0)}, the last one is stopped?"
        case _:
            assert_never(action)


def _ending(options: Mapping[str, Any]) -> str:
    number = options.get("stop_signal", signal.SIGTERM)
    grace = options.get("graceful_timeout")
    sent = signal_name(number) if isinstance(number, int) else str(number)
    if sent == "SIGKILL":
        return sent
    return (
        f"{sent}, SIGKILL after {grace:g} s" if isinstance(grace, (int, float)) else f"{sent}, then SIGKILL"
    )
