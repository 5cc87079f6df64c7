"""From what happened in a watcher to what is published about it. Pure; each event is stamped by its caller.

The reference's words, topics and keys come first and stay as they are; richer keys stand beside them. A test holds
every payload against its model in `circus.protocol.events`.
"""

from typing import Any, assert_never

from circus.process.exits import ExitStatus, signal_name
from circus.protocol.topics import watcher_topic
from circus.stream import OutputTrouble, Source, TailLine, TroubleKind
from circus.watcher import events as happened

__all__ = ["from_trouble", "line_payload", "to_wire"]

Payload = dict[str, Any]


def from_trouble(trouble: OutputTrouble) -> happened.Event | None:
    """The event of a trouble with output; None where nothing is lost, which is for the log alone."""
    source = trouble.source
    match trouble.kind:
        case TroubleKind.LOSING:
            return happened.OutputLost(
                watcher=source.watcher,
                stream=source.stream,
                error=trouble.error,
                dropped=trouble.dropped_bytes,
                pid=source.pid,
            )
        case TroubleKind.RECOVERED:
            return happened.OutputResumed(
                watcher=source.watcher, stream=source.stream, dropped=trouble.dropped_bytes, pid=source.pid
            )
        case TroubleKind.DEGRADED:
            return None
        case _:
            assert_never(trouble.kind)


def to_wire(event: happened.Event, *, now: float) -> tuple[bytes, Payload]:
    """Topic and payload of an event.

    Args:
        event: what happened.
        now: wall-clock seconds since the epoch.
    """
    word, payload = _payload(event, now)
    payload["time"] = now
    payload["watcher"] = event.watcher
    return watcher_topic(event.watcher, word), payload


def line_payload(source: Source, line: TailLine) -> Payload:
    """A line that a worker wrote, as its followers get it."""
    return {
        "time": line.wall,
        "watcher": source.watcher,
        "wid": source.wid,
        "pid": source.pid,
        "stream": source.stream,
        "data": line.data.decode("utf-8", "replace"),
    }


def _payload(event: happened.Event, now: float) -> tuple[str, Payload]:
    match event:
        case happened.Started():
            return "start", {}
        case happened.Stopped(why=why, stuck=stuck):
            return "stop", {"why": why.value, **({"stuck": list(stuck)} if stuck else {})}
        case happened.Spawned(pid=pid, wid=wid, why=why, restarts=restarts):
            return "spawn", {"process_pid": pid, "wid": wid, "why": why.value, "restarts": restarts}
        case happened.Reaped():
            return "reap", _reaped(event)
        case happened.Killed(pid=pid, wid=wid, signal=number, why=why):
            return "kill", {"process_pid": pid, "wid": wid, "signal": signal_name(number), "why": why.value}
        case happened.Reloaded(by_hup=by_hup):
            return "reload", {"by_hup": by_hup}
        case happened.Updated(options=options):
            return "updated", {"options": list(options)}
        case happened.HookSucceeded(hook=hook, result=result):
            return "hook_success", {"name": hook, "result": result}
        case happened.HookFailed(hook=hook, error=error):
            return "hook_failure", {"name": hook, "error": error}
        case happened.BackedOff(wid=wid, attempt=attempt, wait=wait, last_exit=last, error=error):
            reason = error or _describe(last)
            return "backoff", {"wid": wid, "attempt": attempt, "wait": round(wait, 3), "reason": reason}
        case happened.Failed():
            return "failed", _failed(event, now)
        case happened.Stuck(wid=wid, pids=pids):
            return "stuck", {"process_pid": pids[0] if pids else 0, "pids": list(pids), "wid": wid}
        case happened.OutputLost(stream=stream, error=error, dropped=dropped, pid=pid):
            return "output_lost", {"stream": stream, "error": error, "dropped": dropped, "process_pid": pid}
        case happened.OutputResumed(stream=stream, dropped=dropped, pid=pid):
            return "output_resumed", {"stream": stream, "dropped": dropped, "process_pid": pid}
        case _:
            assert_never(event)


def _describe(exit_: ExitStatus | None) -> str:
    return "could not be started" if exit_ is None else exit_.describe()


def _reaped(event: happened.Reaped) -> Payload:
    killed_by = event.exit.signal
    return {
        "process_pid": event.pid,
        "exit_code": event.exit.returncode,
        "wid": event.wid,
        "signal": None if killed_by is None else signal_name(killed_by),
        "exit": event.exit.describe(),
        "why": event.why.value,
        "lifetime": round(event.lifetime, 3),
    }


def _failed(event: happened.Failed, now: float) -> Payload:
    return {
        "wid": event.wid,
        "reason": event.reason,
        "last_exit": _describe(event.last_exit),
        "last_lines": list(event.output),
        "retry_at": None if event.retry_in is None else now + event.retry_in,
    }
