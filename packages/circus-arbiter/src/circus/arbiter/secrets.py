"""What those who may only look do not see of a watcher's options. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

from circus.protocol.messages import Get, OptionsOf, Request
from circus.protocol.options import WatcherOptions

__all__ = ["HIDDEN", "without_secrets"]

HIDDEN: Final = "********"
_STREAMS: Final = frozenset({"stdout_stream_conf", "stderr_stream_conf"})
_SHOWN_OF_STREAMS: Final = frozenset({"class", "filename", "max_bytes", "backup_count", "time_format"})
_SHOWN: Final = frozenset(WatcherOptions.model_fields) - {"env"} | _STREAMS


def without_secrets(request: Request, reply: Mapping[str, Any]) -> dict[str, Any]:
    """A reply with the values hidden of `env`, of options that are not ours, and of what stream classes are given.

    The names stay. Replies to requests for other things than a watcher's options are left as they are.
    """
    if not isinstance(request, Get | OptionsOf):
        return dict(reply)
    return {**reply, "options": {name: _shown(name, value) for name, value in reply["options"].items()}}


def _shown(name: str, value: Any) -> Any:
    if name in _STREAMS and isinstance(value, dict):
        keywords = cast("dict[str, Any]", value)
        return {key: item if key in _SHOWN_OF_STREAMS else HIDDEN for key, item in keywords.items()}
    if name == "env" and isinstance(value, dict):
        return dict.fromkeys(cast("dict[str, Any]", value), HIDDEN)
    return value if name in _SHOWN else HIDDEN
